//! Candles come once each, in order, as REST has them, whatever happens to sockets and replies.

use tradai_domain::Timeframe;
use tradai_exchange::feed::binance::Venue;
use tradai_exchange::feed::{FeedItem, Missing, Subscription};

use super::support::{DAY, MINUTE, START, World, candles_of, states};

const FIRST: i64 = START + DAY;

/// Follows minute candles for so many minutes and returns what came, the last candle included. Each minute passes
/// in `steps` steps.
async fn follow(world: &World, minutes: i64, steps: i64) -> Vec<FeedItem> {
    let (_feed, mut reader) = world.feed(&[world.candles(Timeframe::M1)]).await;
    let mut items = reader.live(1).await;
    for minute in 0..minutes {
        for _ in 0..steps {
            world.pass(MINUTE / steps);
            world.pings_are_answered().await;
        }
        items.extend(reader.candle(FIRST + minute * MINUTE).await);
        world.pings_are_answered().await;
    }
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn every_closed_candle_comes_once_as_rest_has_it() {
    for venue in [Venue::Spot, Venue::UsdM] {
        let world = World::new(venue, "[]").await;
        let items = follow(&world, 12, 4).await;
        assert_eq!(candles_of(&items), world.closed(Timeframe::M1, FIRST).await);
        assert_eq!(states(&items), ["live"], "{venue:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candle_that_is_never_said_to_be_closed_is_proven_by_the_next() {
    let world = World::new(Venue::Spot, r#"[{"fault": {"kind": "never_closed"}}]"#).await;
    let (_feed, mut reader) = world.feed(&[world.candles(Timeframe::M1)]).await;
    reader.live(1).await;
    for minute in 0..5 {
        // The next one begins.
        world.pass(MINUTE + 6_000);
        let items = reader.candle(FIRST + minute * MINUTE).await;
        let closed = world.closed(Timeframe::M1, FIRST + minute * MINUTE).await;
        assert_eq!(candles_of(&items), closed[..1]);
        world.pings_are_answered().await;
    }
}

/// The exchange's frames and replies go wrong in every way but one: what is closed stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn no_disorder_loses_repeats_or_changes_a_candle() {
    let faults = r#"[
        {"path": "btcusdt@*", "probability": 0.15, "fault": {"kind": "drop_frame"}},
        {"path": "btcusdt@*", "probability": 0.15, "fault": {"kind": "duplicate_frame"}},
        {"path": "btcusdt@*", "probability": 0.15, "fault": {"kind": "late_frame"}},
        {"path": "btcusdt@*", "probability": 0.2, "fault": {"kind": "never_closed"}},
        {"path": "btcusdt@*", "probability": 0.03, "fault": {"kind": "cut"}},
        {"path": "/api/v3/klines", "probability": 0.1, "fault": {"kind": "status", "status": 503}},
        {"path": "/api/v3/klines", "probability": 0.1, "fault": {"kind": "reset"}},
        {"path": "/api/v3/klines", "probability": 0.1, "fault": {"kind": "candles", "edit": "duplicate"}},
        {"path": "/api/v3/klines", "probability": 0.1, "fault": {"kind": "candles", "edit": "out_of_order"}},
        {"path": "/api/v3/klines", "probability": 0.1, "fault": {"kind": "candles", "edit": "missing"}}]"#;
    let world = World::new(Venue::Spot, faults).await;
    let (_feed, mut reader) = world.feed(&[world.candles(Timeframe::M1)]).await;
    let mut items = reader.live(1).await;
    let minutes = 60;
    for _ in 0..minutes * 6 {
        world.pass(MINUTE / 6);
        tokio::time::sleep(std::time::Duration::from_millis(12)).await;
    }
    world.admin("faults", "[]").await;
    // Whatever pauses are left pass, and another candle begins.
    let last = FIRST + minutes * MINUTE;
    let mut told = items.split_off(0);
    loop {
        world.pass(MINUTE);
        let item = reader.next().await;
        let is_last = matches!(&item, FeedItem::Candle { candle, .. } if candle.open_time >= last);
        told.push(item);
        if is_last {
            break;
        }
    }
    let candles = candles_of(&told);
    let closed = world.closed(Timeframe::M1, FIRST).await;
    assert_eq!(candles[..], closed[..candles.len()]);
    assert!(!states(&told).contains(&"gap") && !states(&told).contains(&"correction"));
    assert!(states(&told).contains(&"reconnecting"), "the sockets were cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_exchange_does_not_have_is_a_gap() {
    let gap = format!(
        r#"[{{"symbol": "BTCUSDT", "from": {}, "until": {}, "fault": {{"kind": "gap"}}}}]"#,
        FIRST + 3 * MINUTE,
        FIRST + 5 * MINUTE
    );
    let world = World::new(Venue::UsdM, &gap).await;
    let (_feed, mut reader) = world.feed(&[world.candles(Timeframe::M1)]).await;
    let mut items = reader.live(1).await;
    items.extend(read_while_passing(&world, &mut reader, FIRST + 6 * MINUTE).await);
    let missing = Missing::Candles { from: FIRST + 3 * MINUTE, until: FIRST + 5 * MINUTE };
    let gap = FeedItem::Gap { stream: world.candles(Timeframe::M1), missing };
    let at = items.iter().position(|item| *item == gap).expect("the gap is told");
    let opens = |items: &[FeedItem]| -> Vec<i64> {
        candles_of(items).iter().map(|candle| (candle.open_time - FIRST) / MINUTE).collect()
    };
    assert_eq!((opens(&items[..at]), opens(&items[at..])), (vec![0, 1, 2], vec![5, 6]));
}

/// Lets time pass by seconds, for the pauses between questions to REST, until a candle has come.
async fn read_while_passing(
    world: &World,
    reader: &mut super::support::Reader,
    open_time: i64,
) -> Vec<FeedItem> {
    let mut items = Vec::new();
    loop {
        world.pass(2_000);
        let wait = std::time::Duration::from_millis(15);
        while let Ok(item) = tokio::time::timeout(wait, reader.next()).await {
            let is_it = matches!(&item, FeedItem::Candle { candle, .. } if candle.open_time == open_time);
            items.push(item);
            if is_it {
                return items;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_told_as_one_and_never_as_a_candle() {
    let fault =
        r#"[{"path": "btcusdt@kline_1m", "skip": 2, "count": 1, "fault": {"kind": "correct_closed"}}]"#;
    let world = World::new(Venue::Spot, fault).await;
    let items = follow(&world, 6, 1).await;
    let corrected = items.iter().find_map(|item| match item {
        FeedItem::Correction { candle, told, .. } => Some((*candle, told.expect("it was told"))),
        _ => None,
    });
    let (candle, told) = corrected.expect("the correction is told");
    let closed = world.closed(Timeframe::M1, FIRST).await;
    assert_eq!((candles_of(&items).len(), told), (6, closed[2]));
    assert!(candle.open_time == told.open_time && candle.close > told.close);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_the_past_comes_from_rest_and_goes_on_from_the_socket() {
    let world = World::new(Venue::UsdM, "[]").await;
    let since = FIRST - 1_500 * MINUTE + 60 * MINUTE;
    let subscription = Subscription { stream: world.candles(Timeframe::M1), since: Some(since) };
    let (_feed, mut reader) = world.feed_with(world.settings(), vec![subscription]).await;
    let items = reader.live(1).await;
    let opens: Vec<i64> = candles_of(&items).iter().map(|candle| candle.open_time).collect();
    assert_eq!(opens, (since..FIRST).step_by(60_000).collect::<Vec<_>>());
    world.pass(MINUTE);
    assert_eq!(candles_of(&reader.candle(FIRST).await).len(), 1);
}
