//! Events of the user streams, in the exchange's short names.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Engine;
use crate::market::Venue;
use crate::number::{PLACES, fixed};
use crate::order::Fill;

impl Engine {
    /// Tells what happened to an order: NEW, TRADE, CANCELED, EXPIRED.
    pub(super) fn tell_order(&mut self, id: u64, execution: &str, fill: Option<&Fill>) {
        let Some(order) = self.orders.get(&id) else { return };
        let asked = &order.asked;
        let market = &self.markets[asked.market];
        if market.venue == Venue::Spot {
            self.tell_spot_order(id, execution, fill);
            return;
        }
        let price = |value| market.price_text(value);
        let quantity = |value| market.quantity_text(value);
        let last = |of: fn(&Fill) -> Decimal| fill.map_or(Decimal::ZERO, of);
        let kind = asked.type_name(market.venue);
        let mut body = json!({
            "s": market.id, "c": asked.client_id, "S": asked.side.name(), "o": kind,
            "f": asked.time_in_force.name(), "q": quantity(order.quantity), "p": price(asked.price),
            "ap": price(order.average_price()), "sp": "0", "x": execution, "X": order.status.name(), "i": order.id,
            "l": quantity(last(|fill| fill.quantity)), "z": quantity(order.executed),
            "L": price(last(|fill| fill.price)), "T": self.now, "t": fill.map_or(0, |fill| fill.trade_id),
            "b": "0", "a": "0", "m": fill.is_some_and(|fill| fill.is_maker), "R": asked.is_reduce_only,
            "wt": asked.working_type.name(), "ot": kind, "ps": asked.position_side.name(),
            "cp": asked.closes_position, "rp": fixed(last(|fill| fill.realized), 8), "pP": false, "si": 0, "ss": 0,
            "V": "NONE", "pm": "NONE", "gtd": asked.good_till,
        });
        if let Some(fill) = fill {
            body["N"] = json!(fill.commission_asset);
            body["n"] = json!(fixed(fill.commission, 8));
        }
        let event = json!({"e": "ORDER_TRADE_UPDATE", "E": self.now, "T": self.now, "o": body});
        self.events.tell(Venue::UsdM, event);
    }

    fn tell_spot_order(&mut self, id: u64, execution: &str, fill: Option<&Fill>) {
        let Some(order) = self.orders.get(&id) else { return };
        let asked = &order.asked;
        let market = &self.markets[asked.market];
        let text = |value| fixed(value, PLACES);
        let last = |of: fn(&Fill) -> Decimal| fixed(fill.map_or(Decimal::ZERO, of), PLACES);
        let is_canceled = execution == "CANCELED";
        let client_id = if is_canceled { self.new_client_id() } else { asked.client_id.clone() };
        let event = json!({
            "e": "executionReport", "E": self.now, "s": market.id, "c": client_id, "S": asked.side.name(),
            "o": asked.type_name(Venue::Spot), "f": asked.time_in_force.name(), "q": text(order.quantity),
            "p": text(asked.price), "P": text(asked.trigger_price), "F": "0.00000000", "g": -1,
            "C": if is_canceled { asked.client_id.as_str() } else { "" }, "x": execution, "X": order.status.name(),
            "r": "NONE", "i": order.id, "l": last(|fill| fill.quantity), "z": text(order.executed),
            "L": last(|fill| fill.price), "n": last(|fill| fill.commission),
            "N": fill.map(|fill| fill.commission_asset.as_str()), "T": self.now,
            "t": fill.map_or(json!(-1), |fill| json!(fill.trade_id)), "I": self.events.last_event() + 1,
            "w": order.is_working && order.status.is_open(), "m": fill.is_some_and(|fill| fill.is_maker), "M": false,
            "O": order.created, "Z": text(order.cost), "Y": last(Fill::cost),
            "Q": text(asked.quote_quantity.unwrap_or_default()), "W": order.created, "V": "NONE",
        });
        let assets = [market.base().to_owned(), market.quote().to_owned()];
        self.events.tell(Venue::Spot, event);
        self.tell_spot_balances(&assets);
    }

