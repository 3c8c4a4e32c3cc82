//! What only contracts have: positions, funding, leverage, open interest.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use tradai_domain::{Millis, Symbol};

use super::datetime;
use crate::Decimal;

/// How a position is margined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarginMode {
    /// All positions share one margin.
    Cross,
    /// Every position has its own.
    Isolated,
}

impl MarginMode {
    /// Parses CCXT's words `cross` and `isolated`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "cross" => Some(Self::Cross),
            "isolated" => Some(Self::Isolated),
            _ => None,
        }
    }

    /// Returns CCXT's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cross => "cross",
            Self::Isolated => "isolated",
        }
    }
}

/// Which way a position goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PositionSide {
    /// Gains when the price rises.
    Long,
    /// Gains when the price falls.
    Short,
}

/// One position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The exchange's id, where it has one.
    pub id: Option<String>,
    /// The market.
    pub symbol: Option<Symbol>,
    /// When the exchange made it.
    pub timestamp: Option<Millis>,
    /// When it last changed.
    pub last_update_timestamp: Option<Millis>,
    /// Which way.
    pub side: Option<PositionSide>,
    /// How many contracts; never negative.
    pub contracts: Option<Decimal>,
    /// What one contract stands for.
    pub contract_size: Option<Decimal>,
    /// The average price it was entered at.
    pub entry_price: Option<Decimal>,
    /// The mark price.
    pub mark_price: Option<Decimal>,
    /// The last price.
    pub last_price: Option<Decimal>,
    /// Its worth in settlement currency.
    pub notional: Option<Decimal>,
    /// Its leverage.
    pub leverage: Option<Decimal>,
    /// The margin that stands behind it, profit and loss included.
    pub collateral: Option<Decimal>,
    /// The same without profit and loss (isolated positions).
    pub position_margin: Option<Decimal>,
    /// What had to be put up to open it.
    pub initial_margin: Option<Decimal>,
    /// The same, as a fraction of the notional.
    pub initial_margin_percentage: Option<Decimal>,
    /// What must be left to keep it.
    pub maintenance_margin: Option<Decimal>,
    /// The same, as a fraction of the notional.
    pub maintenance_margin_percentage: Option<Decimal>,
    /// Maintenance margin over collateral; liquidation at 1.
    pub margin_ratio: Option<Decimal>,
    /// Profit or loss if closed now.
    pub unrealized_pnl: Option<Decimal>,
    /// Profit or loss already taken.
    pub realized_pnl: Option<Decimal>,
    /// Where the exchange closes it.
    pub liquidation_price: Option<Decimal>,
    /// How it is margined.
    pub margin_mode: Option<MarginMode>,
    /// Whether long and short are kept apart.
    pub hedged: Option<bool>,
    /// Unrealised profit in per cent of the initial margin.
    pub percentage: Option<Decimal>,
    /// The stop-loss price attached to it.
    pub stop_loss_price: Option<Decimal>,
    /// The take-profit price attached to it.
    pub take_profit_price: Option<Decimal>,
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Unified<'a> {
            id: &'a Option<String>,
            symbol: &'a Option<Symbol>,
            timestamp: Option<Millis>,
            datetime: Option<String>,
            last_update_timestamp: Option<Millis>,
            side: Option<PositionSide>,
            contracts: Option<Decimal>,
            contract_size: Option<Decimal>,
            entry_price: Option<Decimal>,
            mark_price: Option<Decimal>,
            last_price: Option<Decimal>,
            notional: Option<Decimal>,
            leverage: Option<Decimal>,
            collateral: Option<Decimal>,
            position_margin: Option<Decimal>,
            initial_margin: Option<Decimal>,
            initial_margin_percentage: Option<Decimal>,
            maintenance_margin: Option<Decimal>,
            maintenance_margin_percentage: Option<Decimal>,
            margin_ratio: Option<Decimal>,
            unrealized_pnl: Option<Decimal>,
            realized_pnl: Option<Decimal>,
            liquidation_price: Option<Decimal>,
            margin_mode: Option<MarginMode>,
            hedged: Option<bool>,
            percentage: Option<Decimal>,
            stop_loss_price: Option<Decimal>,
            take_profit_price: Option<Decimal>,
        }
        Unified {
            id: &self.id,
            symbol: &self.symbol,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
            last_update_timestamp: self.last_update_timestamp,
            side: self.side,
            contracts: self.contracts,
            contract_size: self.contract_size,
            entry_price: self.entry_price,
            mark_price: self.mark_price,
            last_price: self.last_price,
            notional: self.notional,
            leverage: self.leverage,
            collateral: self.collateral,
            position_margin: self.position_margin,
            initial_margin: self.initial_margin,
            initial_margin_percentage: self.initial_margin_percentage,
            maintenance_margin: self.maintenance_margin,
            maintenance_margin_percentage: self.maintenance_margin_percentage,
            margin_ratio: self.margin_ratio,
            unrealized_pnl: self.unrealized_pnl,
            realized_pnl: self.realized_pnl,
            liquidation_price: self.liquidation_price,
            margin_mode: self.margin_mode,
            hedged: self.hedged,
            percentage: self.percentage,
            stop_loss_price: self.stop_loss_price,
            take_profit_price: self.take_profit_price,
        }
        .serialize(serializer)
    }
}

/// Whether long and short positions of one market are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PositionMode {
    /// Kept apart.
    pub hedged: bool,
}

