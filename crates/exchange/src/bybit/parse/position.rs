//! Positions, with what older replies leave out computed.

use tradai_domain::Symbol;

use super::{Reader, first, list};
use crate::model::{Market, Position, PositionSide};
use crate::{Decimal, Error, Json, Reply};

/// Digits after the point of quotients.
const PLACES: u32 = 18;

impl Reader<'_> {
    pub(super) fn positions(&self, result: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let read = list(result).iter().map(|row| self.read_position(row));
        let wanted = |position: &Position| {
            symbols.is_empty() || position.symbol.as_ref().is_some_and(|symbol| symbols.contains(symbol))
        };
        Reply::Positions(read.filter(wanted).collect())
    }

    pub(super) fn position(&self, result: &Json<'_>) -> Result<Reply, Error> {
        Ok(Reply::Position(Box::new(self.read_position(first(result)?))))
    }

    fn read_position(&self, row: &Json<'_>) -> Position {
        let market = self.market(row);
        let number = |name: &str| row.get(name).as_decimal();
        let size = number("size").map(Decimal::abs);
        let side = match row.get("side").as_str() {
            Some("Buy") => Some(PositionSide::Long),
            Some("Sell") => Some(PositionSide::Short),
            _ => None,
        };
        let entry_price = row.first(&["entryPrice", "avgPrice"]).as_nonzero();
        let mark_price = number("markPrice");
        let inverse = market.is_some_and(Market::is_inverse);
        let at_mark = || size?.div(mark_price?, PLACES);
        let notional = if inverse { at_mark() } else { number("positionValue").map(Decimal::abs) };
        let leverage = number("leverage");
        let unrealized_pnl =
            number("unrealisedPnl").or_else(|| gain(entry_price?, mark_price?, size?, side?, market));
        let initial_margin =
            number("positionIM").or_else(|| at_entry(size?, entry_price?, inverse)?.div(leverage?, PLACES));
        let maintenance_margin = number("positionMM")
            .or_else(|| left_at_liquidation(number("liqPrice")?, number("bustPrice")?, size?));
        let position_margin = number("positionBalance");
        let collateral =
            position_margin.zip(unrealized_pnl).and_then(|(margin, gain)| margin.checked_add(gain));
        let share = |margin: Option<Decimal>| margin?.div(notional.filter(|n| !n.is_zero())?, PLACES);
        Position {
            symbol: self.symbol(row),
            timestamp: row.get("createdTime").as_millis(),
            last_update_timestamp: row.get("updatedTime").as_millis(),
            side,
            contracts: size,
            contract_size: market.and_then(|market| market.contract_size),
            entry_price,
            mark_price,
            notional,
            leverage,
            collateral,
            position_margin,
            initial_margin,
            initial_margin_percentage: share(initial_margin),
            maintenance_margin,
            maintenance_margin_percentage: share(maintenance_margin),
            margin_ratio: maintenance_margin.zip(collateral).and_then(|(mm, c)| mm.div(c, 4)),
            unrealized_pnl,
            realized_pnl: row.first(&["closedPnl", "curRealisedPnl"]).as_decimal(),
            liquidation_price: row.get("liqPrice").as_nonzero(),
            hedged: row.get("positionIdx").as_i64().map(|index| index != 0),
            percentage: unrealized_pnl
                .zip(initial_margin)
                .and_then(|(gain, margin)| gain.div(margin, 4)?.checked_mul(Decimal::from(100))),
            stop_loss_price: number("stopLoss"),
            take_profit_price: number("takeProfit"),
            ..Position::default()
        }
    }
}

/// What the position cost.
fn at_entry(size: Decimal, entry: Decimal, inverse: bool) -> Option<Decimal> {
    if inverse { size.div(entry, PLACES) } else { size.checked_mul(entry) }
}

/// What the position would bring if closed at the mark price.
fn gain(
    entry: Decimal,
    mark: Decimal,
    size: Decimal,
    side: PositionSide,
    market: Option<&Market>,
) -> Option<Decimal> {
    let rise = if market.is_some_and(Market::is_inverse) {
        size.div(entry, PLACES)?.checked_sub(size.div(mark, PLACES)?)?
    } else {
        mark.checked_sub(entry)?.checked_mul(size)?
    };
    Some(if side == PositionSide::Short { rise.negate() } else { rise })
}

/// Between liquidation and bankruptcy the maintenance margin is used up.
fn left_at_liquidation(liquidation: Decimal, bankruptcy: Decimal, size: Decimal) -> Option<Decimal> {
    liquidation.checked_sub(bankruptcy)?.abs().checked_mul(size)
}
