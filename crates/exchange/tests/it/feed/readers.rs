//! What is subscribed changes, and readers are slow.

use tradai_domain::Timeframe;
use tradai_exchange::ErrorClass;
use tradai_exchange::feed::binance::Venue;
use tradai_exchange::feed::{FeedItem, Stream, Subscription};

use super::support::{MINUTE, World};

#[tokio::test(flavor = "multi_thread")]
async fn streams_come_and_go_while_it_runs() {
    let world = World::new(Venue::UsdM, "[]").await;
    let (feed, mut reader) = world.feed(&[world.trades()]).await;
    reader.live(1).await;
    feed.add(world.ticker().into()).await.unwrap();
    feed.add(world.ticker().into()).await.unwrap();
    let live = reader.live(1).await;
    assert_eq!(live.last(), Some(&FeedItem::Live { stream: world.ticker() }));
    world.pass(MINUTE);
    reader.until(|item| matches!(item, FeedItem::BookTicker(_))).await;
    feed.remove(&world.trades()).await.unwrap();
    feed.add(world.candles(Timeframe::M1).into()).await.unwrap();
    reader.live(1).await;
    world.pass(MINUTE);
    let items = reader.until(|item| matches!(item, FeedItem::Candle { .. })).await;
    assert!(!items.iter().any(|item| matches!(item, FeedItem::Trade(_))), "they were removed");
    feed.close().await;
    while reader.0.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_refused_by_name() {
    let world = World::new(Venue::Spot, "[]").await;
    let (feed, _reader) = world.feed(&[]).await;
    let nothing = Stream::Trades { symbol: "NO/SUCH".parse().unwrap() };
    assert_eq!(feed.add(nothing.into()).await.unwrap_err().class, ErrorClass::BadSymbol);
    let off = Subscription { stream: world.candles(Timeframe::H1), since: Some(1) };
    assert!(feed.add(off).await.unwrap_err().message.contains("since"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_told_what_it_lost_and_others_lose_nothing() {
    let world = World::new(Venue::Spot, "[]").await;
    let mut settings = world.settings();
    settings.quick_items = 10;
    let streams = vec![world.trades().into(), world.candles(Timeframe::M1).into()];
    let (feed, mut reader) = world.feed_with(settings, streams).await;
    let mut other = super::support::Reader(feed.reader());
    reader.live(2).await;
    world.pass(10 * MINUTE);
    let mut seen = 0;
    while seen < 10 {
        seen += usize::from(matches!(other.next().await, FeedItem::Candle { .. }));
    }
    // Each minute has 13 trades; ten are kept.
    let mut told = 0;
    let mut dropped = 0;
    let mut candles = 0;
    while candles < 10 {
        match reader.next().await {
            FeedItem::Trade(_) => told += 1,
            FeedItem::Candle { .. } => candles += 1,
            FeedItem::Dropped { stream, count, .. } => {
                assert_eq!(stream, Some(world.trades()));
                dropped += count;
            }
            _ => {}
        }
    }
    assert!(told <= 10 && dropped + told >= 120, "{told} told, {dropped} dropped");
}
