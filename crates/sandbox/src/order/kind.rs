//! The words that orders are described with.

use crate::market::Venue;

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "BUY" => Some(Self::Buy),
            "SELL" => Some(Self::Sell),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        if self == Self::Buy { "BUY" } else { "SELL" }
    }
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeInForce {
    Gtc,
    Ioc,
    Fok,
    /// Post only (USD-M).
    Gtx,
    /// Until a date (USD-M).
    Gtd,
}

impl TimeInForce {
    pub(crate) fn parse(venue: Venue, text: &str) -> Option<Self> {
        match (text, venue) {
            ("GTC", _) => Some(Self::Gtc),
            ("IOC", _) => Some(Self::Ioc),
            ("FOK", _) => Some(Self::Fok),
            ("GTX", Venue::UsdM) => Some(Self::Gtx),
            ("GTD", Venue::UsdM) => Some(Self::Gtd),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
            Self::Gtx => "GTX",
            Self::Gtd => "GTD",
        }
    }
}

/// What an order waits for before it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    Stop,
    TakeProfit,
    Trailing,
}

/// Type of an order, taken apart; [`OrderType::name`] puts it together in the venue's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderType {
    pub(crate) trigger: Option<Trigger>,
    pub(crate) is_limit: bool,
    /// LIMIT_MAKER of spot.
    pub(crate) is_maker_only: bool,
}

/// Venue (none: both), name, trigger, limit, maker only.
type Known = (Option<Venue>, &'static str, Option<Trigger>, bool, bool);

const TYPES: [Known; 12] = [
    (None, "LIMIT", None, true, false),
    (None, "MARKET", None, false, false),
    (Some(Venue::Spot), "LIMIT_MAKER", None, true, true),
    (Some(Venue::Spot), "STOP_LOSS", Some(Trigger::Stop), false, false),
    (Some(Venue::Spot), "STOP_LOSS_LIMIT", Some(Trigger::Stop), true, false),
    (Some(Venue::Spot), "TAKE_PROFIT", Some(Trigger::TakeProfit), false, false),
    (Some(Venue::Spot), "TAKE_PROFIT_LIMIT", Some(Trigger::TakeProfit), true, false),
    (Some(Venue::UsdM), "STOP", Some(Trigger::Stop), true, false),
    (Some(Venue::UsdM), "STOP_MARKET", Some(Trigger::Stop), false, false),
    (Some(Venue::UsdM), "TAKE_PROFIT", Some(Trigger::TakeProfit), true, false),
    (Some(Venue::UsdM), "TAKE_PROFIT_MARKET", Some(Trigger::TakeProfit), false, false),
    (Some(Venue::UsdM), "TRAILING_STOP_MARKET", Some(Trigger::Trailing), false, false),
];

impl OrderType {
    pub(crate) fn parse(venue: Venue, text: &str) -> Option<Self> {
        let known = TYPES.iter().find(|(of, name, ..)| of.is_none_or(|of| of == venue) && *name == text);
        known.map(|&(_, _, trigger, is_limit, is_maker_only)| Self { trigger, is_limit, is_maker_only })
    }

    pub(crate) fn name(self, venue: Venue) -> &'static str {
        let known = TYPES.iter().find(|(of, _, trigger, is_limit, is_maker_only)| {
            of.is_none_or(|of| of == venue)
                && (*trigger, *is_limit, *is_maker_only) == (self.trigger, self.is_limit, self.is_maker_only)
        });
        known.map_or("MARKET", |(_, name, ..)| name)
    }

    /// Returns the type of the order that a conditional one becomes.
    pub(crate) fn once_triggered(self) -> Self {
        Self { trigger: None, ..self }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    New,
    PartiallyFilled,
    Filled,
    Canceled,
    /// Ended by the exchange: the rest of an IOC or market order, a FOK that could not be filled, a date.
    Expired,
}

impl Status {
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// Which price sets a conditional order of USD-M off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkingType {
    Contract,
    Mark,
}

impl WorkingType {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "CONTRACT_PRICE" => Some(Self::Contract),
            "MARK_PRICE" => Some(Self::Mark),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        if self == Self::Mark { "MARK_PRICE" } else { "CONTRACT_PRICE" }
    }
}

/// Which position of a market an order of USD-M changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PositionSide {
    /// The only one, in one-way mode; also stands in orders on spot.
    Both,
    Long,
    Short,
}

impl PositionSide {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "BOTH" => Some(Self::Both),
            "LONG" => Some(Self::Long),
            "SHORT" => Some(Self::Short),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Both => "BOTH",
            Self::Long => "LONG",
            Self::Short => "SHORT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_names_of_their_venue() {
        for (venue, name) in [
            (Venue::Spot, "STOP_LOSS"),
            (Venue::Spot, "TAKE_PROFIT"),
            (Venue::Spot, "LIMIT_MAKER"),
            (Venue::UsdM, "TAKE_PROFIT"),
            (Venue::UsdM, "TRAILING_STOP_MARKET"),
        ] {
            assert_eq!(OrderType::parse(venue, name).map(|kind| kind.name(venue)), Some(name));
        }
        assert_eq!(OrderType::parse(Venue::UsdM, "STOP_LOSS"), None);
        assert!(!OrderType::parse(Venue::Spot, "TAKE_PROFIT").unwrap().is_limit);
        assert!(OrderType::parse(Venue::UsdM, "TAKE_PROFIT").unwrap().is_limit);
    }
}
