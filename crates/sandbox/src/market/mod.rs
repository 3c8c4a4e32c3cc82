//! Markets: what is traded where, by which rules, and what its prices do.

mod describe;
mod filters;
mod tiers;

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradai_domain::{Millis, Symbol};

pub(crate) use describe::{describe, rate_limits};
pub(crate) use filters::Filters;
pub(crate) use tiers::{MAX_LEVERAGE, Tier, tier_of, tiers};

use crate::number;
use crate::tape::Tape;

/// The two exchanges in one: spot (`/api`) and USD-margined futures (`/fapi`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Venue {
    Spot,
    UsdM,
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spot => "spot",
            Self::UsdM => "usd_m",
        })
    }
}

/// A market and its tape.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) venue: Venue,
    pub(crate) symbol: Symbol,
    /// What the exchange calls it, `BTCUSDT`; the same for spot and perpetual.
    pub(crate) id: String,
    pub(crate) filters: Filters,
    /// Fees as fractions of the cost.
    pub(crate) maker_fee: Decimal,
    pub(crate) taker_fee: Decimal,
    pub(crate) tape: Tape,
    /// Mark prices of a perpetual; its traded prices when there are none.
    pub(crate) mark: Option<Tape>,
    /// Funding times and rates of a perpetual, oldest first.
    pub(crate) funding: Vec<(Millis, Decimal)>,
    /// Whether trading is suspended: the status is BREAK (spot) or PENDING_TRADING.
    pub(crate) is_halted: bool,
    /// Whether nobody knows it any more.
    pub(crate) is_delisted: bool,
    /// Its rules when no fault changes them.
    pub(crate) usual_filters: Filters,
    /// Stretches of open times without candles.
    pub(crate) gaps: Vec<(Millis, Millis)>,
    /// The entry of an exchangeInfo file that described it.
    pub(crate) described: Option<Value>,
}

impl Market {
    /// Digits that prices are written with.
    pub(crate) fn price_places(&self) -> u32 {
        match self.venue {
            Venue::Spot => number::PLACES,
            Venue::UsdM => self.filters.tick.normalize().scale(),
        }
    }

    /// Digits that quantities are written with.
    pub(crate) fn quantity_places(&self) -> u32 {
        match self.venue {
            Venue::Spot => number::PLACES,
            Venue::UsdM => self.filters.step.normalize().scale(),
        }
    }

    pub(crate) fn price_text(&self, price: Decimal) -> String {
        number::fixed(price, self.price_places())
    }

    pub(crate) fn quantity_text(&self, quantity: Decimal) -> String {
        number::fixed(quantity, self.quantity_places())
    }

    /// Returns the latest traded price; zero before there was any.
    pub(crate) fn last_price(&self, now: Millis) -> Decimal {
        self.tape.latest(now).map_or(Decimal::ZERO, |point| number::from_e8(point.price))
    }

    /// Returns the mark price, which is the traded price where no mark prices are replayed.
    pub(crate) fn mark_price(&self, now: Millis) -> Decimal {
        let mark = self.mark.as_ref().filter(|tape| tape.span().0 <= now && now < tape.span().1);
        mark.and_then(|tape| tape.latest(now))
            .map_or_else(|| self.last_price(now), |point| number::from_e8(point.price))
    }

    /// Returns the last funding at or before a moment.
    pub(crate) fn last_funding(&self, now: Millis) -> Option<(Millis, Decimal)> {
        let after = self.funding.partition_point(|(at, _)| *at <= now);
        after.checked_sub(1).map(|at| self.funding[at])
    }

    /// Returns whether there is a candle that opens then, as far as faults go.
    pub(crate) fn has_candle(&self, open_time: Millis) -> bool {
        !self.gaps.iter().any(|(from, until)| (*from..*until).contains(&open_time))
    }

    /// Sets rules as entries of exchangeInfo's `filters` say; none stand for the usual ones. Grids of zero would
    /// divide by zero and are left out.
    pub(crate) fn set_filters(&mut self, entries: &[Value]) {
        let entry = serde_json::json!({ "filters": entries });
        let changed = self.usual_filters.clone().described_by(&entry);
        let is_sound = changed.tick > Decimal::ZERO && changed.step > Decimal::ZERO;
        self.filters = if is_sound { changed } else { self.usual_filters.clone() };
    }

    pub(crate) fn base(&self) -> &str {
        self.symbol.base()
    }

    pub(crate) fn quote(&self) -> &str {
        self.symbol.quote()
    }
}
