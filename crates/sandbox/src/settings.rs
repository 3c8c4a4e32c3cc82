//! What a sandbox is made of.

use std::collections::BTreeMap;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rust_decimal::Decimal;
use serde_json::Value;
use tradai_domain::{CandleKind, CandleSeries, Millis, SeriesKey, Symbol, Timeframe};

use crate::api::Secret;
use crate::clock::Pace;
use crate::error::Error;
use crate::faults::{Faults, Rule};
use crate::market::{Filters, Market, Venue};
use crate::number;
use crate::tape::Tape;

/// Candles to replay.
#[derive(Debug, Clone)]
pub struct Series {
    /// What they are: traded prices, mark prices or funding rates of a market.
    pub key: SeriesKey,
    /// The candles.
    pub candles: CandleSeries,
}

/// One of the two wallets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wallet {
    /// Spot.
    Spot,
    /// USD-margined futures.
    UsdM,
}

/// Money to start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// Where it goes.
    pub wallet: Wallet,
    /// The asset, `USDT`.
    pub asset: String,
    /// How much: digits with at most one point.
    pub amount: String,
}

/// An API key; all of them trade for the one account.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key.
    pub key: String,
    /// Its secret, for HMAC-SHA256; or the public key of an Ed25519 or RSA pair, in PEM.
    pub secret: String,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a sandbox is made of. Start from [`Settings::new`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What to replay. Of several timeframes of a market the shortest is taken.
    pub series: Vec<Series>,
    /// The exchange's time at the start; a day after the market that starts last when left out.
    pub start: Option<Millis>,
    /// How its time passes.
    pub pace: Pace,
    /// Decides everything that is drawn.
    pub seed: u64,
    /// Who may trade.
    pub keys: Vec<ApiKey>,
    /// What the account starts with.
    pub deposits: Vec<Deposit>,
    /// Replies of `/api/v3/exchangeInfo` and `/fapi/v1/exchangeInfo` that describe markets: filters and the rest.
    /// Markets that they do not name get rules that fit their candles.
    pub spot_exchange_info: Option<Value>,
    /// See `spot_exchange_info`.
    pub usd_m_exchange_info: Option<Value>,
    /// A fault plan: a list of rules.
    pub faults: Option<Value>,
    /// About how much a level of the order book holds, in quote currency.
    pub level_cost: u32,
}

impl Settings {
    /// Returns settings that replay these series: stepped time, key `sandbox-key` with secret `sandbox-secret`,
    /// 100,000 USDT in each wallet.
    #[must_use]
    pub fn new(series: Vec<Series>) -> Self {
        let deposit = |wallet| Deposit { wallet, asset: "USDT".to_owned(), amount: "100000".to_owned() };
        Self {
            series,
            start: None,
            pace: Pace::Stepped,
            seed: 0,
            keys: vec![ApiKey { key: "sandbox-key".to_owned(), secret: "sandbox-secret".to_owned() }],
            deposits: vec![deposit(Wallet::Spot), deposit(Wallet::UsdM)],
            spot_exchange_info: None,
            usd_m_exchange_info: None,
            faults: None,
            level_cost: 50_000,
        }
    }

    /// Returns the markets to replay, by venue and symbol.
    pub(crate) fn markets(&self) -> Result<Vec<Market>, Error> {
        let mut by_symbol: BTreeMap<(bool, Symbol), Vec<&Series>> = BTreeMap::new();
        for series in self.series.iter().filter(|series| !series.candles.is_empty()) {
            let symbol = series.key.symbol.clone();
            by_symbol.entry((symbol.is_futures(), symbol)).or_default().push(series);
        }
        let market = |((_, symbol), series): ((bool, Symbol), Vec<&Series>)| self.market(symbol, &series);
        let markets: Vec<Market> = by_symbol.into_par_iter().filter_map(market).collect();
        if markets.is_empty() {
            return Err(Error::NoCandles("no series of traded prices has any".to_owned()));
        }
        Ok(markets)
    }

