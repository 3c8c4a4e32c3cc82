//! Rules of a market: steps, limits, fees, and the leverage tiers of a derivative, in CCXT's structure.

use serde::{Deserialize, Serialize};

use crate::Symbol;

/// A market as CCXT's `load_markets` describes it; unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// The unified symbol.
    pub symbol: Symbol,
    /// Step sizes.
    pub precision: Precision,
    /// Smallest and largest order.
    #[serde(default)]
    pub limits: Limits,
    /// Fee of a taker, as a fraction of the cost.
    #[serde(default)]
    pub taker: Option<f64>,
    /// Fee of a maker, as a fraction of the cost.
    #[serde(default)]
    pub maker: Option<f64>,
    /// Base currency per contract; `None` for spot.
    #[serde(default, rename = "contractSize")]
    pub contract_size: Option<f64>,
}

/// Step sizes (CCXT's `TICK_SIZE` mode): amounts and prices are multiples of these.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Precision {
    /// Step of the amount, in contracts (base currency on spot).
    #[serde(default)]
    pub amount: Option<f64>,
    /// Step of the price (the tick).
    #[serde(default)]
    pub price: Option<f64>,
}

/// Bounds of an order.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Of the amount, in contracts.
    #[serde(default)]
    pub amount: MinMax,
    /// Of the price.
    #[serde(default)]
    pub price: MinMax,
    /// Of amount times price, in quote currency.
    #[serde(default)]
    pub cost: MinMax,
    /// Of the leverage.
    #[serde(default)]
    pub leverage: MinMax,
}

/// A closed interval whose sides may be open.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct MinMax {
    /// Smallest allowed value.
    #[serde(default)]
    pub min: Option<f64>,
    /// Largest allowed value.
    #[serde(default)]
    pub max: Option<f64>,
}

/// One step of a market's leverage table; tiers are ordered by notional value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeverageTier {
    /// Position value, in settlement currency, from which the tier holds.
    pub min_notional: f64,
    /// Position value up to which it holds; `None` for the last.
    #[serde(default)]
    pub max_notional: Option<f64>,
    /// Maintenance margin as a fraction of the position value.
    #[serde(alias = "maintenanceMarginRate")]
    pub maintenance_margin_rate: f64,
    /// Largest leverage.
    pub max_leverage: f64,
    /// Amount deducted from the maintenance margin, in settlement currency.
    #[serde(default)]
    pub maint_amt: Option<f64>,
}
