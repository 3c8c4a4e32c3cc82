//! Positions, with what Binance leaves to its users to compute.
//!
//! Source of the formulas: Binance's "how to calculate liquidation price of USD-M contracts", solved for the
//! margin: at the liquidation price `L`, what a position has left equals its maintenance margin.

use tradai_domain::Symbol;

use super::{Reader, rows};
use crate::model::{MarginMode, Market, Position, PositionSide};
use crate::{Decimal, Json, Reply};

/// Digits after the point of quotients.
const PLACES: u32 = 18;
/// Digits after the point of margins, which Binance shows with as many.
const MARGIN_PLACES: u32 = 8;

impl Reader<'_> {
    pub(super) fn positions(&self, json: &Json<'_>, symbols: &[Symbol]) -> Reply {
        let open = |row: &&Json<'_>| row.get("entryPrice").as_decimal().is_some_and(Decimal::is_positive);
        let read = rows(json).iter().filter(open).filter_map(|row| self.read_position(row));
        let wanted = |position: &Position| {
            symbols.is_empty() || position.symbol.as_ref().is_some_and(|symbol| symbols.contains(symbol))
        };
        Reply::Positions(read.filter(wanted).collect())
    }

    fn read_position(&self, row: &Json<'_>) -> Option<Position> {
        let market = self.market(row)?;
        let signed = row.get("positionAmt").as_decimal()?;
        let contracts = signed.abs();
        let number = |name: &str| row.get(name).as_decimal();
        let side = match signed {
            amount if amount.is_positive() => Some(PositionSide::Long),
            amount if amount.is_negative() => Some(PositionSide::Short),
            _ => None,
        };
        let mark_price = row.get("markPrice").as_nonzero();
        let notional = number("notional").or_else(|| worth(contracts, mark_price?, market)).map(Decimal::abs);
        let mut position = Position {
            symbol: Some(market.symbol.clone()),
            timestamp: row.get("updateTime").as_millis().filter(|time| *time > 0),
            side,
            contracts: Some(contracts),
            contract_size: market.contract_size,
            entry_price: number("entryPrice"),
            mark_price,
            notional,
            leverage: number("leverage"),
            unrealized_pnl: number("unRealizedProfit"),
            liquidation_price: row.get("liquidationPrice").as_nonzero(),
            margin_mode: mode(row),
            hedged: row.get("positionSide").as_str().map(|side| side != "BOTH"),
            maintenance_margin_percentage: self.maintenance_rate(market, notional),
            ..Position::default()
        };
        self.set_initial_margin(&mut position, row);
        set_collateral(&mut position, row, market);
        position.margin_ratio = margin_ratio(&position);
        position.percentage = percentage(&position);
        Some(position)
    }

    /// Returns the maintenance rate of the bracket that a notional falls into.
    fn maintenance_rate(&self, market: &Market, notional: Option<Decimal>) -> Option<Decimal> {
        let tiers = self.context.leverage_tiers?.get(&market.symbol)?;
        let notional = notional?;
        let holds = |min: Option<Decimal>| min.is_none_or(|min| notional >= min);
        tiers.iter().rev().find(|tier| holds(tier.min_notional))?.maintenance_margin_rate
    }

    fn set_initial_margin(&self, position: &mut Position, row: &Json<'_>) {
        let sent = row.get("notional").as_decimal().is_some();
        position.initial_margin_percentage =
            position.leverage.and_then(|leverage| Decimal::ONE.div(leverage, MARGIN_PLACES));
        let margin = position.notional.zip(position.leverage).and_then(|(n, l)| n.div(l, PLACES));
        position.initial_margin = margin.map(|m| if sent { m.truncated(MARGIN_PLACES) } else { m });
    }
}

fn mode(row: &Json<'_>) -> Option<MarginMode> {
    match row.get("marginType").as_str()? {
        "cross" => Some(MarginMode::Cross),
        "isolated" => Some(MarginMode::Isolated),
        _ => None,
    }
}

/// Returns what contracts are worth in settlement currency.
fn worth(contracts: Decimal, price: Decimal, market: &Market) -> Option<Decimal> {
    let value = contracts.checked_mul(market.contract_size.unwrap_or(Decimal::ONE))?;
    if market.is_inverse() { value.div(price, PLACES) } else { value.checked_mul(price) }
}

/// An isolated position has its own margin, and what of it is left at liquidation is the maintenance margin. Of
/// a crossed one the exchange tells only where it would be liquidated, from which follows what backs it.
fn set_collateral(position: &mut Position, row: &Json<'_>, market: &Market) {
    let by_rate = position
        .notional
        .zip(position.maintenance_margin_percentage)
        .and_then(|(n, rate)| n.checked_mul(rate));
    position.maintenance_margin = by_rate;
    match position.margin_mode {
        Some(MarginMode::Isolated) => {
            position.collateral = row.get("isolatedMargin").as_decimal();
            position.position_margin =
                position.collateral.zip(position.unrealized_pnl).and_then(|(c, p)| c.checked_sub(p));
            if let Some(left) = left_at_liquidation(position, market) {
                position.maintenance_margin = Some(left);
            }
        }
        Some(MarginMode::Cross) => position.collateral = cross_collateral(position, market),
        None => position.collateral = Some(Decimal::ZERO),
    }
}

/// Wallet less what is lost on the way to the liquidation price.
fn left_at_liquidation(position: &Position, market: &Market) -> Option<Decimal> {
    let wallet = position.position_margin?;
    let (entry, liquidation) = (position.entry_price?, position.liquidation_price?);
    let contracts = position.contracts?;
    let lost = worth(contracts, liquidation, market)?.checked_sub(worth(contracts, entry, market)?)?.abs();
    wallet.checked_sub(lost).filter(|left| left.is_positive())
}

/// Solves "wallet + profit and loss at L = rate * notional at L" for the wallet.
fn cross_collateral(position: &Position, market: &Market) -> Option<Decimal> {
    let (entry, liquidation) = (position.entry_price?, position.liquidation_price?);
    let (rate, contracts) = (position.maintenance_margin_percentage?, position.contracts?);
    let at_liquidation = worth(contracts, liquidation, market)?;
    let change = if market.is_inverse() {
        worth(contracts, entry, market)?.checked_sub(at_liquidation)?
    } else {
        at_liquidation.checked_sub(worth(contracts, entry, market)?)?
    };
    let gain = if position.side == Some(PositionSide::Short) { change.negate() } else { change };
    at_liquidation.checked_mul(rate)?.checked_sub(gain)
}

/// Four digits: cut on isolated positions, rounded on crossed ones, as CCXT shows them.
fn margin_ratio(position: &Position) -> Option<Decimal> {
    let ratio = position.maintenance_margin?.div(position.collateral?, PLACES)?;
    Some(match position.margin_mode {
        Some(MarginMode::Isolated) => ratio.truncated(4),
        _ => ratio.rounded(4),
    })
}

fn percentage(position: &Position) -> Option<Decimal> {
    let share = position.unrealized_pnl?.div(position.initial_margin?, 4)?;
    share.checked_mul(Decimal::from(100))
}
