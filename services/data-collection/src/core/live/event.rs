//! What listeners are told.

use serde_json::{Map, Value, json};
use tradai_domain::Millis;
use tradai_exchange::feed::{FeedItem, Missing, Stream};
use tradai_exchange::model::Candle;

/// Something that happened to a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// Its number among the events of the exchange; 0 until it is told.
    pub(crate) seq: u64,
    pub(crate) stream: Stream,
    pub(crate) kind: &'static str,
    /// When the service learned of it.
    pub(crate) at: Millis,
    pub(crate) data: Value,
}

impl Event {
    pub(super) fn new(stream: Stream, kind: &'static str, at: Millis, details: Value) -> Self {
        let mut data = Map::new();
        data.insert("symbol".to_owned(), json!(stream.symbol().to_string()));
        if let Stream::Candles { timeframe, .. } = &stream {
            data.insert("timeframe".to_owned(), json!(timeframe.as_str()));
        }
        if let Value::Object(details) = details {
            data.extend(details);
        }
        Self { seq: 0, stream, kind, at, data: Value::Object(data) }
    }

    /// Returns the event that a listener is told of what it lost.
    pub(crate) fn dropped(stream: Stream, count: u64, at: Millis) -> Self {
        Self::new(stream, "dropped", at, json!({"count": count}))
    }

    /// Returns the event that a listener is told who goes on after a number that is not remembered: what came up to
    /// `seq` is not known here any more.
    pub(super) fn missed(stream: Stream, since: u64, seq: u64, at: Millis) -> Self {
        Self { seq, ..Self::new(stream, "missed", at, json!({"since_seq": since})) }
    }

    /// Whether the next event of its kind says all that it says.
    pub(super) fn is_ticker(&self) -> bool {
        self.kind == "ticker"
    }

    /// Whether it says how a stream is rather than bringing data: a stream has one state at a time.
    pub(super) fn is_state(&self) -> bool {
        matches!(self.kind, "live" | "reconnecting" | "stale")
    }

    /// Returns what an item of a feed means to listeners, one event per stream. What a feed has lost, and what it was
    /// refused, is no event.
    pub(super) fn of_item(item: FeedItem, at: Millis) -> Vec<Self> {
        let candles = |symbol, timeframe| Stream::Candles { symbol, timeframe };
        match item {
            FeedItem::Candle { symbol, timeframe, candle } => {
                vec![Self::new(candles(symbol, timeframe), "candle", at, candle_json(&candle))]
            }
            FeedItem::Correction { symbol, timeframe, candle, .. } => {
                vec![Self::new(candles(symbol, timeframe), "correction", at, candle_json(&candle))]
            }
            FeedItem::BookTicker(ticker) => {
                let prices = json!({
                    "bid": ticker.bid, "bid_amount": ticker.bid_amount,
                    "ask": ticker.ask, "ask_amount": ticker.ask_amount, "update_id": ticker.update_id,
                });
                vec![Self::new(Stream::BookTicker { symbol: ticker.symbol }, "ticker", at, prices)]
            }
            FeedItem::Gap { stream, missing } => {
                let span = match missing {
                    Missing::Candles { from, until } => json!({"from": from, "until": until}),
                    Missing::Trades { from, until } => json!({"from": from, "until": until}),
                };
                vec![Self::new(stream, "gap", at, span)]
            }
            FeedItem::Live { stream } => vec![Self::new(stream, "live", at, Value::Null)],
            FeedItem::Reconnecting { streams, reason } => {
                each(streams, "reconnecting", at, &json!({"reason": reason}))
            }
            FeedItem::Stale { streams, silent_for } => {
                each(streams, "stale", at, &json!({"silent_seconds": silent_for.as_secs()}))
            }
            _ => Vec::new(),
        }
    }
}

fn each(streams: Vec<Stream>, kind: &'static str, at: Millis, details: &Value) -> Vec<Event> {
    streams.into_iter().map(|stream| Event::new(stream, kind, at, details.clone())).collect()
}

fn candle_json(candle: &Candle) -> Value {
    json!({
        "timestamp": candle.open_time, "open": candle.open, "high": candle.high, "low": candle.low,
        "close": candle.close, "volume": candle.volume,
    })
}
