//! Requests that make no sense, or ask for too much.

use tradai_control_plane::data::{CollectLimits, SyncMode, SyncRequest};
use tradai_control_plane::{Error, RequestFault};
use tradai_domain::{ErrorKind, Timeframe};

use crate::exchange::{HOUR, Market, START, World, request};

async fn faults(world: &World, request: &SyncRequest) -> Vec<RequestFault> {
    match world.collector.plan(request).await {
        Err(error @ Error::Request(_)) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let Error::Request(faults) = error else { unreachable!() };
            faults
        }
        other => panic!("{other:?} where the request should be refused"),
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let world = World::new(100);
    let wrong = SyncRequest {
        exchange: "kraken".parse().ok(),
        timeframe: Timeframe::M5,
        end: Some(START + 20 * HOUR),
        ..request(&[], 50..60)
    };
    let found = faults(&world, &wrong).await;
    let fields: Vec<&str> = found.iter().map(|fault| fault.field).collect();
    assert_eq!(fields, ["exchange", "symbols", "end"]);
    assert!(found[0].reason.contains("`kraken` is not configured here; configured are test"), "{}", found[0]);
    let wrong = SyncRequest { exchange: None, ..wrong };
    let found = faults(&world, &wrong).await;
    assert!(found[0].reason.contains("it has 1m 1h 1d"), "{}", found[0]);
}

#[tokio::test]
async fn times_that_cannot_be() {
    let world = World::new(100);
    let future = faults(&world, &request(&["BTC/USDT"], 200..300)).await;
    assert!(future[0].field == "start" && future[0].reason.contains("in the future"), "{future:?}");
    let before = SyncRequest { start: Some(-1), ..request(&["BTC/USDT"], 0..1) };
    assert_eq!(faults(&world, &before).await[0].reason, "is before 1970");
    let none = SyncRequest { start: None, ..request(&["BTC/USDT"], 0..1) };
    assert_eq!(faults(&world, &none).await[0].field, "start");
    // An end in the future means now, and the extremes of the type do not overflow.
    let forever = SyncRequest { end: Some(i64::MAX), ..request(&["BTC/USDT"], 0..1) };
    assert_eq!(world.collector.plan(&forever).await.unwrap().end, START + 100 * HOUR);
    let backwards = SyncRequest { start: Some(i64::MIN), end: Some(i64::MIN), ..forever };
    faults(&world, &backwards).await;
}

#[tokio::test]
async fn ten_years_of_minutes_of_500_symbols_are_refused_with_the_limit() {
    let world = World::new(100);
    let symbols: Vec<String> = (0..500).map(|at| format!("A{at}/USDT")).collect();
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let huge = SyncRequest {
        timeframe: Timeframe::M1,
        start: Some(START - 10 * 365 * 24 * HOUR),
        ..request(&names, 0..100)
    };
    let found = faults(&world, &huge).await;
    assert!(found[0].reason.contains("25000000"), "{found:?}");
    let many: Vec<&str> = names.iter().copied().chain(["X/USDT"]).collect();
    let found = faults(&world, &request(&many, 0..100)).await;
    assert!(found[0].reason.contains("501 symbols") && found[0].reason.contains("500"), "{found:?}");
}

#[tokio::test]
async fn limits_leave_an_incremental_sync_of_what_is_stored_alone() {
    let limits = CollectLimits { symbols: 2, candles: 100, ..CollectLimits::default() };
    let world = World::with_limits(80, limits);
    let names = ["BTC/USDT", "A/USDT", "B/USDT"];
    for symbol in names {
        world.exchange.list(symbol, Market::default());
        world.sync(&request(&[symbol], 70..80)).await;
    }
    world.clock.advance(HOUR);
    let newer = |symbols: &[&str]| SyncRequest { mode: SyncMode::Incremental, ..request(symbols, 0..81) };
    // Two of 81 candles since the start, of which all but one are stored each.
    assert_eq!(world.sync(&newer(&names[..2])).await.rows_synced, 2);
    // Three that are found stored, where a caller may name two.
    let all = SyncRequest { symbols: Vec::new(), ..newer(&[]) };
    assert_eq!(world.sync(&all).await.symbols_synced, 3);
    assert!(faults(&world, &newer(&names)).await[0].reason.contains("3 symbols"));
    // What is not stored begins at the start, and counts.
    let found = faults(&world, &newer(&["C/USDT", "D/USDT"])).await;
    assert!(found[0].reason.contains("come to 162"), "{found:?}");
    assert!(world.collector.plan(&newer(&["BTC/USDT", "D/USDT"])).await.is_ok());
}

#[tokio::test]
async fn a_symbol_named_twice_is_collected_once() {
    let world = World::with_limits(100, CollectLimits { concurrency: 0, ..CollectLimits::default() });
    let result = world.sync(&request(&["BTC/USDT", "BTC/USDT"], 0..10)).await;
    assert_eq!((result.series.len(), result.rows_synced), (1, 10));
}

#[tokio::test]
async fn ensure_adds_days_before_the_start() {
    let world = World::new(100);
    let wanted = SyncRequest { mode: SyncMode::Repair, ..request(&["BTC/USDT"], 48..60) };
    let plan = world.collector.plan_ensure(&wanted, 1).await.unwrap();
    assert_eq!((plan.start, plan.mode), (Some(START + 24 * HOUR), SyncMode::Gaps));
    assert!(!world.collector.report(&plan).await.unwrap().is_ready());
    world.sync(&request(&["BTC/USDT"], 24..60)).await;
    let report = world.collector.report(&plan).await.unwrap();
    assert!(report.is_ready() && report.coverage[0].stored == 36);
    assert!(world.collector.plan_ensure(&wanted, 10_000).await.is_err());
}
