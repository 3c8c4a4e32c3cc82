//! The exchange itself: markets, account, orders, and what happens to them as time passes.
//!
//! Sync and deterministic: time comes in through [`Engine::advance`], orders through [`Engine::place`] and its
//! neighbours, nothing else. Invariant: after every change the [`audit`] holds, or says what does not.

mod advance;
mod algo;
mod audit;
mod band;
mod cancel;
mod events;
mod execute;
mod margin;
mod place;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_decimal::Decimal;
use tradai_domain::Millis;

pub(crate) use audit::Audit;
pub(crate) use events::Events;
pub(crate) use margin::maintenance;

use crate::account::{Account, Cause, Why};
use crate::market::{Market, Venue};
use crate::order::{AlgoOrder, Fill, Order};
use crate::tape::Book;

/// Closed orders and fills kept; the oldest are forgotten.
const MAX_KEPT: usize = 100_000;

/// For how long new orders of a market cannot be looked up (faults), in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hiding {
    pub(crate) orders: Millis,
    pub(crate) algos: Millis,
}

/// Markets, account and orders at a moment.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) markets: Vec<Market>,
    pub(crate) account: Account,
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) algos: BTreeMap<u64, AlgoOrder>,
    pub(crate) fills: VecDeque<Fill>,
    pub(crate) now: Millis,
    pub(crate) events: Events,
    pub(crate) audit: Audit,
    /// Open orders by market.
    open: Vec<BTreeSet<u64>>,
    /// Waiting algo orders by market.
    open_algos: Vec<BTreeSet<u64>>,
    /// What our orders took from each market's book since its latest trade.
    taken: Vec<(u64, BTreeMap<Decimal, Decimal>)>,
    /// The latest order of a client id.
    by_client_id: BTreeMap<(usize, String), u64>,
    algo_by_client_id: BTreeMap<(usize, String), u64>,
    /// What each market's orders wait for, where it is known.
    bands: Vec<Option<band::Band>>,
    level_cost: Decimal,
    last_id: u64,
    last_trade_id: u64,
    /// What cannot be looked up, by market.
    pub(crate) hiding: Vec<Hiding>,
}

impl Engine {
    /// Returns an exchange with an empty account. `level_cost`: about how much a level of the book holds, in quote.
    pub(crate) fn new(markets: Vec<Market>, now: Millis, level_cost: Decimal) -> Self {
        let count = markets.len();
        Self {
            markets,
            account: Account::default(),
            orders: BTreeMap::new(),
            algos: BTreeMap::new(),
            fills: VecDeque::new(),
            now,
            events: Events::default(),
            audit: Audit::default(),
            open: vec![BTreeSet::new(); count],
            open_algos: vec![BTreeSet::new(); count],
            taken: vec![Default::default(); count],
            by_client_id: BTreeMap::new(),
            algo_by_client_id: BTreeMap::new(),
            bands: vec![None; count],
            level_cost,
            last_id: 0,
            last_trade_id: 0,
            hiding: vec![Hiding::default(); count],
        }
    }

    /// Returns the place of a market by the exchange's name for it.
    pub(crate) fn find_market(&self, venue: Venue, id: &str) -> Option<usize> {
        let is_it = |market: &Market| market.venue == venue && market.id == id && !market.is_delisted;
        self.markets.iter().position(is_it)
    }

    /// Puts an asset into a wallet, or takes it out when negative.
    pub(crate) fn deposit(&mut self, venue: Venue, asset: &str, amount: Decimal) {
        let why = Why { cause: Cause::Deposit, market: None };
        self.account.change(self.now, (venue, asset), amount, why);
        self.audit.deposited(venue, asset, amount);
        if venue == Venue::Spot {
            self.tell_spot_deposit(asset, amount);
        }
        self.check();
    }

    /// Returns the open orders of a market, oldest first.
    pub(crate) fn open_orders(&self, market: usize) -> impl Iterator<Item = &Order> {
        self.open[market].iter().filter_map(|id| self.orders.get(id))
    }

    /// Returns the waiting algo orders of a market, oldest first.
    pub(crate) fn waiting_algos(&self, market: usize) -> impl Iterator<Item = &AlgoOrder> {
        self.open_algos[market].iter().filter_map(|id| self.algos.get(id))
    }

    /// Returns an order by its number or, failing that, the latest of a client id.
    pub(crate) fn find_order(
        &self,
        market: usize,
        id: Option<u64>,
        client_id: Option<&str>,
    ) -> Option<&Order> {
        let by_client = || self.by_client_id.get(&(market, client_id?.to_owned())).copied();
        self.orders.get(&id.or_else(by_client)?).filter(|order| order.asked.market == market)
    }

    /// Returns an order likewise, unless it is hidden: what a client can know of.
    pub(crate) fn seen_order(
        &self,
        market: usize,
        id: Option<u64>,
        client_id: Option<&str>,
    ) -> Option<&Order> {
        self.find_order(market, id, client_id).filter(|order| order.hidden_until <= self.now)
    }

    /// Returns an algo order likewise, unless it is hidden. Its market need not be known.
    pub(crate) fn find_algo(&self, id: Option<u64>, client_id: Option<&str>) -> Option<&AlgoOrder> {
        let by_client = || {
            self.algo_by_client_id
                .iter()
                .find(|((_, known), _)| Some(known.as_str()) == client_id)
                .map(|(_, id)| *id)
        };
        self.algos.get(&id.or_else(by_client)?).filter(|algo| algo.hidden_until <= self.now)
    }

    /// Returns the fills of an order, oldest first.
    pub(crate) fn fills_of(&self, order_id: u64) -> Vec<Fill> {
        self.fills.iter().filter(|fill| fill.order_id == order_id).cloned().collect()
    }

    /// Returns the book of a market, without what our orders have taken.
    pub(crate) fn book(&self, market: usize) -> Option<Book> {
        let of = &self.markets[market];
        let point = of.tape.latest(self.now)?;
        let (epoch, taken) = &self.taken[market];
        let taken = if *epoch == epoch_of(&point) { taken.clone() } else { BTreeMap::new() };
        Some(Book {
            price: crate::number::from_e8(point.price),
            epoch: epoch_of(&point),
            tick: of.filters.tick,
            step: of.filters.step,
            level_cost: self.level_cost,
            taken,
        })
    }

    /// Returns a client id for an order that came without one.
    pub(crate) fn new_client_id(&self) -> String {
        format!("sandbox-{}", self.last_id + 1)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Forgets the oldest closed orders beyond what is kept.
    fn forget(&mut self) {
        while self.orders.len() > MAX_KEPT {
            let oldest = self.orders.values().find(|order| !order.status.is_open()).map(|order| order.id);
            let Some(order) = oldest.and_then(|id| self.orders.remove(&id)) else { break };
            let key = (order.asked.market, order.asked.client_id);
            if self.by_client_id.get(&key) == Some(&order.id) {
                self.by_client_id.remove(&key);
            }
        }
        while self.algos.len() > MAX_KEPT {
            let oldest =
                self.algos.values().find(|algo| !self.open_algos[algo.asked.market].contains(&algo.id));
            let Some(id) = oldest.map(|algo| algo.id) else { break };
            self.algos.remove(&id);
            self.algo_by_client_id.retain(|_, known| *known != id);
        }
        while self.fills.len() > MAX_KEPT {
            self.fills.pop_front();
        }
    }
}

/// A number that changes with every point of the tape: its time, which is unique within a tape.
fn epoch_of(point: &crate::tape::Point) -> u64 {
    point.at.unsigned_abs()
}
