//! Where a feed gets what its sockets missed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tradai_domain::{Millis, Symbol, Timeframe};

use crate::client::Client;
use crate::feed::PublicTrade;
use crate::model::{Candle, Trade};
use crate::{Error, Page};

/// REST, as far as a feed needs it. Keeps to the exchange's limits by itself. A feed repeats what failed, with
/// pauses.
#[async_trait]
pub trait Backfill: Send + Sync {
    /// Returns the first `limit` candles that open at `since` or later, oldest first, with the one that still forms
    /// if it is among them.
    ///
    /// # Errors
    /// What kept them from coming.
    async fn candles(
        &self,
        symbol: &Symbol,
        timeframe: Timeframe,
        since: Millis,
        limit: u32,
    ) -> Result<Vec<Candle>, Error>;

    /// Returns the first `limit` trades (those that [`crate::feed::FeedItem::Trade`] tells) with this id or a
    /// higher one, by id. `since`: none of them is older.
    ///
    /// # Errors
    /// What kept them from coming.
    async fn trades(
        &self,
        symbol: &Symbol,
        from_id: u64,
        since: Millis,
        limit: u32,
    ) -> Result<Vec<PublicTrade>, Error>;
}

/// Pages of trades asked for in one go: the first may hold little that is new.
const MAX_PAGES: usize = 3;

#[async_trait]
impl Backfill for Client {
    async fn candles(
        &self,
        symbol: &Symbol,
        timeframe: Timeframe,
        since: Millis,
        limit: u32,
    ) -> Result<Vec<Candle>, Error> {
        let page = Page { since: Some(since), limit: Some(limit), ..Page::default() };
        self.fetch_ohlcv(symbol, &timeframe.to_string(), page).await
    }

    async fn trades(
        &self,
        symbol: &Symbol,
        from_id: u64,
        mut since: Millis,
        limit: u32,
    ) -> Result<Vec<PublicTrade>, Error> {
        let mut trades = BTreeMap::new();
        for _ in 0..MAX_PAGES {
            let page = Page { since: Some(since), limit: Some(limit), ..Page::default() };
            let rows = self.fetch_trades(symbol, page).await?;
            let (is_full, last) = (rows.len() >= limit as usize, rows.last().and_then(|row| row.timestamp));
            let rows = rows.into_iter().filter_map(|row| public_trade(symbol, row));
            trades.extend(rows.filter(|trade| trade.id >= from_id).map(|trade| (trade.id, trade)));
            since = last.unwrap_or(since);
            if !is_full || trades.len() >= limit as usize {
                break;
            }
        }
        Ok(trades.into_values().take(limit as usize).collect())
    }
}

/// Returns `None` for a row that lacks something.
fn public_trade(symbol: &Symbol, row: Trade) -> Option<PublicTrade> {
    Some(PublicTrade {
        symbol: symbol.clone(),
        id: row.id?.parse().ok()?,
        timestamp: row.timestamp?,
        side: row.side?,
        price: row.price?,
        amount: row.amount?,
    })
}
