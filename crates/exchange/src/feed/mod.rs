//! Live market data over websockets: closed candles, trades and best prices, without holes that nobody mentions.
//!
//! [`Feed::connect`] opens sockets for what is subscribed and hands out a [`FeedReader`]; what goes wrong in between
//! is an item of the stream, too: [`FeedItem::Reconnecting`], [`FeedItem::Stale`], [`FeedItem::Gap`],
//! [`FeedItem::Dropped`]. Who trades on it enters nothing between one of the first two and [`FeedItem::Live`].
//!
//! Decisions are pure and told the moment, so that a day can pass in a test: one state machine per series
//! (`candles`, `trades`, `book_ticker`), one for the sockets (`supervisor`). Around them a thin shell of tasks
//! (`line`, `connection`). REST comes in through [`Backfill`].
//!
//! Not for accounts and orders, nor for candles that still form. Invariant: of each series every closed candle
//! comes once, in order, and only when the exchange has said that it is closed, or has begun the next one; what
//! neither socket nor REST has is a [`FeedItem::Gap`] at its place.

mod backfill;
mod backoff;
pub mod binance;
mod book_ticker;
mod candles;
mod connection;
#[expect(clippy::module_inception, reason = "the type that the module is about")]
mod feed;
mod item;
mod line;
mod link;
mod pacer;
mod queue;
mod settings;
mod supervisor;
mod tracker;
mod trades;

pub use backfill::Backfill;
pub use feed::{Feed, Outside};
pub use item::{BookTicker, FeedItem, Missing, PublicTrade, Stream, Subscription};
pub use queue::FeedReader;
pub use settings::FeedSettings;
