//! What is done for a job before it is handed over: candles of an exchange are completed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tracing::info;
use tradai_control_plane::jobs::Prepare;
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage};
use tradai_domain::ports::{ExchangeKey, PortError};
use tradai_domain::{Clock, ErrorKind, IdSource, JobId, Millis, Symbol, Timeframe};

use super::Catalogue;
use crate::infrastructure::peer::{Peer, PeerTrace};

/// How long the service that collects may take to answer; it answers before it is done.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one reply is held back, in seconds.
const WAIT_SECONDS: &str = "20";
/// How long collecting may take as a whole.
const COLLECTING: Duration = Duration::from_secs(2 * 3_600);
/// Days before the start that are collected where nobody knows what the strategy warms up on.
const PADDING_DAYS: i64 = 30;
/// The most days that may be asked for.
const MAX_PADDING_DAYS: i64 = 3_650;
const DAY_MS: Millis = 86_400_000;

/// How far the candles of a job are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Collecting {
    /// Series that are there.
    pub(crate) done: u64,
    /// Series that the job needs.
    pub(crate) total: u64,
}

/// Lets the data service complete what a job needs of an exchange. A job that names none takes what is stored.
pub(crate) struct CandleCollection {
    data_collection: Peer,
    catalogue: Arc<Catalogue>,
    ids: Arc<dyn IdSource>,
    clock: Arc<dyn Clock>,
    collecting: Mutex<BTreeMap<JobId, Collecting>>,
}

/// Candles of one length and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    timeframe: Timeframe,
    price: &'static str,
    symbols: Vec<Symbol>,
    padding_days: i64,
}

impl CandleCollection {
    pub(crate) fn new(
        data_collection: Peer,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { data_collection, catalogue, ids, clock, collecting: Mutex::default() }
    }

    /// Returns how far the candles of a job are, while they are collected.
    pub(crate) fn of(&self, id: JobId) -> Option<Collecting> {
        self.collecting().get(&id).copied()
    }

    /// Returns for how long candles cannot be asked for, while the data service is left alone.
    pub(crate) fn refuses(&self) -> Option<Duration> {
        self.data_collection.refuses()
    }

    fn collecting(&self) -> MutexGuard<'_, BTreeMap<JobId, Collecting>> {
        self.collecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trace(&self, job: &BacktestJobMessage) -> PeerTrace {
        PeerTrace::of(job.trace_id, &*self.ids, &*self.clock)
    }

    /// Completes the candles of a job, one kind after the other.
    async fn collect(&self, job: &BacktestJobMessage, exchange: &ExchangeKey) -> Result<(), PortError> {
        let needs = self.needs(job).await?;
        let peer = self.data_collection.within(self.trace(job));
        let series = |needs: &[Need]| needs.iter().map(|need| need.symbols.len() as u64).sum::<u64>();
        let total = series(&needs);
        for (at, need) in needs.iter().enumerate() {
            let before = series(&needs[..at]);
            let note = |done| {
                let collecting = Collecting { done: before + done, total };
                self.collecting().insert(job.job_id, collecting);
            };
            note(0);
            let body = ensure_body(&job.config, exchange, need);
            complete(&peer, &body, note).await.map_err(|error| named(error, exchange))?;
        }
        info!(job_id = %job.job_id, %exchange, series = total, "{total} series of {exchange} are complete");
        Ok(())
    }

    /// Returns what a job needs; the strategy says what the request leaves to it.
    async fn needs(&self, job: &BacktestJobMessage) -> Result<Vec<Need>, PortError> {
        let config = &job.config;
        let strategy = self.catalogue.show(&config.strategy, self.trace(job)).await;
        let (strategy, unknown) = match strategy {
            Ok(answer) => (answer.value, None),
            Err(error) => (Value::Null, Some(error)),
        };
        let given = |name: &str| config.settings.get(name).or_else(|| strategy["settings"].get(name));
        let timeframe = config.timeframe.or_else(|| given("timeframe").and_then(parse));
        let timeframe = timeframe.or_else(|| parse(&strategy["timeframe"]));
        let Some(timeframe) = timeframe else {
            // Only the strategy knows, and nobody could ask for it.
            return Err(unknown.map_or_else(|| no_timeframe(config), PortError::from));
        };
        let symbols = if config.symbols.is_empty() {
            let pairs = given("pair_whitelist").and_then(Value::as_array).map(Vec::as_slice);
            pairs.unwrap_or_default().iter().filter_map(parse).collect()
        } else {
            config.symbols.clone()
        };
        let padding_days = padding_days(strategy["startup_candles"].as_i64(), timeframe);
        let detail = given("timeframe_detail").and_then(parse);
        Ok(needs(timeframe, detail, &strategy["informative"], symbols, padding_days))
    }
}

