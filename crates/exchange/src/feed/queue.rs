//! What waits for a reader: bounded, and what is lost is counted and told.
//!
//! Two bounds, so that a flood of prices does not wash away candles: one for trades and best prices, one for
//! everything else. When one is reached, the oldest goes. Invariant: an item that went into the queue comes out of
//! it, in order, or is counted in a [`FeedItem::Dropped`] that comes out before the next item of its stream.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tradai_domain::Millis;

use crate::feed::{FeedItem, FeedSettings, Stream};

#[derive(Debug)]
struct Inner {
    /// Items under the number of their coming.
    quick: VecDeque<(u64, FeedItem)>,
    lasting: VecDeque<(u64, FeedItem)>,
    losses: BTreeMap<Option<Stream>, Loss>,
    coming: u64,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Loss {
    count: u64,
    candles: Option<(Millis, Millis)>,
}

/// The queue of one reader.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    is_filled: Notify,
    quick_items: usize,
    lasting_items: usize,
}

impl Queue {
    pub(crate) fn new(settings: &FeedSettings) -> Arc<Self> {
        let inner = Inner {
            quick: VecDeque::new(),
            lasting: VecDeque::new(),
            losses: BTreeMap::new(),
            coming: 0,
            is_closed: false,
        };
        Arc::new(Self {
            inner: Mutex::new(inner),
            is_filled: Notify::new(),
            quick_items: settings.quick_items.max(1),
            lasting_items: settings.lasting_items.max(1),
        })
    }

    /// No code that holds it can panic half-way.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item; never waits.
    pub(crate) fn push(&self, item: FeedItem) {
        let mut inner = self.lock();
        inner.coming += 1;
        let number = inner.coming;
        let is_quick = matches!(item, FeedItem::Trade(_) | FeedItem::BookTicker(_));
        let most = if is_quick { self.quick_items } else { self.lasting_items };
        let items = if is_quick { &mut inner.quick } else { &mut inner.lasting };
        let oldest = if items.len() >= most { items.pop_front() } else { None };
        items.push_back((number, item));
        if let Some((_, oldest)) = oldest {
            inner.lose(&oldest);
        }
        drop(inner);
        self.is_filled.notify_one();
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.is_filled.notify_one();
    }
}

impl Inner {
    fn lose(&mut self, item: &FeedItem) {
        let (stream, open_time) = match item {
            FeedItem::Candle { symbol, timeframe, candle }
            | FeedItem::Correction { symbol, timeframe, candle, .. } => {
                let stream = Stream::Candles { symbol: symbol.clone(), timeframe: *timeframe };
                (Some(stream), Some(candle.open_time))
            }
            FeedItem::Trade(trade) => (Some(Stream::Trades { symbol: trade.symbol.clone() }), None),
            FeedItem::BookTicker(ticker) => {
                (Some(Stream::BookTicker { symbol: ticker.symbol.clone() }), None)
            }
            FeedItem::Gap { stream, .. } => (Some(stream.clone()), None),
            _ => (None, None),
        };
        let loss = self.losses.entry(stream).or_default();
        loss.count += 1;
        if let Some(at) = open_time {
            let (first, last) = loss.candles.unwrap_or((at, at));
            loss.candles = Some((first.min(at), last.max(at)));
        }
    }

    /// Losses first: whatever is still here of a stream is newer.
    fn pop(&mut self) -> Option<FeedItem> {
        if let Some((stream, loss)) = self.losses.pop_first() {
            return Some(FeedItem::Dropped { stream, count: loss.count, candles: loss.candles });
        }
        let of = |items: &VecDeque<(u64, FeedItem)>| items.front().map_or(u64::MAX, |(number, _)| *number);
        let earlier = if of(&self.quick) < of(&self.lasting) { &mut self.quick } else { &mut self.lasting };
        earlier.pop_front().map(|(_, item)| item)
    }
}

/// Reads what a feed tells. Dropping it ends its queue.
#[derive(Debug)]
pub struct FeedReader(pub(crate) Arc<Queue>);

impl FeedReader {
    /// Returns the next item; `None` once the feed has been closed and everything was read.
    ///
    /// Cancel safe: an item is taken only when it is returned.
    pub async fn next(&mut self) -> Option<FeedItem> {
        loop {
            {
                let mut inner = self.0.lock();
                let item = inner.pop();
                if item.is_some() || inner.is_closed {
                    return item;
                }
            }
            self.0.is_filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tradai_domain::{Symbol, Timeframe};

    use super::*;
    use crate::Decimal;
    use crate::feed::PublicTrade;
    use crate::feed::binance::Venue;
    use crate::model::{Candle, Side};

    fn symbol() -> Symbol {
        "BTC/USDT".parse().unwrap()
    }

    fn trade(id: u64) -> FeedItem {
        let (price, amount) = (Decimal::ONE, Decimal::ONE);
        FeedItem::Trade(PublicTrade { symbol: symbol(), id, timestamp: 0, side: Side::Buy, price, amount })
    }

    fn candle(open_time: i64) -> FeedItem {
        let candle = Candle { open_time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: None };
        FeedItem::Candle { symbol: symbol(), timeframe: Timeframe::M1, candle }
    }

    fn queue(quick_items: usize, lasting_items: usize) -> (Arc<Queue>, FeedReader) {
        let settings = FeedSettings { quick_items, lasting_items, ..FeedSettings::new(Venue::Spot) };
        let queue = Queue::new(&settings);
        (Arc::clone(&queue), FeedReader(queue))
    }

    fn read(reader: &mut FeedReader) -> Vec<FeedItem> {
        std::iter::from_fn(|| reader.next().now_or_never().flatten()).collect()
    }

    #[test]
    fn a_flood_of_trades_loses_trades_by_count_and_no_candle() {
        let (queue, mut reader) = queue(2, 10);
        queue.push(candle(60_000));
        (1..=5).for_each(|id| queue.push(trade(id)));
        queue.push(candle(120_000));
        let stream = Some(Stream::Trades { symbol: symbol() });
        let dropped = FeedItem::Dropped { stream, count: 3, candles: None };
        assert_eq!(read(&mut reader), [dropped, candle(60_000), trade(4), trade(5), candle(120_000)]);
    }

    #[test]
    fn a_reader_who_sleeps_learns_which_candles_to_fetch() {
        let (queue, mut reader) = queue(2, 2);
        (1..=5).for_each(|minute| queue.push(candle(minute * 60_000)));
        let stream = Some(Stream::Candles { symbol: symbol(), timeframe: Timeframe::M1 });
        let dropped = FeedItem::Dropped { stream, count: 3, candles: Some((60_000, 180_000)) };
        assert_eq!(read(&mut reader), [dropped, candle(240_000), candle(300_000)]);
    }

    #[test]
    fn what_is_left_is_read_after_the_end() {
        let (queue, mut reader) = queue(2, 2);
        queue.push(trade(1));
        assert_eq!(reader.next().now_or_never(), Some(Some(trade(1))));
        assert_eq!(reader.next().now_or_never(), None, "more may come");
        queue.push(trade(2));
        queue.close();
        assert_eq!(reader.next().now_or_never(), Some(Some(trade(2))));
        assert_eq!(reader.next().now_or_never(), Some(None));
    }
}
