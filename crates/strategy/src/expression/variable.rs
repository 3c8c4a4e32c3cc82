//! What hooks know about a trade, by name.

/// In which hooks a name exists: a set of [`group`]s.
type Groups = u8;

/// Groups of hooks that know the same.
pub(crate) mod group {
    /// Before a trade: `custom_entry_price`, `custom_stake_amount`, `leverage`, `confirm_trade_entry`.
    pub(crate) const ENTRY: u8 = 1;
    /// About an open trade: stops, exits, adjustments, waiting orders.
    pub(crate) const TRADE: u8 = 2;
    /// With the profit at hand: `custom_stoploss`, `custom_exit`, `custom_exit_price`, `confirm_trade_exit`,
    /// `adjust_trade_position`.
    pub(crate) const PROFIT: u8 = 4;
    /// `custom_stake_amount`.
    pub(crate) const STAKE: u8 = 8;
    /// `leverage`.
    pub(crate) const LEVERAGE: u8 = 16;
    /// `adjust_trade_position`.
    pub(crate) const ADJUST: u8 = 32;
    /// A waiting order: `adjust_order_price`, `check_entry_timeout`, `check_exit_timeout`.
    pub(crate) const ORDER: u8 = 64;
    /// `custom_stoploss`.
    pub(crate) const STOP: u8 = 128;
}

use group::{ADJUST, ENTRY, LEVERAGE, ORDER, PROFIT, STAKE, STOP, TRADE};

/// A name that hooks know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Variable {
    AfterFill,
    Amount,
    CurrentProfit,
    CurrentRate,
    Duration,
    EntryTag,
    ExitReason,
    FirstEntryStake,
    HasOpenOrders,
    Hour,
    IsEntryOrder,
    IsShort,
    Leverage,
    MaxLeverage,
    MaxRate,
    MaxStake,
    MinRate,
    MinStake,
    Minute,
    MinutesSinceFill,
    Entries,
    Exits,
    OpenRate,
    OrderAge,
    OrderRate,
    ProposedRate,
    ProposedStake,
    RealizedProfit,
    Side,
    StakeAmount,
    StopLoss,
    Weekday,
}

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VariableKind {
    Number,
    Flag,
    Text,
}

/// One name as the reference describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableDoc {
    /// Its name.
    pub name: &'static str,
    /// What it holds, with the unit.
    pub summary: &'static str,
    pub(crate) variable: Variable,
    pub(crate) kind: VariableKind,
    groups: Groups,
}

impl VariableDoc {
    /// Whether the hooks of these groups know it.
    pub(crate) fn is_known_in(&self, groups: u8) -> bool {
        self.groups & groups != 0
    }
}

/// Returns the variable of a name.
pub(crate) fn find(name: &str) -> Option<&'static VariableDoc> {
    VARIABLES.iter().find(|doc| doc.name == name)
}

const fn number(name: &'static str, variable: Variable, groups: u8, summary: &'static str) -> VariableDoc {
    VariableDoc { name, summary, variable, kind: VariableKind::Number, groups }
}

const fn flag(name: &'static str, variable: Variable, groups: u8, summary: &'static str) -> VariableDoc {
    VariableDoc { name, summary, variable, kind: VariableKind::Flag, groups }
}

const fn text(name: &'static str, variable: Variable, groups: u8, summary: &'static str) -> VariableDoc {
    VariableDoc { name, summary, variable, kind: VariableKind::Text, groups }
}

const ALWAYS: Groups = ENTRY | TRADE;

/// Every name that hooks know, sorted.
pub const VARIABLES: &[VariableDoc] = &[
    flag("after_fill", Variable::AfterFill, STOP, "whether this is asked right after a fill"),
    number("amount", Variable::Amount, TRADE, "size of the position, in base currency"),
    number(
        "current_profit",
        Variable::CurrentProfit,
        PROFIT,
        "profit at `current_rate` as a fraction of the stake, fees included",
    ),
    number("current_rate", Variable::CurrentRate, ALWAYS, "the price at hand"),
    number("duration", Variable::Duration, TRADE, "minutes since the trade opened"),
    text("entry_tag", Variable::EntryTag, ALWAYS, "tag of the entry"),
    text("exit_reason", Variable::ExitReason, PROFIT, "why the trade is about to close"),
    number(
        "first_entry_stake",
        Variable::FirstEntryStake,
        TRADE,
        "stake of the first filled entry, in stake currency",
    ),
    flag("has_open_orders", Variable::HasOpenOrders, TRADE, "whether an order waits for a fill"),
    number("hour", Variable::Hour, ALWAYS, "hour of the current candle's opening, UTC"),
    flag("is_entry_order", Variable::IsEntryOrder, ORDER, "whether the waiting order is an entry"),
    flag("is_short", Variable::IsShort, ALWAYS, "whether the trade profits from falling prices"),
    number("leverage", Variable::Leverage, TRADE | STAKE, "leverage of the trade"),
    number("max_leverage", Variable::MaxLeverage, LEVERAGE, "largest leverage that the market allows"),
    number("max_rate", Variable::MaxRate, TRADE, "highest price since the entry"),
    number("max_stake", Variable::MaxStake, STAKE | ADJUST, "largest stake possible, in stake currency"),
    number("min_rate", Variable::MinRate, TRADE, "lowest price since the entry"),
    number("min_stake", Variable::MinStake, STAKE | ADJUST, "smallest stake possible, in stake currency"),
    number("minute", Variable::Minute, ALWAYS, "minute of the current candle's opening"),
    number("minutes_since_fill", Variable::MinutesSinceFill, TRADE, "minutes since the latest fill"),
    number("nr_of_successful_entries", Variable::Entries, ALWAYS, "how many entries were filled"),
    number("nr_of_successful_exits", Variable::Exits, TRADE, "how many exits were filled"),
    number("open_rate", Variable::OpenRate, TRADE, "average entry price"),
    number("order_age", Variable::OrderAge, ORDER, "minutes since the waiting order was placed"),
    number("order_rate", Variable::OrderRate, ORDER, "price of the waiting order"),
    number(
        "proposed_rate",
        Variable::ProposedRate,
        ALWAYS,
        "the price that is used when the hook says nothing else",
    ),
    number(
        "proposed_stake",
        Variable::ProposedStake,
        STAKE,
        "the stake that is used when the hook says nothing else",
    ),
    number("realized_profit", Variable::RealizedProfit, TRADE, "profit of partial exits, in stake currency"),
    number("side", Variable::Side, ALWAYS, "1 for a long trade, -1 for a short one"),
    number("stake_amount", Variable::StakeAmount, TRADE, "stake of the trade, in stake currency"),
    number("stop_loss", Variable::StopLoss, TRADE, "price of the stop"),
    number("weekday", Variable::Weekday, ALWAYS, "day of the current candle's opening, Monday is 0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(VARIABLES.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
