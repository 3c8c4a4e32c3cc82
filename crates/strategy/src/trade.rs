//! A trade (a round trip) and its orders, under Freqtrade's names.

use tradai_domain::{Millis, Symbol};

/// An order of a trade. Backtests know no partial fills: an order is open, or filled as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Counts from 1 over the whole backtest, in the order of placing.
    pub id: u64,
    /// Whether it opens or adds to the position (otherwise it reduces or closes it).
    pub is_entry: bool,
    /// Whether it is still waiting for a fill.
    pub is_open: bool,
    /// Amount in base currency.
    pub amount: f64,
    /// Limit price, which is also the fill price.
    pub price: f64,
    /// `amount · price`, with the fee on top, in stake currency.
    pub cost: f64,
    /// When it was placed.
    pub order_date: Millis,
    /// When it was filled.
    pub filled_date: Option<Millis>,
    /// Entry tag, exit reason, or what `adjust_trade_position` gave.
    pub tag: String,
    /// Funding fees that ran up before this fill, in stake currency (negative: paid).
    pub funding_fee: f64,
}

impl Order {
    /// Returns whether it was filled.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        !self.is_open && self.filled_date.is_some()
    }

    /// Returns the collateral of this order: `amount · price / leverage`, in stake currency.
    #[must_use]
    pub fn stake_amount(&self, leverage: f64) -> f64 {
        self.amount * self.price / leverage
    }
}

/// A position from its first entry order to its last exit: what Freqtrade calls a trade.
///
/// Prices are in quote currency per base currency, amounts in base currency, money in stake currency, ratios
/// are fractions of the stake (0.01 = 1 %), dates milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    /// Counts from 1 in the order of opening.
    pub id: u64,
    /// The pair.
    pub pair: Symbol,
    /// Whether it profits from falling prices.
    pub is_short: bool,
    /// Whether it is still open.
    pub is_open: bool,
    /// Leverage, at least 1; fixed when the trade opens.
    pub leverage: f64,
    /// Collateral tied up, in stake currency.
    pub stake_amount: f64,
    /// Collateral of all entries together.
    pub max_stake_amount: f64,
    /// Position size, in base currency; 0 until the first entry is filled.
    pub amount: f64,
    /// Size of the first entry order.
    pub amount_requested: f64,
    /// Average entry price.
    pub open_rate: f64,
    /// Cost of the position with entry fees.
    pub open_trade_value: f64,
    /// When the first entry order was placed.
    pub open_date: Millis,
    /// When the last exit was filled.
    pub close_date: Option<Millis>,
    /// Price of the last exit.
    pub close_rate: Option<f64>,
    /// Entry fee as a fraction.
    pub fee_open: f64,
    /// Exit fee as a fraction.
    pub fee_close: f64,
    /// Tag of the entry signal; empty when it had none.
    pub enter_tag: String,
    /// Why it closed; empty while open.
    pub exit_reason: String,
    /// Current stop price; 0 until set.
    pub stop_loss: f64,
    /// The stop as a fraction, at most 0.
    pub stop_loss_pct: Option<f64>,
    /// First stop price.
    pub initial_stop_loss: f64,
    /// First stop as a fraction, at most 0.
    pub initial_stop_loss_pct: Option<f64>,
    /// Whether the stop has moved since the entry.
    pub is_stop_loss_trailing: bool,
    /// Price at which the exchange closes the position; `None` on spot.
    pub liquidation_price: Option<f64>,
    /// Highest price seen while open.
    pub max_rate: f64,
    /// Lowest price seen while open.
    pub min_rate: f64,
    /// Funding fees so far (negative: paid).
    pub funding_fees: f64,
    /// Profit of partial exits so far, in stake currency.
    pub realized_profit: f64,
    /// Profit of the whole trade, in stake currency; `None` until an exit was filled.
    pub close_profit_abs: Option<f64>,
    /// Profit of the whole trade as a fraction of the stake; `None` until an exit was filled.
    pub close_profit: Option<f64>,
    /// Orders in the order of placing; cancelled ones are gone.
    pub orders: Vec<Order>,
}

impl Trade {
    /// Returns `long` or `short`.
    #[must_use]
    pub fn direction(&self) -> &'static str {
        if self.is_short { "short" } else { "long" }
    }

    /// Returns whether an order waits for a fill.
    #[must_use]
    pub fn has_open_orders(&self) -> bool {
        self.orders.iter().any(|order| order.is_open)
    }

    /// Returns whether something was bought (or sold short) and not yet closed.
    #[must_use]
    pub fn has_open_position(&self) -> bool {
        self.amount > 0.0
    }

    /// Returns the filled entry orders, oldest first.
    pub fn filled_entries(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.is_entry && order.is_filled())
    }

    /// Returns the filled exit orders, oldest first.
    pub fn filled_exits(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| !order.is_entry && order.is_filled())
    }

    /// Returns how many entry orders were filled.
    #[must_use]
    pub fn nr_of_successful_entries(&self) -> usize {
        self.filled_entries().count()
    }

    /// Returns how many exit orders were filled.
    #[must_use]
    pub fn nr_of_successful_exits(&self) -> usize {
        self.filled_exits().count()
    }

    /// Returns the time of the latest fill, or of the opening before there is one.
    #[must_use]
    pub fn date_last_filled(&self) -> Millis {
        let filled =
            self.orders.iter().filter(|order| order.is_filled()).filter_map(|order| order.filled_date);
        filled.max().map_or(self.open_date, |last| last.max(self.open_date))
    }

    /// Returns whole minutes since the opening.
    #[must_use]
    pub fn duration_minutes(&self, now: Millis) -> i64 {
        (now - self.open_date).div_euclid(60_000)
    }
}
