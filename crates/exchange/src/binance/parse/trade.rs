//! Public trades and own fills, of every book and of aggregates.

use super::{Reader, rows};
use crate::base::complete_trade;
use crate::model::{Fee, Market, OrderType, Side, TakerOrMaker, Trade};
use crate::{Json, Reply};

impl Reader<'_> {
    pub(super) fn trades(&self, json: &Json<'_>) -> Reply {
        let mut trades: Vec<_> = rows(json).iter().map(|row| self.read_trade(row, None)).collect();
        trades.sort_by_key(|trade| trade.timestamp);
        Reply::Trades(trades)
    }

    /// Reads one trade; the fills of an order do not name their market.
    pub(super) fn read_trade(&self, row: &Json<'_>, market: Option<&Market>) -> Trade {
        let fee = row.get("commission").as_decimal().map(|cost| Fee {
            currency: row.get("commissionAsset").to_text(),
            cost: Some(cost),
            rate: None,
        });
        let mut trade = Trade {
            id: row.first(&["a", "id", "t", "tradeId", "executionId"]).to_text(),
            order: row.get("orderId").to_text(),
            timestamp: row.first(&["T", "time", "executionAt"]).as_millis(),
            symbol: market.map(|market| market.symbol.clone()).or_else(|| self.symbol(row)),
            kind: row.get("orderType").as_str().map(|kind| OrderType::parse(&kind.to_lowercase())),
            side: side(row),
            taker_or_maker: role(row),
            price: row.first(&["p", "price"]).as_decimal(),
            amount: row.first(&["q", "qty", "quantity"]).as_decimal(),
            cost: row.first(&["quoteQty", "baseQty", "total"]).as_decimal(),
            fee,
        };
        complete_trade(&mut trade, None);
        trade
    }
}

/// Own trades say `isBuyer` or `side`; public ones only whether the buyer waited, so the seller took.
fn side(row: &Json<'_>) -> Option<Side> {
    let pick = |buys: bool| if buys { Side::Buy } else { Side::Sell };
    if let Some(buyer_waited) = row.first(&["m", "isBuyerMaker"]).as_bool() {
        return Some(pick(!buyer_waited));
    }
    if let Some(side) = row.get("side").as_str() {
        return Side::parse(side);
    }
    row.first(&["isBuyer", "buyer"]).as_bool().map(pick)
}

fn role(row: &Json<'_>) -> Option<TakerOrMaker> {
    let maker = row.first(&["isMaker", "maker"]).as_bool()?;
    Some(if maker { TakerOrMaker::Maker } else { TakerOrMaker::Taker })
}
