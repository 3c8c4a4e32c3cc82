//! One exchange of a case folder: our adapter, its markets, the frozen clock and keys.

use std::path::Path;

use tradai_domain::Symbol;
use tradai_exchange::model::{LeverageTier, LeverageTiers, Market};
use tradai_exchange::{Adapter, Context, Credentials, Decimal, Json, Markets, adapter};

use crate::files;

/// Which of our settings keys a folder is for.
const KEYS: &[(&str, &str)] =
    &[("binance", "binance"), ("binanceusdm", "binance_futures"), ("bybit", "bybit_futures"), ("okx", "okx")];

/// The brackets under which the reference recorded positions. The cases do not say; these rates and the bound
/// between them are what the recorded maintenance margins allow.
const BRACKETS: &[(&str, &str)] = &[("0", "0.004"), ("50000", "0.025")];

pub(crate) struct Venue {
    pub(crate) name: String,
    pub(crate) adapter: &'static dyn Adapter,
    pub(crate) markets: Markets,
    credentials: Credentials,
    now_ms: i64,
    recv_window_ms: u32,
    tiers: LeverageTiers,
}

impl Venue {
    /// Loads a folder; `None` when it is of an exchange we do not know.
    pub(crate) fn load(name: &str, path: &Path) -> Result<Option<Self>, String> {
        let key = KEYS.iter().find(|(folder, _)| *folder == name).map_or(name, |(_, key)| *key);
        let Some(adapter) = adapter(key) else { return Ok(None) };
        let config = files::read(&path.join("config.json"))?.unwrap_or_default();
        let config = Json::parse(&config).unwrap_or(Json::Null);
        let frozen = config.get("frozen");
        let text = |name: &str| frozen.get(name).to_text().unwrap_or_default();
        let list = raw_markets(adapter, path)?.into_iter().map(|(_, market)| market).collect();
        let markets = Markets::new(list);
        let tiers = tiers(&markets);
        Ok(Some(Self {
            name: name.to_owned(),
            adapter,
            markets,
            credentials: Credentials::new(text("apiKey"), text("secret")).with_passphrase(text("password")),
            now_ms: frozen.get("milliseconds").as_i64().unwrap_or(1_700_000_000_000),
            recv_window_ms: if name.starts_with("binance") { 10_000 } else { 5_000 },
            tiers,
        }))
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            markets: &self.markets,
            credentials: Some(&self.credentials),
            now_ms: self.now_ms,
            recv_window_ms: self.recv_window_ms,
            new_client_order_id: if self.name == "okx" {
                "tradai00000000000000000"
            } else {
                "tradai-0000000000000000000000"
            },
            leverage_tiers: Some(&self.tiers),
        }
    }
}

/// Reads the markets of every recorded list.
pub(crate) fn raw_markets(adapter: &dyn Adapter, path: &Path) -> Result<Vec<(String, Market)>, String> {
    let folder = path.join("markets/raw");
    let mut markets = Vec::new();
    for file in files::json_files(&folder)? {
        let body = files::read(&folder.join(format!("{file}.json")))?.unwrap_or_default();
        let sources = adapter.market_sources();
        // `fapi_exchangeInfo` comes from a path with `/fapi/`; other exchanges have one path for all.
        let part = match file.split('_').next() {
            Some("spot") => "/api/".to_owned(),
            part => format!("/{}/", part.unwrap_or_default()),
        };
        let source = sources.iter().find(|source| source.path.contains(&part)).or(sources.first());
        let Some(source) = source else { continue };
        let parsed = adapter.parse_markets(source, &body).map_err(|error| format!("{file}: {error}"))?;
        markets.extend(parsed.into_iter().map(|market| (file.clone(), market)));
    }
    Ok(markets)
}

fn tiers(markets: &Markets) -> LeverageTiers {
    let number = |text: &str| text.parse::<Decimal>().ok();
    let rows = |symbol: &Symbol| {
        let tier = |(min, rate): &(&str, &str)| LeverageTier {
            tier: None,
            symbol: Some(symbol.clone()),
            currency: None,
            min_notional: number(min),
            max_notional: None,
            maintenance_margin_rate: number(rate),
            max_leverage: None,
        };
        BRACKETS.iter().map(tier).collect()
    };
    let contracts = markets.iter().filter(|market| market.is_contract());
    contracts.map(|market| (market.symbol.clone(), rows(&market.symbol))).collect()
}