    fn market(&self, symbol: Symbol, series: &[&Series]) -> Option<Market> {
        let of_kind = |kind: CandleKind| {
            let known = series.iter().filter(move |series| series.key.kind == kind);
            known.min_by_key(|series| series.key.timeframe)
        };
        let traded = of_kind(CandleKind::traded(&symbol))?;
        let tape = Tape::new(&traded.candles, traded.key.timeframe);
        let venue = if symbol.is_futures() { Venue::UsdM } else { Venue::Spot };
        let id = format!("{}{}", symbol.base(), symbol.quote());
        let described = self.described(venue, &id);
        let usual = Filters::usual(venue, tape.tick(), tape.unit());
        let filters = described.as_ref().map_or(usual.clone(), |entry| usual.clone().described_by(entry));
        let (maker_fee, taker_fee) = match venue {
            Venue::Spot => (Decimal::new(1, 3), Decimal::new(1, 3)),
            Venue::UsdM => (Decimal::new(2, 4), Decimal::new(5, 4)),
        };
        let mark = of_kind(CandleKind::Mark).map(|mark| Tape::new(&mark.candles, mark.key.timeframe));
        let funding =
            of_kind(CandleKind::FundingRate).map(|series| rates(&series.candles)).unwrap_or_default();
        Some(Market {
            venue,
            symbol,
            id,
            usual_filters: filters.clone(),
            filters,
            maker_fee,
            taker_fee,
            tape,
            mark,
            funding,
            is_halted: false,
            is_delisted: false,
            gaps: Vec::new(),
            described,
        })
    }

    fn described(&self, venue: Venue, id: &str) -> Option<Value> {
        let info = if venue == Venue::Spot { &self.spot_exchange_info } else { &self.usd_m_exchange_info };
        info.as_ref()?["symbols"].as_array()?.iter().find(|entry| entry["symbol"] == id).cloned()
    }

    /// Returns when the exchange's time starts.
    pub(crate) fn start(&self, markets: &[Market]) -> Millis {
        let first = markets.iter().map(|market| market.tape.span().0).max().unwrap_or(0);
        self.start.unwrap_or(first + Timeframe::D1.millis())
    }

    /// Returns the exchange's halves of the API keys.
    pub(crate) fn secrets(&self) -> Result<Vec<(String, Secret)>, Error> {
        let secret = |key: &ApiKey| {
            let problem = || Error::Settings {
                name: "keys",
                problem: format!("the public key of `{}` must be Ed25519 or RSA, in PEM", key.key),
            };
            Ok((key.key.clone(), Secret::parse(&key.secret).ok_or_else(problem)?))
        };
        self.keys.iter().map(secret).collect()
    }

    pub(crate) fn faults(&self) -> Result<Faults, Error> {
        parse_faults(self.faults.as_ref().unwrap_or(&Value::Array(Vec::new())), self.seed)
    }
}

/// Parses a fault plan.
pub(crate) fn parse_faults(plan: &Value, seed: u64) -> Result<Faults, Error> {
    let rules: Vec<Rule> = serde::Deserialize::deserialize(plan)
        .map_err(|error: serde_json::Error| Error::Faults(error.to_string()))?;
    Faults::new(rules, seed).map_err(Error::Faults)
}

impl Deposit {
    pub(crate) fn parse(&self) -> Result<(Venue, Decimal), Error> {
        let venue = if self.wallet == Wallet::Spot { Venue::Spot } else { Venue::UsdM };
        let problem =
            || Error::Settings { name: "deposits", problem: format!("`{}` is no amount", self.amount) };
        Ok((venue, number::parse(&self.amount).ok_or_else(problem)?))
    }
}

/// Funding rates stand in the opens.
fn rates(candles: &CandleSeries) -> Vec<(Millis, Decimal)> {
    let rows = candles.open_time().iter().zip(candles.open());
    rows.map(|(&at, &rate)| (at, number::from_f64(rate))).collect()
}
