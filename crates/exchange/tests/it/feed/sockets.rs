//! Sockets that freeze, break, grow old and are shut down.

use std::time::Duration;

use tradai_domain::Timeframe;
use tradai_exchange::feed::FeedItem;
use tradai_exchange::feed::binance::Venue;

use super::support::{DAY, HOUR, MINUTE, Reader, SECOND, START, World, candles_of, states};

const FIRST: i64 = START + DAY;

fn trade_ids(items: &[FeedItem]) -> Vec<u64> {
    let id = |item: &FeedItem| match item {
        FeedItem::Trade(trade) => Some(trade.id),
        _ => None,
    };
    items.iter().filter_map(id).collect()
}

fn is_consecutive(ids: &[u64]) -> bool {
    ids.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

/// Reads until a state of this name has come.
async fn until_state(reader: &mut Reader, name: &str) -> Vec<FeedItem> {
    reader.until(|item| states(std::slice::from_ref(item)) == [name]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_x17_a_frozen_socket_is_stale_and_replaced_within_half_a_minute() {
    for venue in [Venue::Spot, Venue::UsdM] {
        let fault = r#"[{"path": "btcusdt@aggTrade", "skip": 5, "count": 1, "fault": {"kind": "stall"}}]"#;
        let world = World::new(venue, fault).await;
        let mut settings = world.settings();
        settings.max_silence = Duration::from_secs(25);
        let streams = [world.trades(), world.candles(Timeframe::M1)];
        let subscriptions = streams.iter().cloned().map(Into::into).collect();
        let (_feed, mut reader) = world.feed_with(settings, subscriptions).await;
        let mut items = reader.live(2).await;
        world.pass(20 * SECOND);
        while trade_ids(&items).len() < 4 {
            items.push(reader.next().await);
        }
        // The sixth trade freezes the socket: it stays open and says nothing more.
        world.pass(15 * SECOND);
        items.extend(reader.until(|item| matches!(item, FeedItem::Trade(_))).await);
        world.fault_strikes().await;
        let frozen = world.now();
        world.pass(25 * SECOND);
        items.extend(until_state(&mut reader, "stale").await);
        items.extend(until_state(&mut reader, "reconnecting").await);
        assert!(world.now() - frozen <= 30 * SECOND);
        // From here on the clock stands still: the first attempt is at once.
        items.extend(reader.live(2).await);
        for _ in 0..12 {
            world.pass(5 * SECOND);
            items.extend(reader.until(|item| matches!(item, FeedItem::Trade(_))).await);
            world.pings_are_answered().await;
        }
        items.extend(reader.candle(FIRST + MINUTE).await);
        let closed = world.closed(Timeframe::M1, FIRST).await;
        assert_eq!(candles_of(&items), closed, "{venue:?}");
        assert!(is_consecutive(&trade_ids(&items)) && !states(&items).contains(&"gap"), "{venue:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_x17_a_frozen_book_is_stale_on_its_own_socket() {
    let fault = r#"[{"path": "btcusdt@bookTicker", "skip": 3, "count": 1, "fault": {"kind": "stall"}}]"#;
    let world = World::new(Venue::UsdM, fault).await;
    let mut settings = world.settings();
    settings.max_silence = Duration::from_secs(25);
    let (_feed, mut reader) = world.feed_with(settings, vec![world.ticker().into()]).await;
    let mut items = reader.live(1).await;
    for _ in 0..3 {
        world.pass(5 * SECOND);
        items.extend(reader.until(|item| matches!(item, FeedItem::BookTicker(_))).await);
    }
    world.pass(5 * SECOND);
    world.fault_strikes().await;
    world.pass(25 * SECOND);
    let stale = until_state(&mut reader, "stale").await;
    let Some(FeedItem::Stale { streams, silent_for }) = stale.last() else { panic!() };
    assert_eq!(streams, &[world.ticker()]);
    assert!(*silent_for >= Duration::from_secs(25) && *silent_for <= Duration::from_secs(30));
    reader.live(1).await;
    world.pass(5 * SECOND);
    reader.until(|item| matches!(item, FeedItem::BookTicker(_))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_breaks_is_told_of_and_costs_nothing() {
    let fault = r#"[{"path": "btcusdt@aggTrade", "skip": 7, "count": 1, "fault": {"kind": "cut"}}]"#;
    let world = World::new(Venue::Spot, fault).await;
    let (_feed, mut reader) = world.feed(&[world.trades(), world.candles(Timeframe::M1)]).await;
    let mut items = reader.live(2).await;
    world.pass(3 * MINUTE);
    items.extend(until_state(&mut reader, "reconnecting").await);
    items.extend(reader.live(2).await);
    world.pass(MINUTE);
    items.extend(reader.candle(FIRST + 3 * MINUTE).await);
    let trades = trade_ids(&items);
    assert!(is_consecutive(&trades) && trades.len() >= 39, "{trades:?}");
    assert_eq!(candles_of(&items), world.closed(Timeframe::M1, FIRST).await);
    assert_eq!(states(&items), ["live", "live", "reconnecting", "live", "live"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_passes_without_a_reconnect() {
    let world = World::new(Venue::Spot, "[]").await;
    let (_feed, mut reader) = world.feed(&[world.candles(Timeframe::H1)]).await;
    let mut items = reader.live(1).await;
    for hour in 0..50 {
        world.pass(HOUR);
        items.extend(reader.candle(FIRST + hour * HOUR).await);
        world.pings_are_answered().await;
        if hour % 23 == 22 {
            // The second socket is there; and some seconds later the first has left.
            world.until_sockets(2, 0).await;
            world.until_sockets(1, SECOND).await;
        }
    }
    assert_eq!(states(&items), ["live"]);
    assert_eq!(candles_of(&items), world.closed(Timeframe::H1, FIRST).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cut_after_24_hours_is_survived_by_who_did_not_roll() {
    let world = World::new(Venue::Spot, "[]").await;
    let mut settings = world.settings();
    settings.roll_after = Duration::from_secs(100 * 3_600);
    let (_feed, mut reader) = world.feed_with(settings, vec![world.candles(Timeframe::H1).into()]).await;
    let mut items = reader.live(1).await;
    world.pass(DAY);
    items.extend(until_state(&mut reader, "reconnecting").await);
    items.extend(reader.live(1).await);
    world.pass(HOUR);
    items.extend(reader.candle(FIRST + DAY).await);
    assert_eq!(candles_of(&items), world.closed(Timeframe::H1, FIRST).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_shutdown_is_no_reconnect() {
    let world = World::new(Venue::UsdM, "[]").await;
    let (_feed, mut reader) = world.feed(&[world.trades()]).await;
    let mut items = reader.live(1).await;
    world.pass(MINUTE);
    while trade_ids(&items).len() < 13 {
        items.push(reader.next().await);
    }
    world.admin("shutdown-sockets", "").await;
    // The exchange closes the old socket a second later; the new one must be there by then.
    world.until_sockets(2, 0).await;
    for _ in 0..4 {
        world.pass(MINUTE);
        let wanted = trade_ids(&items).len() + 13;
        while trade_ids(&items).len() < wanted {
            items.push(reader.next().await);
        }
        world.pings_are_answered().await;
    }
    assert!(is_consecutive(&trade_ids(&items)));
    assert_eq!(states(&items), ["live"]);
    world.until_sockets(1, 0).await;
}
