//! What is asked for, what is stored, and what becomes of faults.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tradai_control_plane::data::{
    CollectLimits, PriceKind, SeriesState, SyncMode, SyncProgress, SyncRequest, spans,
};
use tradai_domain::ports::{PortError, Span, VersionChoice};
use tradai_domain::{CandleSeries, ErrorKind, ManualClock, Timeframe};

use crate::exchange::{FakeExchange, HOUR, Market, START, World, hourly, request};

fn hours(start: i64, end: i64) -> Span {
    Span::new(START + start * HOUR, START + end * HOUR)
}

#[tokio::test]
async fn only_what_is_missing_is_asked_for() {
    let world = World::new(1_000);
    world.sync(&request(&["BTC/USDT"], 100..200)).await;
    world.exchange.take_asked();
    // Worked by hand: 100..200 is there, so that 0..100 and 200..250 are missing; the latter is asked for together
    // with the candle before it. Both are so close that one request could bring them, but a page has 100 rows.
    let result = world.sync(&request(&["BTC/USDT"], 0..250)).await;
    let asked = world.exchange.take_asked();
    let all = spans::set_of(asked.iter().map(|(_, span)| *span).collect());
    assert_eq!(all, [hours(0, 250)]);
    assert_eq!((result.symbols_synced, result.rows_synced), (1, 150));
    assert_eq!(world.stored_hours("BTC/USDT").await, (0..250).collect::<Vec<_>>());
    // Far apart gaps are not joined.
    world.sync(&request(&["BTC/USDT"], 900..1_000)).await;
    world.exchange.take_asked();
    world.sync(&request(&["BTC/USDT"], 0..1_000)).await;
    let asked = world.exchange.take_asked();
    assert!(
        asked.iter().all(|(_, span)| span.start >= hours(250, 250).start && span.end <= hours(900, 900).end)
    );
    // And then there is nothing to ask for.
    let result = world.sync(&request(&["BTC/USDT"], 0..1_000)).await;
    assert_eq!((world.exchange.take_asked(), result.rows_synced, result.symbols_synced), (Vec::new(), 0, 1));
}

