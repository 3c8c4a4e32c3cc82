//! Market rules where none are given.
//!
//! Rules come from the exchange (`markets.json`, `leverage_tiers.json` in CCXT's structure). A backtest without
//! them runs on stated assumptions, so that a first run needs no exchange; results and manifests say so.

use serde::{Deserialize, Serialize};
use tradai_domain::{LeverageTier, Limits, Market, MinMax, Precision, Symbol};
use tradai_engine::MarketRules;
use tradai_strategy::{Settings, TradingMode};

/// Rules for every pair of a job, and which of them are assumptions.
#[derive(Debug, Clone, PartialEq)]
pub struct CompleteRules {
    /// Given and assumed rules of the pairs in the whitelist, and of no others.
    pub rules: MarketRules,
    /// Pairs whose rules are assumed.
    pub assumed: Vec<Symbol>,
}

/// What is assumed, in words for people.
pub const ASSUMPTIONS: &str = "amounts in steps of 1e-8 (futures 0.001), orders of at least 5 in quote currency, \
fee 0.1 % (futures 0.05 %), leverage up to 20 with 1 % maintenance margin";

/// Picks the rules of the settings' pairs and assumes what is missing.
#[must_use]
pub fn complete(given: &MarketRules, settings: &Settings) -> CompleteRules {
    let mut complete = CompleteRules { rules: MarketRules::default(), assumed: Vec::new() };
    for pair in &settings.pair_whitelist {
        let market = given.markets.get(pair).cloned();
        let tiers = given.leverage_tiers.get(pair).cloned();
        let futures = settings.trading_mode == TradingMode::Futures;
        if market.is_none() || (futures && tiers.is_none()) {
            complete.assumed.push(pair.clone());
        }
        complete.rules.markets.insert(pair.clone(), market.unwrap_or_else(|| assumed_market(pair)));
        if futures {
            let tiers = tiers.unwrap_or_else(|| vec![assumed_tier()]);
            complete.rules.leverage_tiers.insert(pair.clone(), tiers);
        }
    }
    complete
}

fn assumed_market(pair: &Symbol) -> Market {
    let (step, fee) = if pair.is_futures() { (0.001, 0.0005) } else { (1e-8, 0.001) };
    Market {
        symbol: pair.clone(),
        // Ticks are estimated from the candles; this one counts where all prices are whole numbers.
        precision: Precision { amount: Some(step), price: Some(1e-8) },
        limits: Limits { cost: MinMax { min: Some(5.0), max: None }, ..Limits::default() },
        taker: Some(fee),
        maker: Some(fee),
        contract_size: pair.is_futures().then_some(1.0),
    }
}

fn assumed_tier() -> LeverageTier {
    LeverageTier {
        min_notional: 0.0,
        max_notional: None,
        maintenance_margin_rate: 0.01,
        max_leverage: 20.0,
        maint_amt: Some(0.0),
    }
}

/// Rules as they are stored in a manifest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StoredRules {
    /// Market rules by symbol.
    pub markets: std::collections::BTreeMap<Symbol, Market>,
    /// Leverage tiers by symbol.
    pub leverage_tiers: std::collections::BTreeMap<Symbol, Vec<LeverageTier>>,
    /// Pairs whose rules are assumed.
    pub assumed: Vec<Symbol>,
}

impl From<&CompleteRules> for StoredRules {
    fn from(complete: &CompleteRules) -> Self {
        Self {
            markets: complete.rules.markets.clone(),
            leverage_tiers: complete.rules.leverage_tiers.clone(),
            assumed: complete.assumed.clone(),
        }
    }
}
