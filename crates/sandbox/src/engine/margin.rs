//! Margin of the USD-M account: what positions and orders tie up, and what happens when it runs out.
//!
//! One settlement currency at a time. Mark prices decide. A market ties up the larger of what it would hold if all
//! its buys were executed and if all its sells were, divided by its leverage; so closing costs nothing.

use rust_decimal::Decimal;
use serde_json::json;

use super::Engine;
use crate::account::{Cause, Position, Why};
use crate::market::{Venue, tier_of};
use crate::number;
use crate::order::{NewOrder, Order, OrderType, PositionSide, Side, Status, TimeInForce, WorkingType};
use crate::refusal::{Outcome, Refusal};

/// The state of one settlement currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Margin {
    pub(crate) wallet: Decimal,
    /// Of positions in cross and in isolated mode.
    pub(crate) cross_unrealized: Decimal,
    pub(crate) isolated_unrealized: Decimal,
    pub(crate) position_initial: Decimal,
    pub(crate) order_initial: Decimal,
    pub(crate) maintenance: Decimal,
    /// Set aside for isolated positions.
    pub(crate) isolated_wallet: Decimal,
    /// Of cross positions alone.
    pub(crate) cross_maintenance: Decimal,
}

impl Margin {
    pub(crate) fn unrealized(&self) -> Decimal {
        self.cross_unrealized + self.isolated_unrealized
    }

    pub(crate) fn cross_wallet(&self) -> Decimal {
        self.wallet - self.isolated_wallet
    }

    /// What new positions may use; never negative.
    pub(crate) fn available(&self) -> Decimal {
        self.headroom().max(Decimal::ZERO)
    }

    fn headroom(&self) -> Decimal {
        self.wallet + self.cross_unrealized - self.position_initial - self.order_initial
    }
}

/// Margin that a market ties up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MarketMargin {
    pub(crate) position: Decimal,
    pub(crate) orders: Decimal,
}

/// An order that is not open yet: side, position, value.
type Extra = (Side, PositionSide, Decimal);

impl Engine {
    /// Returns the margin of a settlement currency.
    pub(crate) fn margin(&self, asset: &str) -> Margin {
        let mut margin =
            Margin { wallet: self.account.balance(Venue::UsdM, asset).free, ..Margin::default() };
        for (market, of) in self.markets.iter().enumerate() {
            if of.venue != Venue::UsdM || of.quote() != asset {
                continue;
            }
            let tied = self.market_margin(market, None);
            margin.position_initial += tied.position;
            margin.order_initial += tied.orders;
            let is_isolated = self.account.leverage_of(market).is_isolated;
            let mark = of.mark_price(self.now);
            for (_, position) in self.positions_of(market) {
                let maintenance = maintenance(&position, mark);
                margin.maintenance += maintenance;
                margin.isolated_wallet += position.isolated_wallet;
                if is_isolated {
                    margin.isolated_unrealized += position.unrealized(mark);
                } else {
                    margin.cross_unrealized += position.unrealized(mark);
                    margin.cross_maintenance += maintenance;
                }
            }
        }
        margin
    }

    /// Returns the open positions of a market.
    pub(crate) fn positions_of(&self, market: usize) -> Vec<(PositionSide, Position)> {
        let of =
            self.account.positions.iter().filter(|((of, _), position)| *of == market && position.is_open());
        of.map(|((_, side), position)| (*side, position.clone())).collect()
    }

    /// Returns what a market ties up, with an order that may come.
    pub(crate) fn market_margin(&self, market: usize, extra: Option<Extra>) -> MarketMargin {
        let settings = self.account.leverage_of(market);
        let mark = self.markets[market].mark_price(self.now);
        let mut tied = MarketMargin::default();
        for side in [PositionSide::Both, PositionSide::Long, PositionSide::Short] {
            let position = self.account.position(market, side);
            let held = position.amount * mark;
            let open = |of: Side| -> Decimal {
                let orders = self.open_orders(market).filter(|order| {
                    order.asked.side == of
                        && order.asked.position_side == side
                        && !order.asked.is_reduce_only
                        && !order.asked.closes_position
                });
                let value: Decimal = orders.map(|order| order.asked.price * order.remaining()).sum();
                let extra = extra.filter(|(extra, position, _)| *extra == of && *position == side);
                value + extra.map_or(Decimal::ZERO, |(_, _, value)| value)
            };
            let exposure = (held + open(Side::Buy)).abs().max((held - open(Side::Sell)).abs());
            let leverage = Decimal::from(settings.leverage);
            let initial = if settings.is_isolated { position.isolated_wallet } else { held.abs() / leverage };
            tied.position += initial;
            tied.orders += (exposure - held.abs()).max(Decimal::ZERO) / leverage;
        }
        tied
    }