    /// Tells what is held of assets now.
    fn tell_spot_balances(&mut self, assets: &[String]) {
        let row = |asset: &String| {
            let balance = self.account.balance(Venue::Spot, asset);
            json!({"a": asset, "f": fixed(balance.free, PLACES), "l": fixed(balance.locked, PLACES)})
        };
        let balances: Vec<Value> = assets.iter().map(row).collect();
        let event = json!({"e": "outboundAccountPosition", "E": self.now, "u": self.now, "B": balances});
        self.events.tell(Venue::Spot, event);
    }

    /// Tells that an operator put something into the spot wallet, or took it out.
    pub(super) fn tell_spot_deposit(&mut self, asset: &str, amount: Decimal) {
        let delta = fixed(amount, PLACES);
        let event = json!({"e": "balanceUpdate", "E": self.now, "a": asset, "d": delta, "T": self.now});
        self.tell_spot_balances(&[asset.to_owned()]);
        self.events.tell(Venue::Spot, event);
    }

    /// Tells balances, and the positions of a market.
    pub(super) fn tell_account(&mut self, reason: &str, market: Option<usize>) {
        let futures = self.account.balances.iter().filter(|((venue, _), _)| *venue == Venue::UsdM);
        let balances: Vec<Value> = futures
            .map(|((_, asset), balance)| {
                let cross = self.margin(asset).cross_wallet();
                json!({"a": asset, "wb": fixed(balance.free, 8), "cw": fixed(cross, 8), "bc": "0"})
            })
            .collect();
        let positions = market.map(|market| self.position_events(market)).unwrap_or_default();
        let account = json!({"m": reason, "B": balances, "P": positions});
        let event = json!({"e": "ACCOUNT_UPDATE", "E": self.now, "T": self.now, "a": account});
        self.events.tell(Venue::UsdM, event);
    }

    fn position_events(&self, market: usize) -> Vec<Value> {
        let of = &self.markets[market];
        let mark = of.mark_price(self.now);
        let is_isolated = self.account.leverage_of(market).is_isolated;
        let positions = self.account.positions.iter().filter(|((held, _), _)| *held == market);
        positions
            .map(|((_, side), position)| {
                json!({
                    "s": of.id, "pa": of.quantity_text(position.amount), "ep": fixed(position.entry_price(), 8),
                    "bep": fixed(position.entry_price(), 8), "cr": "0", "up": fixed(position.unrealized(mark), 8),
                    "mt": if is_isolated { "isolated" } else { "cross" },
                    "iw": fixed(position.isolated_wallet, 8), "ps": side.name(),
                })
            })
            .collect()
    }

    /// Tells where an algo order stands.
    pub(super) fn tell_algo(&mut self, id: u64) {
        let Some(algo) = self.algos.get(&id) else { return };
        let asked = &algo.asked;
        let market = &self.markets[asked.market];
        let body = json!({
            "caid": asked.client_id, "aid": algo.id, "at": "CONDITIONAL", "o": asked.type_name(market.venue),
            "s": market.id, "S": asked.side.name(), "ps": asked.position_side.name(),
            "f": asked.time_in_force.name(), "q": market.quantity_text(asked.quantity), "X": algo.status.name(),
            "ai": algo.order_id.map(|id| id.to_string()).unwrap_or_default(), "ap": "0", "aq": "0", "act": "0",
            "tp": market.price_text(asked.trigger_price), "p": market.price_text(asked.price), "V": "NONE",
            "wt": asked.working_type.name(), "pm": "NONE", "cp": asked.closes_position, "pP": false,
            "R": asked.is_reduce_only, "tt": algo.triggered, "gtd": asked.good_till, "rm": "",
        });
        let event = json!({"e": "ALGO_UPDATE", "E": self.now, "T": self.now, "o": body});
        self.events.tell(Venue::UsdM, event);
    }
}
