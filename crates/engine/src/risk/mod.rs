//! What markets and exchanges allow: order sizes, leverage tiers, liquidation, funding.

mod funding;
mod limits;
mod liquidation;

pub(crate) use funding::FUNDING_INTERVAL_MS;
pub use funding::FundingHistory;
pub(crate) use limits::MarketLimits;
pub(crate) use liquidation::liquidation_price;
