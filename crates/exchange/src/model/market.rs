//! Markets and currencies.

use serde::Serialize;
use tradai_domain::{Millis, Symbol};

use crate::Decimal;

/// What is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketKind {
    /// The currencies themselves.
    Spot,
    /// A perpetual.
    Swap,
    /// A dated future.
    Future,
    /// An option.
    Option,
}

impl MarketKind {
    /// Returns CCXT's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Swap => "swap",
            Self::Future => "future",
            Self::Option => "option",
        }
    }
}

/// In which of its two currencies a contract is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubType {
    /// In the quote currency.
    Linear,
    /// In the base currency.
    Inverse,
}

/// Call or put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionType {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// Which side of a trade the fee is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FeeSide {
    /// From what one receives.
    Get,
    /// From what one gives.
    Give,
    /// Always in base currency.
    Base,
    /// Always in quote currency.
    Quote,
}

/// Step sizes (CCXT's `TICK_SIZE` mode): a price step of `0.01` means multiples of one cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Precision {
    /// Step of the amount, in contracts on derivatives.
    pub amount: Option<Decimal>,
    /// Step of the price.
    pub price: Option<Decimal>,
    /// Step of the cost, where the exchange names one.
    pub cost: Option<Decimal>,
    /// Step of base currency amounts.
    pub base: Option<Decimal>,
    /// Step of quote currency amounts.
    pub quote: Option<Decimal>,
}

/// A closed interval whose sides may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MinMax {
    /// Smallest allowed value.
    pub min: Option<Decimal>,
    /// Largest allowed value.
    pub max: Option<Decimal>,
}

/// Bounds of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    /// Of the leverage.
    pub leverage: MinMax,
    /// Of the amount.
    pub amount: MinMax,
    /// Of the price.
    pub price: MinMax,
    /// Of amount times price.
    pub cost: MinMax,
    /// Of the amount of a market order.
    pub market: MinMax,
}

/// Which margin modes a market knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MarginModes {
    /// All positions share one margin.
    pub cross: Option<bool>,
    /// Every position has its own.
    pub isolated: Option<bool>,
}

/// One market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Market {
    /// The exchange's own name; spot and derivatives may share one.
    pub id: String,
    /// The same, in lower case.
    pub lowercase_id: Option<String>,
    /// The unified symbol.
    pub symbol: Symbol,
    /// Unified code of what is traded.
    pub base: String,
    /// Unified code of what it is priced in.
    pub quote: String,
    /// Unified code of what a contract is settled in.
    pub settle: Option<String>,
    /// The exchange's own code of `base`.
    pub base_id: String,
    /// The exchange's own code of `quote`.
    pub quote_id: String,
    /// The exchange's own code of `settle`.
    pub settle_id: Option<String>,
    /// What is traded.
    #[serde(rename = "type")]
    pub kind: MarketKind,
    /// Whether it trades now; `None` where the exchange does not say.
    pub active: Option<bool>,
    /// Whether it can be traded on margin (spot).
    pub margin: Option<bool>,
    /// How a contract is settled; `None` on spot.
    pub sub_type: Option<SubType>,
    /// Fee of a taker, as a fraction of the cost.
    pub taker: Option<Decimal>,
    /// Fee of a maker, as a fraction of the cost.
    pub maker: Option<Decimal>,
    /// What one contract stands for: base currency when linear, quote currency when inverse.
    pub contract_size: Option<Decimal>,
    /// When a dated contract ends.
    pub expiry: Option<Millis>,
    /// Strike price of an option.
    pub strike: Option<Decimal>,
    /// Call or put.
    pub option_type: Option<OptionType>,
    /// Step sizes.
    pub precision: Precision,
    /// Bounds.
    pub limits: Limits,
    /// Margin modes.
    pub margin_modes: MarginModes,
    /// When it was listed.
    pub created: Option<Millis>,
    /// Whether fees depend on the traded volume.
    pub tier_based: Option<bool>,
    /// Whether fees are fractions of the cost.
    pub percentage: Option<bool>,
    /// Which side the fee is taken from.
    pub fee_side: Option<FeeSide>,
    /// Order types as the exchange names them; empty where it does not list any.
    #[serde(skip)]
    pub order_types: Vec<String>,
    /// How often a perpetual pays funding.
    #[serde(skip)]
    pub funding_interval_minutes: Option<i64>,
}

impl Market {
    /// Returns whether this is a spot market.
    #[must_use]
    pub fn is_spot(&self) -> bool {
        self.kind == MarketKind::Spot
    }

    /// Returns whether this is a contract of any kind.
    #[must_use]
    pub fn is_contract(&self) -> bool {
        !self.is_spot()
    }

    /// Returns whether contracts are settled in quote currency.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        self.sub_type == Some(SubType::Linear)
    }

    /// Returns whether contracts are settled in base currency.
    #[must_use]
    pub fn is_inverse(&self) -> bool {
        self.sub_type == Some(SubType::Inverse)
    }
}

/// One currency of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Currency {
    /// The exchange's own code.
    pub id: String,
    /// The unified code.
    pub code: String,
    /// The full name.
    pub name: Option<String>,
    /// Whether it can be used at all.
    pub active: Option<bool>,
    /// Whether it can be deposited.
    pub deposit: Option<bool>,
    /// Whether it can be withdrawn.
    pub withdraw: Option<bool>,
    /// Step of amounts.
    pub precision: Option<Decimal>,
}