#[async_trait]
impl Prepare for CandleCollection {
    fn is_needed(&self, job: &BacktestJobMessage) -> bool {
        // Without a first day there is no telling how much is missing: what is stored is tested.
        job.config.exchange.is_some() && job.config.start.is_some()
    }

    async fn prepare(&self, job: &BacktestJobMessage) -> Result<(), PortError> {
        let Some(exchange) = job.config.exchange.as_ref().filter(|_| self.is_needed(job)) else {
            return Ok(());
        };
        let _noted = Noted { collection: self, id: job.job_id };
        let too_long = |_| Err(PortError::new(ErrorKind::Conflict, "its candles took too long to collect"));
        tokio::time::timeout(COLLECTING, self.collect(job, exchange)).await.unwrap_or_else(too_long)
    }
}

/// Forgets how far a job's candles are, however collecting them ends.
struct Noted<'a> {
    collection: &'a CandleCollection,
    id: JobId,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.collection.collecting().remove(&self.id);
    }
}

/// Lets candles be completed and waits until they are. Asking again finds what was collected by then.
async fn complete(peer: &Peer, body: &Value, note: impl Fn(u64)) -> Result<(), PortError> {
    let mut reply = peer.post_again("/api/v1/ensure?wait=0", body, PATIENCE).await?;
    loop {
        if reply["ready"] == true {
            return Ok(());
        }
        note(reply["progress"]["symbols_done"].as_u64().unwrap_or(0));
        match reply["status"].as_str() {
            Some("pending" | "running") => {}
            Some("completed") if reply["errors"].as_array().is_none_or(Vec::is_empty) => return Ok(()),
            Some(_) => return Err(uncollected(&reply)),
            None => {
                return Err(PortError::new(ErrorKind::Internal, "data-collection did not say how it stands"));
            }
        }
        let id: JobId = parse(&reply["job_id"])
            .ok_or_else(|| PortError::new(ErrorKind::Internal, "data-collection named no job"))?;
        let path = format!("/api/v1/sync/{id}");
        reply = peer.get(&path, &[("wait", WAIT_SECONDS)], PATIENCE).await?;
    }
}

