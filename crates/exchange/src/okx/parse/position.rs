//! Positions.

use tradai_domain::Symbol;

use super::Reader;
use crate::model::{MarginMode, Position, PositionSide};
use crate::{Decimal, Json, Reply};

impl Reader<'_> {
    pub(super) fn positions(&self, data: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let read = data.items().iter().map(|row| self.read_position(row));
        let wanted = |position: &Position| {
            symbols.is_empty() || position.symbol.as_ref().is_some_and(|symbol| symbols.contains(symbol))
        };
        Reply::Positions(read.filter(wanted).collect())
    }

    pub(super) fn position(&self, row: &Json<'_>) -> Reply {
        Reply::Position(Box::new(self.read_position(row)))
    }

    fn read_position(&self, row: &Json<'_>) -> Position {
        let market = self.market(row);
        let number = |name: &str| row.get(name).as_decimal();
        let amount = number("pos");
        let hedged = row.get("posSide").as_str().map(|side| side != "net");
        let side = match row.get("posSide").as_str() {
            Some("long") => Some(PositionSide::Long),
            Some("short") => Some(PositionSide::Short),
            _ => amount
                .filter(|amount| !amount.is_zero())
                .map(|amount| if amount.is_negative() { PositionSide::Short } else { PositionSide::Long }),
        };
        let mode = row.get("mgnMode").as_str().and_then(MarginMode::parse);
        let isolated = mode == Some(MarginMode::Isolated);
        let (notional, leverage) = (number("notionalUsd"), number("lever"));
        let margin = number("margin");
        let initial_margin = if isolated { margin } else { number("imr") };
        let upl = number("upl");
        let collateral = if isolated {
            margin.zip(upl).and_then(|(margin, gain)| margin.checked_add(gain)).or(margin)
        } else {
            None
        };
        let maintenance_margin = number("mmr");
        let share = |part: Option<Decimal>| part?.div(notional.filter(|notional| !notional.is_zero())?, 4);
        Position {
            id: row.get("posId").to_text(),
            symbol: self.symbol(row),
            timestamp: row.get("cTime").as_millis(),
            last_update_timestamp: row.get("uTime").as_millis(),
            side,
            contracts: amount.map(Decimal::abs),
            contract_size: market.and_then(|market| market.contract_size),
            entry_price: number("avgPx"),
            mark_price: number("markPx"),
            notional,
            leverage,
            collateral,
            position_margin: margin.filter(|_| isolated),
            initial_margin,
            initial_margin_percentage: if isolated {
                leverage.and_then(|leverage| Decimal::ONE.div(leverage, 18))
            } else {
                share(initial_margin)
            },
            maintenance_margin,
            maintenance_margin_percentage: share(maintenance_margin),
            margin_ratio: maintenance_margin.zip(collateral).and_then(|(mm, c)| mm.div(c, 4)),
            unrealized_pnl: upl,
            realized_pnl: number("realizedPnl"),
            liquidation_price: row.get("liqPx").as_nonzero(),
            margin_mode: mode,
            hedged,
            percentage: number("uplRatio").and_then(|ratio| ratio.checked_mul(Decimal::from(100))),
            stop_loss_price: number("slTriggerPx"),
            take_profit_price: number("tpTriggerPx"),
            ..Position::default()
        }
    }
}
