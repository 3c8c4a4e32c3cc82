//! What can be subscribed, and what comes.

use std::time::Duration;

use tradai_domain::{Millis, Symbol, Timeframe};

use crate::Decimal;
use crate::model::{Candle, Side};

/// A kind of data of one market.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Closed candles.
    Candles {
        /// Of which market.
        symbol: Symbol,
        /// How long.
        timeframe: Timeframe,
    },
    /// Trades, those of one taker order at one price summed up.
    Trades {
        /// Of which market.
        symbol: Symbol,
    },
    /// The best bid and ask.
    BookTicker {
        /// Of which market.
        symbol: Symbol,
    },
}

impl Stream {
    /// Returns the market.
    #[must_use]
    pub fn symbol(&self) -> &Symbol {
        match self {
            Self::Candles { symbol, .. } | Self::Trades { symbol } | Self::BookTicker { symbol } => symbol,
        }
    }
}

/// A stream, and where it is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What.
    pub stream: Stream,
    /// Of candles, the open time of the first one wanted, on the timeframe's grid: REST brings what has closed by
    /// now. Without it the first is the one that forms when [`FeedItem::Live`] comes. Other streams begin with what
    /// comes.
    pub since: Option<Millis>,
}

impl From<Stream> for Subscription {
    fn from(stream: Stream) -> Self {
        Self { stream, since: None }
    }
}

/// A trade of the public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicTrade {
    /// The market.
    pub symbol: Symbol,
    /// Counts up by one from trade to trade of a market.
    pub id: u64,
    /// When.
    pub timestamp: Millis,
    /// What the taker did.
    pub side: Side,
    /// At which price.
    pub price: Decimal,
    /// How much, in base currency.
    pub amount: Decimal,
}

/// The best prices of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookTicker {
    /// The market.
    pub symbol: Symbol,
    /// Counts up with the changes of the book, with holes.
    pub update_id: u64,
    /// What buyers offer at most.
    pub bid: Decimal,
    /// How much they want at that price.
    pub bid_amount: Decimal,
    /// What sellers ask at least.
    pub ask: Decimal,
    /// How much they have at that price.
    pub ask_amount: Decimal,
}

/// What neither socket nor REST has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Candles.
    Candles {
        /// Open time of the first that is missing.
        from: Millis,
        /// Open time of the first that is there again.
        until: Millis,
    },
    /// Trades.
    Trades {
        /// Id of the first that is missing.
        from: u64,
        /// Id of the first that is there again.
        until: u64,
    },
}

/// What comes out of a feed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FeedItem {
    /// A candle has closed. Per series in order, each once.
    Candle {
        /// The market.
        symbol: Symbol,
        /// Its length.
        timeframe: Timeframe,
        /// It.
        candle: Candle,
    },
    /// The exchange has changed its mind about a candle that was told, or has found one that was told missing.
    Correction {
        /// The market.
        symbol: Symbol,
        /// Its length.
        timeframe: Timeframe,
        /// What the exchange says now.
        candle: Candle,
        /// What was told; `None` where a gap was.
        told: Option<Candle>,
    },
    /// A trade. Per market by id, without holes but for gaps.
    Trade(PublicTrade),
    /// Best prices, never older than the ones before.
    BookTicker(BookTicker),
    /// Something is missing at this place, for good.
    Gap {
        /// Of which stream.
        stream: Stream,
        /// What.
        missing: Missing,
    },
    /// No data until [`FeedItem::Live`]: the socket is lost, and another is being opened.
    Reconnecting {
        /// Of these streams.
        streams: Vec<Stream>,
        /// Why.
        reason: String,
    },
    /// No data for longer than there should be none. Candles come from REST meanwhile; trust nothing that must be
    /// fresh until [`FeedItem::Live`].
    Stale {
        /// Of these streams.
        streams: Vec<Stream>,
        /// For how long.
        silent_for: Duration,
    },
    /// The exchange sends this stream, and what was missed before has been made up for.
    Live {
        /// Which.
        stream: Stream,
    },
    /// The exchange does not send these streams.
    Refused {
        /// Which.
        streams: Vec<Stream>,
        /// What it says.
        message: String,
    },
    /// The reader was too slow: these were lost in its queue, all of them older than what comes next of the stream.
    Dropped {
        /// Of which stream; `None` for states such as [`FeedItem::Live`].
        stream: Option<Stream>,
        /// How many items.
        count: u64,
        /// Of candles, the open times of the first and the last that were lost, to fetch them.
        candles: Option<(Millis, Millis)>,
    },
}