/// Says why candles were not collected: of the first series that failed.
fn uncollected(reply: &Value) -> PortError {
    let errors = reply["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) = errors.first() else {
        let status = reply["status"].as_str().unwrap_or_default();
        return PortError::new(ErrorKind::Conflict, format!("collecting them was {status}"));
    };
    let text = |name: &str| first[name].as_str().unwrap_or_default().chars().take(300).collect::<String>();
    let others = match errors.len() - 1 {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    let kind = if first["kind"] == "unavailable" { ErrorKind::Unavailable } else { ErrorKind::NotFound };
    PortError::new(kind, format!("{}: {}{others}", text("symbol"), text("message")))
}

fn named(mut error: PortError, exchange: &ExchangeKey) -> PortError {
    error.message = format!("candles of {exchange} could not be completed: {}", error.message);
    error
}

fn no_timeframe(config: &BacktestConfig) -> PortError {
    let text = format!("{} does not say the length of its candles; give `timeframe`", config.strategy);
    PortError::new(ErrorKind::Invalid, text)
}

fn parse<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

/// The days that hold a strategy's first candles, one more for the day that they begin in.
fn padding_days(startup_candles: Option<i64>, timeframe: Timeframe) -> i64 {
    let Some(candles) = startup_candles else { return PADDING_DAYS };
    let days = candles.saturating_mul(timeframe.millis()).div_euclid(DAY_MS).saturating_add(1);
    days.clamp(0, MAX_PADDING_DAYS)
}

/// What pairs are tested on: their own candles, those that the strategy looks at besides, and of futures what funding is
/// reckoned with.
fn needs(
    timeframe: Timeframe,
    detail: Option<Timeframe>,
    informative: &Value,
    symbols: Vec<Symbol>,
    padding_days: i64,
) -> Vec<Need> {
    let mut traded: BTreeMap<Timeframe, Vec<Symbol>> = BTreeMap::new();
    let mut add = |timeframe, symbols: &[Symbol]| {
        let all = traded.entry(timeframe).or_default();
        all.extend(symbols.iter().filter(|symbol| !all.contains(symbol)).cloned().collect::<Vec<_>>());
    };
    for timeframe in std::iter::once(timeframe).chain(detail) {
        add(timeframe, &symbols);
    }
    for text in informative.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str)
    {
        // `@1h` is of each pair, `BTC/USDT@1h` of that one.
        let Some((pair, timeframe)) = text.split_once('@') else { continue };
        let Ok(timeframe) = timeframe.parse() else { continue };
        match pair.parse::<Symbol>() {
            Ok(pair) => add(timeframe, &[pair]),
            Err(_) => add(timeframe, &symbols),
        }
    }
    let futures: Vec<Symbol> = symbols.into_iter().filter(Symbol::is_futures).collect();
    let traded = traded.into_iter().map(|(timeframe, symbols)| (timeframe, "traded", symbols));
    let funding = ["mark", "funding_rate"].map(|price| (Timeframe::H1, price, futures.clone()));
    let all = traded.chain(funding).filter(|(_, _, symbols)| !symbols.is_empty());
    all.map(|(timeframe, price, symbols)| Need { timeframe, price, symbols, padding_days }).collect()
}

fn ensure_body(config: &BacktestConfig, exchange: &ExchangeKey, need: &Need) -> Value {
    let date = |at: Millis| {
        let date = chrono::DateTime::from_timestamp_millis(at);
        date.map(|date| date.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    };
    json!({
        "exchange": exchange.to_string(),
        "symbols": need.symbols,
        "timeframe": need.timeframe.to_string(),
        "price": need.price,
        "start": config.start.and_then(date),
        "end": config.end.and_then(date),
        "padding_days": need.padding_days,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(texts: &[&str]) -> Vec<Symbol> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn futures_need_what_funding_is_reckoned_with() {
        let both = symbols(&["BTC/USDT:USDT", "ETH/USDT"]);
        let found = needs(Timeframe::M5, None, &json!(["@1h", "SOL/USDT@1h", "nonsense"]), both.clone(), 3);
        let of = |timeframe, price, symbols: Vec<Symbol>| Need { timeframe, price, symbols, padding_days: 3 };
        let btc = symbols(&["BTC/USDT:USDT"]);
        let expected = [
            of(Timeframe::M5, "traded", both),
            of(Timeframe::H1, "traded", symbols(&["BTC/USDT:USDT", "ETH/USDT", "SOL/USDT"])),
            of(Timeframe::H1, "mark", btc.clone()),
            of(Timeframe::H1, "funding_rate", btc),
        ];
        assert_eq!(found, expected);
        assert_eq!(needs(Timeframe::H1, None, &Value::Null, Vec::new(), 3), []);
    }

    #[test]
    fn padding_holds_the_candles_to_warm_up_on() {
        // 200 candles of 5 minutes are 16 hours 40 minutes; 200 of an hour 8 days 8 hours.
        assert_eq!(padding_days(Some(200), Timeframe::M5), 1);
        assert_eq!(padding_days(Some(200), Timeframe::H1), 9);
        assert_eq!(padding_days(Some(i64::MAX), Timeframe::H1), MAX_PADDING_DAYS);
        assert_eq!(padding_days(None, Timeframe::H1), PADDING_DAYS);
    }

    #[test]
    fn the_first_series_that_failed_is_the_reason() {
        let reply = json!({"status": "completed", "errors": [
            {"symbol": "XRP/USDT", "kind": "not_found", "message": "there is no such market"},
            {"symbol": "ADA/USDT", "kind": "unavailable", "message": "x"}]});
        let error = uncollected(&reply);
        assert_eq!(error.message, "XRP/USDT: there is no such market (and 1 more)");
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(uncollected(&json!({"status": "cancelled"})).message, "collecting them was cancelled");
    }
}