    pub(super) fn check_margin(&self, order: &Order) -> Outcome<()> {
        let asked = &order.asked;
        if self.closable(order).is_some() {
            return Ok(());
        }
        let market = &self.markets[asked.market];
        let price =
            if asked.kind.is_limit { asked.price } else { self.taking_price(asked.market, asked.side) };
        let value = price * order.remaining();
        let before = self.market_margin(asked.market, None).orders;
        let after = self.market_margin(asked.market, Some((asked.side, asked.position_side, value))).orders;
        let fee = if asked.kind.is_limit { Decimal::ZERO } else { value * market.taker_fee };
        if after > before && self.margin(market.quote()).headroom() < after - before + fee {
            return Err(Refusal::insufficient(Venue::UsdM));
        }
        Ok(())
    }

    fn taking_price(&self, market: usize, side: Side) -> Decimal {
        let book = self.book(market);
        book.map_or(Decimal::ZERO, |book| if side == Side::Buy { book.best_ask() } else { book.best_bid() })
    }

    /// Closes positions whose margin no longer covers their maintenance: an isolated one by itself, those in cross
    /// mode together.
    pub(super) fn liquidate_weak(&mut self) {
        let mut weak = Vec::new();
        let mut assets: Vec<String> = Vec::new();
        for market in 0..self.markets.len() {
            let of = &self.markets[market];
            let positions = self.positions_of(market);
            if of.venue != Venue::UsdM || positions.is_empty() {
                continue;
            }
            let mark = of.mark_price(self.now);
            if self.account.leverage_of(market).is_isolated {
                let is_weak = |position: &Position| {
                    position.isolated_wallet + position.unrealized(mark) <= maintenance(position, mark)
                };
                weak.extend(
                    positions
                        .iter()
                        .filter(|(_, position)| is_weak(position))
                        .map(|(side, _)| (market, *side)),
                );
            } else if !assets.iter().any(|asset| asset == of.quote()) {
                assets.push(of.quote().to_owned());
            }
        }
        for asset in assets {
            let margin = self.margin(&asset);
            if margin.cross_wallet() + margin.cross_unrealized <= margin.cross_maintenance {
                weak.extend(self.cross_positions(&asset));
            }
        }
        for (market, side) in weak {
            self.liquidate(market, side);
        }
    }

    fn cross_positions(&self, asset: &str) -> Vec<(usize, PositionSide)> {
        let is_cross = |market: &usize| {
            self.markets[*market].venue == Venue::UsdM
                && self.markets[*market].quote() == asset
                && !self.account.leverage_of(*market).is_isolated
        };
        let markets = (0..self.markets.len()).filter(is_cross);
        markets
            .flat_map(|market| self.positions_of(market).into_iter().map(move |(side, _)| (market, side)))
            .collect()
    }