/// The funding of a perpetual: what was paid last, and what will be next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FundingRate {
    /// The market.
    pub symbol: Option<Symbol>,
    /// When the exchange made it.
    pub timestamp: Option<Millis>,
    /// The mark price.
    pub mark_price: Option<Decimal>,
    /// The index price.
    pub index_price: Option<Decimal>,
    /// The interest part.
    pub interest_rate: Option<Decimal>,
    /// The price it would settle at.
    pub estimated_settle_price: Option<Decimal>,
    /// The rate, as a fraction of the notional.
    pub funding_rate: Option<Decimal>,
    /// When it is paid.
    pub funding_timestamp: Option<Millis>,
    /// The one after, where the exchange foretells it.
    pub next_funding_rate: Option<Decimal>,
    /// When that is paid.
    pub next_funding_timestamp: Option<Millis>,
    /// How often, such as `8h`.
    pub interval: Option<String>,
}

impl Serialize for FundingRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Unified<'a> {
            symbol: &'a Option<Symbol>,
            timestamp: Option<Millis>,
            datetime: Option<String>,
            mark_price: Option<Decimal>,
            index_price: Option<Decimal>,
            interest_rate: Option<Decimal>,
            estimated_settle_price: Option<Decimal>,
            funding_rate: Option<Decimal>,
            funding_timestamp: Option<Millis>,
            funding_datetime: Option<String>,
            next_funding_rate: Option<Decimal>,
            next_funding_timestamp: Option<Millis>,
            next_funding_datetime: Option<String>,
            interval: &'a Option<String>,
        }
        Unified {
            symbol: &self.symbol,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
            mark_price: self.mark_price,
            index_price: self.index_price,
            interest_rate: self.interest_rate,
            estimated_settle_price: self.estimated_settle_price,
            funding_rate: self.funding_rate,
            funding_timestamp: self.funding_timestamp,
            funding_datetime: datetime(self.funding_timestamp),
            next_funding_rate: self.next_funding_rate,
            next_funding_timestamp: self.next_funding_timestamp,
            next_funding_datetime: datetime(self.next_funding_timestamp),
            interval: &self.interval,
        }
        .serialize(serializer)
    }
}

/// A funding rate that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingRateRecord {
    /// The market.
    pub symbol: Option<Symbol>,
    /// The rate, as a fraction of the notional.
    pub funding_rate: Option<Decimal>,
    /// When it was paid.
    pub timestamp: Option<Millis>,
}

impl Serialize for FundingRateRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Unified<'a> {
            symbol: &'a Option<Symbol>,
            funding_rate: Option<Decimal>,
            timestamp: Option<Millis>,
            datetime: Option<String>,
        }
        Unified {
            symbol: &self.symbol,
            funding_rate: self.funding_rate,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
        }
        .serialize(serializer)
    }
}

/// A funding payment of this account; negative when we paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FundingPayment {
    /// The exchange's id.
    pub id: Option<String>,
    /// The market.
    pub symbol: Option<Symbol>,
    /// In which currency.
    pub code: Option<String>,
    /// How much.
    pub amount: Option<Decimal>,
    /// When.
    pub timestamp: Option<Millis>,
}

/// One step of a market's leverage table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeverageTier {
    /// Its number, from 1.
    pub tier: Option<i64>,
    /// The market.
    pub symbol: Option<Symbol>,
    /// In which currency the notional is counted.
    pub currency: Option<String>,
    /// The notional from which it holds.
    pub min_notional: Option<Decimal>,
    /// The notional up to which it holds.
    pub max_notional: Option<Decimal>,
    /// Maintenance margin as a fraction of the notional.
    pub maintenance_margin_rate: Option<Decimal>,
    /// The largest leverage.
    pub max_leverage: Option<Decimal>,
}

/// The leverage tables, by market.
pub type LeverageTiers = BTreeMap<Symbol, Vec<LeverageTier>>;

/// The leverage an account has set for a market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leverage {
    /// The market.
    pub symbol: Option<Symbol>,
    /// How positions are margined.
    pub margin_mode: Option<MarginMode>,
    /// For longs.
    pub long_leverage: Option<Decimal>,
    /// For shorts.
    pub short_leverage: Option<Decimal>,
}

/// How much of a contract is held by all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInterest {
    /// The market.
    pub symbol: Option<Symbol>,
    /// In base currency, or contracts.
    pub amount: Option<Decimal>,
    /// In quote currency.
    pub value: Option<Decimal>,
    /// CCXT's older name for `amount`; absent on inverse contracts.
    pub base_volume: Option<Decimal>,
    /// CCXT's older name for `value`.
    pub quote_volume: Option<Decimal>,
    /// When the exchange made it.
    pub timestamp: Option<Millis>,
}

impl Serialize for OpenInterest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Unified<'a> {
            symbol: &'a Option<Symbol>,
            base_volume: Option<Decimal>,
            quote_volume: Option<Decimal>,
            open_interest_amount: Option<Decimal>,
            open_interest_value: Option<Decimal>,
            timestamp: Option<Millis>,
            datetime: Option<String>,
        }
        Unified {
            symbol: &self.symbol,
            base_volume: self.base_volume,
            quote_volume: self.quote_volume,
            open_interest_amount: self.amount,
            open_interest_value: self.value,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
        }
        .serialize(serializer)
    }
}

/// Margin that was added to, or taken from, a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MarginModification {
    /// The market.
    pub symbol: Option<Symbol>,
    /// `add` or `reduce`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How much.
    pub amount: Option<Decimal>,
    /// In which currency.
    pub code: Option<String>,
    /// `ok`, or the exchange's own word.
    pub status: Option<String>,
}