#[tokio::test]
async fn the_candle_that_still_forms_is_never_stored() {
    let world = World::new(10);
    world.clock.advance(HOUR - 1);
    world.sync(&request(&["BTC/USDT"], 0..100)).await;
    assert_eq!(world.stored_hours("BTC/USDT").await, (0..10).collect::<Vec<_>>());
    world.clock.advance(1);
    world.sync(&request(&["BTC/USDT"], 0..100)).await;
    assert_eq!(world.stored_hours("BTC/USDT").await, (0..11).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_the_exchange_lacks_is_noted_and_not_asked_for_again() {
    let world = World::new(1_000);
    let outages = vec![hours(30, 33)];
    world.exchange.list("NEW/USDT", Market { listed: START + 20 * HOUR, outages, ..Market::default() });
    let result = world.sync(&request(&["NEW/USDT"], 0..100)).await;
    let outcome = &result.series[0];
    assert_eq!((outcome.state, outcome.rows_synced, outcome.candles_absent), (SeriesState::Done, 77, 23));
    assert_eq!(outcome.absent, [hours(0, 20), hours(30, 33)]);
    world.exchange.take_asked();
    let again = world.sync(&request(&["NEW/USDT"], 0..100)).await;
    assert_eq!((world.exchange.take_asked(), again.rows_synced), (Vec::new(), 0));
    let exchange = world.collector.exchanges().resolve(None).unwrap();
    let span = (Some(START), Some(START + 100 * HOUR));
    let coverage =
        world.collector.coverage(exchange, Some(&[hourly("NEW/USDT")]), span.0, span.1).await.unwrap().items;
    assert!(coverage[0].is_complete());
    assert_eq!((coverage[0].stored, coverage[0].absent_candles()), (77, 23));
    // The exchange fills its hole after all: asked to look again, it is found.
    world.exchange.list("NEW/USDT", Market { listed: START + 20 * HOUR, ..Market::default() });
    let recheck = SyncRequest { recheck: true, ..request(&["NEW/USDT"], 0..100) };
    assert_eq!(world.sync(&recheck).await.rows_synced, 3);
    assert_eq!(world.stored_hours("NEW/USDT").await, (20..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_fresh_hole_is_asked_for_again_until_it_is_a_day_old() {
    let world = World::new(100);
    world.exchange.list("BTC/USDT", Market { outages: vec![hours(95, 97)], ..Market::default() });
    world.sync(&request(&["BTC/USDT"], 0..100)).await;
    world.exchange.list("BTC/USDT", Market::default());
    let result = world.sync(&request(&["BTC/USDT"], 0..100)).await;
    assert_eq!(result.rows_synced, 2, "the exchange was late with two candles");
    assert_eq!(world.stored_hours("BTC/USDT").await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failing_symbol_stops_no_other() {
    let world = World::new(100);
    let banned =
        PortError::new(ErrorKind::Unavailable, "test is banning us").retry_after(Duration::from_secs(120));
    world.exchange.list("BAN/USDT", Market { broken: Some(banned), ..Market::default() });
    let result = world.sync(&request(&["BAN/USDT", "BTC/USDT", "NOPE/USDT"], 0..100)).await;
    assert_eq!((result.symbols_synced, result.rows_synced), (1, 100));
    let failed: Vec<_> =
        result.failed().map(|(series, error)| (series.key.symbol.as_str(), error.kind)).collect();
    assert_eq!(failed, [("BAN/USDT", ErrorKind::Unavailable), ("NOPE/USDT", ErrorKind::NotFound)]);
    let (_, ban) = result.failed().next().unwrap();
    assert_eq!(ban.retry_after, Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn incremental_brings_only_what_is_newer() {
    let world = World::new(100);
    world.sync(&request(&["BTC/USDT"], 50..60)).await;
    let incremental =
        SyncRequest { mode: SyncMode::Incremental, start: None, end: None, ..request(&["BTC/USDT"], 0..1) };
    let result = world.sync(&incremental).await;
    assert_eq!((result.rows_synced, result.symbols_synced), (40, 1));
    assert_eq!(world.stored_hours("BTC/USDT").await, (50..100).collect::<Vec<_>>());
    // Without symbols, every stored series of the timeframe.
    world.clock.advance(5 * HOUR);
    let all = SyncRequest { symbols: Vec::new(), ..incremental.clone() };
    assert_eq!(world.sync(&all).await.rows_synced, 5);
    // Of what nothing is stored, nobody knows where to begin.
    world.exchange.list("ETH/USDT", Market::default());
    let unknown = SyncRequest { symbols: vec!["ETH/USDT".parse().unwrap()], ..incremental };
    let result = world.sync(&unknown).await;
    assert_eq!(result.series[0].error.as_ref().map(|error| error.kind), Some(ErrorKind::Invalid));
    let with_start = SyncRequest { start: Some(START), ..unknown };
    assert_eq!(world.sync(&with_start).await.rows_synced, 105);
}

#[tokio::test]
async fn a_corrected_candle_is_kept_reported_and_repaired_on_request() {
    let world = World::new(200);
    world.sync(&request(&["BTC/USDT"], 0..100)).await;
    let corrected = vec![START + 50 * HOUR, START + 99 * HOUR];
    world.exchange.list("BTC/USDT", Market { corrected, ..Market::default() });
    let result = world.sync(&request(&["BTC/USDT"], 0..200)).await;
    let error = result.series[0].error.as_ref().unwrap();
    assert_eq!(
        (error.kind, result.rows_synced),
        (ErrorKind::Conflict, 100),
        "newer candles are added all the same"
    );
    // 99 hours after 2024-01-01.
    assert!(
        error.message.contains("2024-01-05 03:00") && error.message.contains("close"),
        "{}",
        error.message
    );
    let repair = SyncRequest { mode: SyncMode::Repair, ..request(&["BTC/USDT"], 0..200) };
    assert_eq!(world.sync(&repair).await.series[0].state, SeriesState::Done);
    let exchange = world.collector.exchanges().resolve(None).unwrap();
    let read =
        exchange.candles.read(&hourly("BTC/USDT"), hours(50, 51), &VersionChoice::Latest).await.unwrap();
    let candles = read.unwrap().candles;
    assert!((candles.close()[0] - candles.open()[0] - 1.0).abs() < 1e-9, "the correction is there");
}

#[tokio::test]
async fn made_up_candles_are_not_mixed_with_real_ones() {
    let world = World::new(100);
    let mut made_up = CandleSeries::default();
    made_up.push(START, [1.0, 1.0, 1.0, 1.0, 1.0]);
    let synthetic = serde_json::from_str(r#"{"synthetic": true}"#).unwrap();
    world.store.write(&hourly("BTC/USDT"), &made_up, Some(synthetic)).unwrap();
    let result = world.sync(&request(&["BTC/USDT"], 0..10)).await;
    assert_eq!(result.series[0].error.as_ref().map(|error| error.kind), Some(ErrorKind::Conflict));
    assert_eq!(world.stored_hours("BTC/USDT").await, [0]);
}

#[tokio::test]
async fn candles_of_another_exchange_are_not_added_to_a_series() {
    let world = World::new(100);
    let mut candles = CandleSeries::default();
    candles.push(START, [1.0, 1.0, 1.0, 1.0, 1.0]);
    let other = serde_json::from_str(r#"{"exchange": "other"}"#).unwrap();
    world.store.write(&hourly("BTC/USDT"), &candles, Some(other)).unwrap();
    let result = world.sync(&request(&["BTC/USDT"], 0..10)).await;
    let error = result.series[0].error.as_ref().unwrap();
    assert!(error.message.contains("of other, not of test"), "{}", error.message);
}

#[tokio::test]
async fn a_cancelled_sync_keeps_what_it_fetched() {
    let world = World::new(1_000);
    world.exchange.permits.forget_permits(usize::MAX >> 3);
    world.exchange.permits.add_permits(3);
    let plan = world.collector.plan(&request(&["BTC/USDT"], 0..1_000)).await.unwrap();
    let progress = SyncProgress::new(&plan);
    let cancel = tokio_util::sync::CancellationToken::new();
    let sync = world.collector.sync(&plan, &progress, &cancel);
    let stop = async {
        while progress.outcomes()[0].candles_answered < 300 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(sync, stop);
    assert_eq!((result.series[0].state, result.rows_synced), (SeriesState::Cancelled, 300));
    assert_eq!(world.stored_hours("BTC/USDT").await, (0..300).collect::<Vec<_>>());
    // The next one asks only for the rest.
    world.exchange.permits.add_permits(100);
    world.exchange.take_asked();
    let result = world.sync(&request(&["BTC/USDT"], 0..1_000)).await;
    assert_eq!(result.rows_synced, 700);
    assert!(world.exchange.take_asked().iter().all(|(_, span)| span.start >= hours(299, 299).start));
}

#[tokio::test]
async fn a_sync_dropped_at_any_request_loses_nothing_that_was_counted() {
    for requests in 0..8 {
        let world = World::new(1_000);
        world.exchange.permits.forget_permits(usize::MAX >> 3);
        world.exchange.permits.add_permits(requests);
        let plan = world.collector.plan(&request(&["BTC/USDT"], 0..1_000)).await.unwrap();
        let progress = SyncProgress::new(&plan);
        {
            let cancel = tokio_util::sync::CancellationToken::new();
            let mut sync = std::pin::pin!(world.collector.sync(&plan, &progress, &cancel));
            let answered = u64::try_from(requests).unwrap() * 100;
            let enough = async {
                while progress.outcomes()[0].candles_answered < answered {
                    tokio::task::yield_now().await;
                }
            };
            // Killed: nobody gets to clean up.
            tokio::select! { _ = &mut sync => unreachable!(), () = enough => {} }
        }
        let counted = progress.outcomes()[0].rows_synced;
        assert!(u64::try_from(world.stored_hours("BTC/USDT").await.len()).unwrap() >= counted);
        world.exchange.permits.add_permits(100);
        world.sync(&request(&["BTC/USDT"], 0..1_000)).await;
        assert_eq!(
            world.stored_hours("BTC/USDT").await,
            (0..1_000).collect::<Vec<_>>(),
            "{requests} requests"
        );
    }
}

#[tokio::test]
async fn many_symbols_at_once_but_no_more_than_allowed() {
    let world = World::with_limits(300, CollectLimits { concurrency: 4, ..CollectLimits::default() });
    let symbols: Vec<String> = (0..40).map(|at| format!("A{at}/USDT")).collect();
    for symbol in &symbols {
        world.exchange.list(symbol, Market::default());
    }
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let wanted = request(&names, 0..300);
    // Two requests for the same symbols at the same time: the second waits and then asks for nothing.
    let (one, other) = tokio::join!(world.sync(&wanted), world.sync(&wanted));
    assert_eq!(one.rows_synced + other.rows_synced, 40 * 300);
    assert_eq!((one.symbols_synced, other.symbols_synced), (40, 40));
    assert_eq!(world.exchange.asked.lock().unwrap().len(), 40 * 3, "three pages a symbol, once");
    let most = world.exchange.most_under_way.load(std::sync::atomic::Ordering::SeqCst);
    // How many of the four places are taken at one moment is for the machine to say.
    assert!((2..=4).contains(&most), "{most}");
}

#[tokio::test]
async fn a_source_that_breaks_its_contract_is_an_error_and_no_data() {
    let world = World::new(100);
    // An exchange whose pages have no rows never gets on.
    let stuck = FakeExchange::new("test", &world.clock, 0);
    stuck.list("BTC/USDT", Market::default());
    let exchange = world.collector.exchanges().resolve(None).unwrap();
    let exchange = tradai_control_plane::data::Exchange { source: stuck, candles: exchange.candles.clone() };
    let plan = world.collector.plan(&request(&["BTC/USDT"], 0..50)).await.unwrap();
    let plan = tradai_control_plane::data::SyncPlan { exchange, ..plan };
    let progress = SyncProgress::new(&plan);
    let result = world.collector.sync(&plan, &progress, &tokio_util::sync::CancellationToken::new()).await;
    assert_eq!(result.series[0].error.as_ref().map(|error| error.kind), Some(ErrorKind::Data));
    assert!(world.stored_hours("BTC/USDT").await.is_empty());
}

#[tokio::test]
async fn quality_tells_what_is_wrong() {
    let world = World::new(1_000);
    let mut candles = CandleSeries::default();
    let rows = [
        (0, [100.0, 102.0, 98.0, 100.0, 5.0]),
        (1, [100.0, 100.0, 100.0, 100.0, 0.0]), // flat, nothing traded
        (4, [100.0, 90.0, 98.0, 100.0, 5.0]),   // after two missing ones; high below low
        (5, [200.0, 202.0, 198.0, 200.0, 5.0]), // doubles
    ];
    for (hour, row) in rows {
        candles.push(START + hour * HOUR, row);
    }
    world.store.write(&hourly("BTC/USDT"), &candles, None).unwrap();
    let exchange = world.collector.exchanges().resolve(None).unwrap();
    let quality = world.collector.quality(exchange, &hourly("BTC/USDT"), None, None).await.unwrap().unwrap();
    let counts =
        (quality.rows, quality.missing, quality.impossible, quality.zero_volume, quality.flat, quality.jumps);
    assert_eq!(counts, (4, 2, 1, 1, 1, 1));
    // Three of six are missing or impossible.
    assert!((quality.score() - 0.5).abs() < 1e-12);
    assert_eq!(quality.faults.len(), 3);
    let nothing = world.collector.quality(exchange, &hourly("X/USDT"), None, None).await.unwrap();
    assert_eq!(nothing, None);
    assert_eq!(quality.key.timeframe, Timeframe::H1);
}

#[tokio::test]
async fn funding_rates_keep_no_grid_and_are_complete_all_the_same() {
    let world = World::new(1_000);
    world.exchange.list("BTC/USDT:USDT", Market::default());
    let funding = SyncRequest { price: PriceKind::FundingRate, ..request(&["BTC/USDT:USDT"], 0..100) };
    // One every eight hours: at 0, 8, ... 96.
    assert_eq!(world.sync(&funding).await.rows_synced, 13);
    world.exchange.take_asked();
    assert_eq!(world.sync(&funding).await.rows_synced, 0);
    assert_eq!(world.exchange.take_asked(), [], "after 96:00 there is known to be none before 100:00");
    let exchange = world.collector.exchanges().resolve(None).unwrap();
    let key = PriceKind::FundingRate.series(&"BTC/USDT:USDT".parse().unwrap(), Timeframe::H1);
    let (start, end) = (Some(START), Some(START + 100 * HOUR));
    let coverage = world.collector.coverage(exchange, Some(&[key]), start, end).await.unwrap().items;
    assert!(coverage[0].is_complete() && (coverage[0].ratio() - 1.0).abs() < 1e-12, "{coverage:?}");
    let later = SyncRequest { price: PriceKind::FundingRate, ..request(&["BTC/USDT:USDT"], 0..200) };
    assert_eq!(world.sync(&later).await.rows_synced, 12, "at 104, 112, ... 192");
}

#[tokio::test]
async fn hours_between_two_funding_rates_are_not_noted_as_absent() {
    let world = World::new(500);
    world.exchange.list("BTC/USDT:USDT", Market::default());
    let key = PriceKind::FundingRate.series(&"BTC/USDT:USDT".parse().unwrap(), Timeframe::H1);
    let repository = &world.collector.exchanges().resolve(None).unwrap().candles;
    let noted = async || {
        let stored = repository.find(&key, &VersionChoice::Latest).await.unwrap().unwrap();
        stored.notes.absent.iter().map(|absence| absence.span).collect::<Vec<_>>()
    };
    // Pages of 100 hours end between two rates.
    let funding = SyncRequest { price: PriceKind::FundingRate, ..request(&["BTC/USDT:USDT"], 1..500) };
    let result = world.sync(&funding).await;
    assert_eq!(noted().await, [hours(1, 8), hours(497, 500)], "before the first and after the last");
    assert_eq!(result.series[0].candles_absent, 10);
    world.clock.advance(6 * HOUR);
    let newer = SyncRequest { mode: SyncMode::Incremental, end: Some(START + 506 * HOUR), ..funding.clone() };
    let result = world.sync(&newer).await;
    assert_eq!((result.rows_synced, result.series[0].candles_absent), (1, 1), "the rate of 504:00");
    assert_eq!(noted().await, [hours(1, 8), hours(505, 506)]);
}

#[tokio::test]
async fn a_series_that_cannot_be_read_is_named_beside_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::in_folder(dir.path(), &Arc::new(ManualClock::at(START + 100 * HOUR)));
    world.exchange.list("ETH/USDT", Market::default());
    world.sync(&request(&["BTC/USDT", "ETH/USDT"], 0..100)).await;
    for file in files_under(dir.path()) {
        if file.to_string_lossy().contains("ETH_USDT_1h") {
            std::fs::write(file, "damaged").unwrap();
        }
    }
    let again = World::in_folder(dir.path(), &world.clock);
    let exchange = again.collector.exchanges().resolve(None).unwrap();
    let freshness = again.collector.freshness(exchange, None, 1).await.unwrap();
    let coverage = again.collector.coverage(exchange, None, None, None).await.unwrap();
    let (fresh, covered) =
        (freshness.items.iter().map(|item| &item.key), coverage.items.iter().map(|item| &item.key));
    assert!(fresh.eq([&hourly("BTC/USDT")]) && covered.eq([&hourly("BTC/USDT")]));
    assert_eq!(freshness.damaged, coverage.damaged);
    assert!(
        matches!(&freshness.damaged[..], [text] if text.contains("ETH_USDT_1h")),
        "{:?}",
        freshness.damaged
    );
    let named = again.collector.coverage(exchange, Some(&[hourly("ETH/USDT")]), None, None).await;
    assert_eq!(named.unwrap_err().kind(), ErrorKind::Data);
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}