    /// Cancels the market's orders and closes a position at the mark price. The exchange bears what the margin does
    /// not cover.
    fn liquidate(&mut self, market: usize, position_side: PositionSide) {
        self.cancel_all(market);
        let position = self.account.position(market, position_side);
        let of = &self.markets[market];
        let (asset, tick) = (of.quote().to_owned(), of.filters.tick);
        let price = ((of.mark_price(self.now) / tick).trunc() * tick).max(tick);
        let id = self.next_id();
        let side = if position.amount.is_sign_positive() { Side::Sell } else { Side::Buy };
        let order = self.liquidation_order(id, market, (side, position_side), position.amount.abs());
        self.orders.insert(id, order);
        self.open[market].insert(id);
        self.events.log(self.now, "liquidation", json!({"symbol": self.markets[market].id, "order_id": id}));
        let before = self.account.balance(Venue::UsdM, &asset).free;
        self.fill(id, price, position.amount.abs(), false);
        let after = self.account.balance(Venue::UsdM, &asset).free;
        let is_isolated = self.account.leverage_of(market).is_isolated;
        let bearable = if is_isolated { position.isolated_wallet } else { before };
        let beyond = before - after - bearable;
        if beyond > Decimal::ZERO {
            let why = Why { cause: Cause::Insurance, market: Some(market) };
            self.account.change(self.now, (Venue::UsdM, &asset), beyond, why);
            self.audit.insured(&asset, beyond);
        }
        self.check();
    }

    fn liquidation_order(
        &self,
        id: u64,
        market: usize,
        sides: (Side, PositionSide),
        quantity: Decimal,
    ) -> Order {
        Order {
            id,
            asked: NewOrder {
                market,
                client_id: format!("autoclose-{id}"),
                side: sides.0,
                kind: OrderType { trigger: None, is_limit: false, is_maker_only: false },
                time_in_force: TimeInForce::Ioc,
                price: Decimal::ZERO,
                quantity,
                quote_quantity: None,
                trigger_price: Decimal::ZERO,
                callback_rate: None,
                working_type: WorkingType::Contract,
                position_side: sides.1,
                is_reduce_only: sides.1 == PositionSide::Both,
                closes_position: false,
                good_till: 0,
            },
            quantity,
            executed: Decimal::ZERO,
            cost: Decimal::ZERO,
            status: Status::New,
            created: self.now,
            updated: self.now,
            is_working: true,
            locked: Decimal::ZERO,
            algo_id: None,
            extreme: None,
            hidden_until: 0,
        }
    }

    /// Returns the mark price at which a position would be closed; zero when no price does that.
    ///
    /// Binance's formula for one-way cross and isolated mode
    /// (<https://www.binance.com/en/support/faq/b3c689c1f50a44cabb3a84e663b81d93>).
    pub(crate) fn liquidation_price(&self, market: usize, position: &Position) -> Decimal {
        if !position.is_open() {
            return Decimal::ZERO;
        }
        let of = &self.markets[market];
        let mark = of.mark_price(self.now);
        let tier = tier_of((position.amount * mark).abs());
        let margin = self.margin(of.quote());
        let is_isolated = self.account.leverage_of(market).is_isolated;
        let backing = if is_isolated {
            position.isolated_wallet
        } else {
            let others = margin.cross_unrealized - position.unrealized(mark);
            margin.cross_wallet() + others - (margin.cross_maintenance - maintenance(position, mark))
        };
        let below = position.amount.abs() * tier.maintenance_rate - position.amount;
        if below.is_zero() {
            return Decimal::ZERO;
        }
        ((backing + tier.deduction - position.cost) / below).max(Decimal::ZERO)
    }

    /// Puts margin to an isolated position, or takes it away when negative.
    pub(crate) fn change_isolated(
        &mut self,
        market: usize,
        side: PositionSide,
        amount: Decimal,
    ) -> Outcome<()> {
        let of = &self.markets[market];
        let position = self.account.position(market, side);
        if !self.account.leverage_of(market).is_isolated || !position.is_open() {
            return Err(Refusal::new(-4046, "Add margin only support for isolated position."));
        }
        let least = number::cost(
            position.cost.abs(),
            Decimal::ONE / Decimal::from(self.account.leverage_of(market).leverage),
        );
        if amount > self.margin(of.quote()).available() || position.isolated_wallet + amount < least {
            return Err(Refusal::new(-2019, "Margin is insufficient."));
        }
        if let Some(position) = self.account.positions.get_mut(&(market, side)) {
            position.isolated_wallet += amount;
        }
        Ok(())
    }
}

/// Returns the margin below which a position is closed.
pub(crate) fn maintenance(position: &Position, mark: Decimal) -> Decimal {
    let notional = (position.amount * mark).abs();
    let tier = tier_of(notional);
    notional * tier.maintenance_rate - tier.deduction
}
