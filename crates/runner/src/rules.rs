//! Market rules and leverage tiers from files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use tradai_domain::{LeverageTier, Market, Symbol};
use tradai_engine::MarketRules;

use crate::Error;

/// Reads markets as CCXT's `load_markets` writes them: a map from symbol to market.
///
/// # Errors
/// [`Error`] naming file and line.
pub fn read_markets(path: &Path) -> Result<BTreeMap<Symbol, Market>, Error> {
    read_map(path)
}

/// Reads leverage tiers: a map from symbol to a list of tiers, smallest positions first.
///
/// # Errors
/// [`Error`] naming file and line.
pub fn read_leverage_tiers(path: &Path) -> Result<BTreeMap<Symbol, Vec<LeverageTier>>, Error> {
    let tiers: BTreeMap<Symbol, Vec<LeverageTier>> = read_map(path)?;
    for (symbol, tiers) in &tiers {
        if tiers.is_empty() || tiers.windows(2).any(|pair| pair[0].min_notional >= pair[1].min_notional) {
            return Err(Error::file(
                path,
                format!("{symbol}: tiers must be there and ascend by minNotional"),
            ));
        }
    }
    Ok(tiers)
}

/// Reads market rules from these files; where none is named, from `markets.json` and `leverage_tiers.json` of the data
/// folder, if they are there.
///
/// # Errors
/// [`Error`] naming file and line.
pub fn read_rules(
    data_dir: &Path,
    markets: Option<&Path>,
    leverage_tiers: Option<&Path>,
) -> Result<MarketRules, Error> {
    let find = |named: Option<&Path>, name: &str| match named {
        Some(path) => Some(path.to_owned()),
        None => Some(data_dir.join(name)).filter(|path| path.is_file()),
    };
    let markets = find(markets, "markets.json").map(|path| read_markets(&path));
    let tiers = find(leverage_tiers, "leverage_tiers.json").map(|path| read_leverage_tiers(&path));
    Ok(MarketRules {
        markets: markets.transpose()?.unwrap_or_default(),
        leverage_tiers: tiers.transpose()?.unwrap_or_default(),
    })
}

pub(crate) fn read_map<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    serde_json::from_str(&text).map_err(|error| Error::file(path, error.to_string()))
}
