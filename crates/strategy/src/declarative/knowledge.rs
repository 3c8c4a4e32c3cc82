//! What the engine's requests tell a hook, under the language's names.

use tradai_domain::Millis;

use crate::expression::scalar::Knowledge;
use crate::expression::variable::Variable;
use crate::{EntryRequest, ExitRequest, FrameView, Order, OrderPrice, StakeProposal, StopRequest, Trade};

/// Everything that a hook may be told at one moment; NaN where this hook is not.
pub(super) struct Moment<'a> {
    trade: Option<&'a Trade>,
    order: Option<&'a Order>,
    frame: Option<FrameView<'a>>,
    now: Millis,
    rate: f64,
    profit: f64,
    is_short: bool,
    leverage: f64,
    entry_tag: &'a str,
    exit_reason: &'a str,
    proposed_stake: f64,
    min_stake: f64,
    max_stake: f64,
    max_leverage: f64,
    after_fill: bool,
}

impl<'a> Moment<'a> {
    /// About a trade.
    pub(super) fn of_trade(trade: &'a Trade, frame: Option<FrameView<'a>>, now: Millis) -> Self {
        Self {
            trade: Some(trade),
            order: None,
            frame,
            now,
            rate: f64::NAN,
            profit: f64::NAN,
            is_short: trade.is_short,
            leverage: trade.leverage,
            entry_tag: &trade.enter_tag,
            exit_reason: "",
            proposed_stake: f64::NAN,
            min_stake: f64::NAN,
            max_stake: f64::NAN,
            max_leverage: f64::NAN,
            after_fill: false,
        }
    }

    /// About an entry.
    pub(super) fn of_entry(request: &EntryRequest<'a>) -> Self {
        Self {
            trade: request.trade,
            order: None,
            frame: Some(request.frame),
            now: request.now,
            rate: request.rate,
            profit: f64::NAN,
            is_short: request.is_short,
            leverage: request.trade.map_or(f64::NAN, |trade| trade.leverage),
            entry_tag: request.entry_tag,
            exit_reason: "",
            proposed_stake: f64::NAN,
            min_stake: f64::NAN,
            max_stake: f64::NAN,
            max_leverage: f64::NAN,
            after_fill: false,
        }
    }

    pub(super) fn of_exit(request: &ExitRequest<'a>) -> Self {
        Self {
            rate: request.rate,
            profit: request.profit,
            exit_reason: request.exit_reason,
            ..Self::of_trade(request.trade, Some(request.frame), request.now)
        }
    }

    pub(super) fn of_stop(request: &StopRequest<'a>) -> Self {
        Self {
            rate: request.rate,
            profit: request.profit,
            after_fill: request.after_fill,
            ..Self::of_trade(request.trade, Some(request.frame), request.now)
        }
    }

    pub(super) fn of_order(request: &OrderPrice<'a>) -> Self {
        Self {
            rate: request.proposed_rate,
            order: Some(request.order),
            ..Self::of_trade(request.trade, Some(request.frame), request.now)
        }
    }

    pub(super) fn with_stake(self, stake: &StakeProposal) -> Self {
        Self {
            proposed_stake: stake.proposed_stake,
            min_stake: stake.min_stake,
            max_stake: stake.max_stake,
            leverage: stake.leverage,
            ..self
        }
    }

    pub(super) fn with_stake_limits(self, min_stake: Option<f64>, max_stake: f64) -> Self {
        Self { min_stake: min_stake.unwrap_or(f64::NAN), max_stake, ..self }
    }

    pub(super) fn with_max_leverage(self, max_leverage: f64) -> Self {
        Self { max_leverage, ..self }
    }

    fn of(&self, read: impl Fn(&Trade) -> f64) -> f64 {
        self.trade.map_or(f64::NAN, read)
    }
}

const MINUTE_MS: i64 = 60_000;

/// Exact: a trade does not last 2^53 milliseconds.
fn minutes_between(from: Millis, to: Millis) -> f64 {
    (to - from) as f64 / MINUTE_MS as f64
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

impl Knowledge for Moment<'_> {
    fn number(&self, variable: Variable) -> f64 {
        let time = |part: i64| part as f64;
        match variable {
            Variable::AfterFill => flag(self.after_fill),
            Variable::Amount => self.of(|trade| trade.amount),
            Variable::CurrentProfit => self.profit,
            Variable::CurrentRate | Variable::ProposedRate => self.rate,
            Variable::Duration => self.of(|trade| minutes_between(trade.open_date, self.now)),
            Variable::FirstEntryStake => self.of(|trade| {
                trade.filled_entries().next().map_or(f64::NAN, |order| order.stake_amount(trade.leverage))
            }),
            Variable::HasOpenOrders => self.of(|trade| flag(trade.has_open_orders())),
            Variable::Hour => time(self.now.div_euclid(60 * MINUTE_MS).rem_euclid(24)),
            Variable::Minute => time(self.now.div_euclid(MINUTE_MS).rem_euclid(60)),
            Variable::Weekday => time((self.now.div_euclid(1_440 * MINUTE_MS) + 3).rem_euclid(7)),
            Variable::IsEntryOrder => self.order.map_or(f64::NAN, |order| flag(order.is_entry)),
            Variable::IsShort => flag(self.is_short),
            Variable::Side => {
                if self.is_short {
                    -1.0
                } else {
                    1.0
                }
            }
            Variable::Leverage => self.leverage,
            Variable::MaxLeverage => self.max_leverage,
            Variable::MaxRate => self.of(|trade| trade.max_rate),
            Variable::MinRate => self.of(|trade| trade.min_rate),
            Variable::MinStake => self.min_stake,
            Variable::MaxStake => self.max_stake,
            Variable::ProposedStake => self.proposed_stake,
            Variable::MinutesSinceFill => {
                self.of(|trade| minutes_between(trade.date_last_filled(), self.now))
            }
            // A trade that does not exist yet has no entries.
            Variable::Entries => self.trade.map_or(0.0, |trade| trade.nr_of_successful_entries() as f64),
            Variable::Exits => self.trade.map_or(0.0, |trade| trade.nr_of_successful_exits() as f64),
            Variable::OpenRate => self.of(|trade| trade.open_rate),
            Variable::OrderAge => {
                self.order.map_or(f64::NAN, |order| minutes_between(order.order_date, self.now))
            }
            Variable::OrderRate => self.order.map_or(f64::NAN, |order| order.price),
            Variable::RealizedProfit => self.of(|trade| trade.realized_profit),
            Variable::StakeAmount => self.of(|trade| trade.stake_amount),
            Variable::StopLoss => self.of(|trade| trade.stop_loss),
            Variable::EntryTag | Variable::ExitReason => f64::NAN,
        }
    }

    fn text(&self, variable: Variable) -> &str {
        match variable {
            Variable::EntryTag => self.entry_tag,
            Variable::ExitReason => self.exit_reason,
            _ => "",
        }
    }

    fn column(&self, name: &str) -> f64 {
        self.frame.and_then(|frame| frame.last(name)).unwrap_or(f64::NAN)
    }
}
