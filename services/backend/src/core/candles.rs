//! data-collection, asked about the candles of one exchange on behalf of one job.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tracing::warn;
use tradai_domain::jobs::Collecting;
use tradai_domain::ports::{ExchangeKey, PortError};
use tradai_domain::{ErrorKind, JobId, Millis, Symbol, Timeframe};

use super::needs::{DAY_MS, TRADED};
use super::stretch::Stretch;
use crate::infrastructure::peer::{Peer, PeerError};

/// How long the service may take to answer; it answers before it is done.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that one reply is held back, in seconds.
const LONGEST_WAIT: u32 = 10;
/// How long a service that does not answer is left alone.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often candles are asked for where the service forgets about it.
const BEGINNINGS: u32 = 4;
/// Symbols that one address names.
const SYMBOLS: usize = 100;
/// Pages of markets that are looked through for one that is alike.
const PAGES: usize = 10;
/// How much alike a market must be to be what was meant, from 0 to 1.
const ALIKE: f64 = 0.85;

/// Asks for as long as the service may come back. Whoever collects says how long that may take as a whole, and a job
/// that was taken in is not to fail because a service is being restarted.
async fn patiently<F>(ask: impl Fn() -> F) -> Result<Value, PeerError>
where
    F: Future<Output = Result<Value, PeerError>>,
{
    let mut is_told = false;
    loop {
        let error = match ask().await {
            Err(error) if error.is_failure() => error,
            done => return done,
        };
        if !std::mem::replace(&mut is_told, true) {
            warn!(%error, "a job waits until its candles can be asked for: {error}");
        }
        let pause = PortError::from(error).retry_after.unwrap_or(SHORTEST_PAUSE);
        tokio::time::sleep(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
    }
}

/// The candles of an exchange.
pub(super) struct Candles<'a> {
    /// The service, as it is asked questions.
    pub(super) peer: Peer,
    /// The service, as it is asked to collect: for whoever asked for the job.
    pub(super) asker: Peer,
    pub(super) exchange: &'a ExchangeKey,
}

impl Candles<'_> {
    /// Returns where the stored candles of a length begin that open before `end`: of these pairs.
    pub(super) async fn first_stored(
        &self,
        timeframe: Timeframe,
        pairs: &[Symbol],
        end: Option<Millis>,
    ) -> Result<BTreeMap<Symbol, Millis>, PortError> {
        let (exchange, length) = (self.exchange.to_string(), timeframe.to_string());
        let end = end.map(date);
        let mut first = BTreeMap::new();
        for pairs in pairs.chunks(SYMBOLS) {
            let symbols = joined(pairs);
            let mut query = vec![
                ("exchange", &*exchange),
                ("symbols", &*symbols),
                ("timeframe", &*length),
                ("price", TRADED),
            ];
            query.extend(end.as_deref().map(|end| ("end", end)));
            let reply = patiently(|| self.peer.get("/api/v1/coverage", &query, PATIENCE)).await?;
            first.extend(stored_items(&reply).filter_map(|(symbol, item)| {
                // Without a start, the span begins with the first candle.
                Some((symbol, moment(&item["span"]["start"])?))
            }));
        }
        Ok(first)
    }

    /// Returns the pairs of which candles of a length are stored.
    pub(super) async fn stored_pairs(&self, timeframe: Timeframe) -> Result<Vec<Symbol>, PortError> {
        let exchange = self.exchange.to_string();
        let query = [("exchange", exchange.as_str())];
        let reply = patiently(|| self.peer.get("/api/v1/coverage", &query, PATIENCE)).await?;
        let fits = |item: &Value| item["timeframe"] == timeframe.as_str() && item["price"] == TRADED;
        Ok(stored_items(&reply).filter(|(_, item)| fits(item)).map(|(symbol, _)| symbol).collect())
    }

    /// Returns whether nothing of a stretch is missing that the exchange has, as far as that is known. Begins nothing.
    pub(super) async fn is_complete(&self, stretch: &Stretch) -> Result<bool, PortError> {
        let need = &stretch.need;
        let (exchange, length) = (self.exchange.to_string(), need.timeframe.to_string());
        let start = date(stretch.start.saturating_sub(need.padding_days * DAY_MS).max(0));
        let end = stretch.end.map(date);
        for symbols in need.symbols.chunks(SYMBOLS) {
            let symbols = joined(symbols);
            let mut query = vec![("exchange", &*exchange), ("symbols", &*symbols), ("timeframe", &*length)];
            query.extend([("price", need.price), ("start", &*start)]);
            query.extend(end.as_deref().map(|end| ("end", end)));
            let reply = patiently(|| self.peer.get("/api/v1/coverage", &query, PATIENCE)).await?;
            if reply["complete"] != true {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns what completes a stretch.
    pub(super) fn completion<'a>(&'a self, stretch: &'a Stretch) -> Completion<'a> {
        let body = ensure_body(self.exchange, stretch);
        Completion { candles: self, stretch, body, job: None, begun: 0, wait: 0, far: Collecting::default() }
    }

    /// Says why candles were not collected, of the first series that failed, and what can be done about it.
    async fn uncollected(&self, stretch: &Stretch, reply: &Value) -> PortError {
        let errors = reply["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(first) = errors.first() else {
            let status = reply["status"].as_str().unwrap_or_default();
            let text = format!("collecting them was {status}; {}", self.by_hand(stretch, None));
            return PortError::new(ErrorKind::Conflict, text);
        };
        let text =
            |name: &str| first[name].as_str().unwrap_or_default().chars().take(300).collect::<String>();
        let others = match errors.len() - 1 {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        let (kind, symbol) = (text("kind"), text("symbol"));
        let advice = match symbol.parse::<Symbol>() {
            Ok(symbol) if kind == "not_found" => self.alike(&symbol).await,
            symbol => self.by_hand(stretch, symbol.ok().as_ref()),
        };
        let kind = if kind == "unavailable" { ErrorKind::Unavailable } else { ErrorKind::NotFound };
        PortError::new(kind, format!("{symbol}: {}{others}; {advice}", text("message")))
    }

    /// Says how to collect on the command line, where it shows what is in the way.
    pub(super) fn by_hand(&self, stretch: &Stretch, symbol: Option<&Symbol>) -> String {
        let need = &stretch.need;
        let symbols = symbol.map_or_else(|| joined(&need.symbols), ToString::to_string);
        let price = if need.price == TRADED { String::new() } else { format!(" --price {}", need.price) };
        let start = date(stretch.start);
        let day = start.split('T').next().unwrap_or_default();
        format!(
            "collect them with `tradai data sync --exchange {} --symbols {symbols} --timeframe {}{price} --start {day}`, \
             or submit the job again later",
            self.exchange, need.timeframe
        )
    }

    /// Names the markets that may have been meant.
    async fn alike(&self, symbol: &Symbol) -> String {
        let all = self.markets().await;
        let likeness = |other: &String| strsim::jaro_winkler(symbol.as_str(), other);
        let mut near: Vec<(f64, &String)> = all.iter().map(|other| (likeness(other), other)).collect();
        near.retain(|(likeness, _)| *likeness >= ALIKE);
        near.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
        let near: Vec<&str> = near.iter().take(3).map(|(_, name)| name.as_str()).collect();
        if near.is_empty() {
            let path = format!("/api/v1/exchanges/{}/markets", self.exchange);
            return format!("name pairs that it has: GET {path} of data-collection lists them");
        }
        format!("did you mean {}?", near.join(" or "))
    }

    /// Returns the markets that trade, as far as they can be had.
    async fn markets(&self) -> Vec<String> {
        let path = format!("/api/v1/exchanges/{}/markets", self.exchange);
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut query = vec![("active", "true"), ("limit", "500")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let Ok(page) = self.peer.get(&path, &query, PATIENCE).await else { break };
            all.extend(items(&page).filter_map(|item| item["symbol"].as_str().map(str::to_owned)));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        all
    }
}

/// A stretch that is being completed. Beginning anew finds what was collected by then.
pub(super) struct Completion<'a> {
    candles: &'a Candles<'a>,
    stretch: &'a Stretch,
    body: Value,
    job: Option<JobId>,
    begun: u32,
    wait: u32,
    /// How far it is.
    pub(super) far: Collecting,
}

impl Completion<'_> {
    /// Waits a little, longer each time; returns whether there is more to wait for.
    pub(super) async fn goes_on(&mut self) -> Result<bool, PortError> {
        let reply = self.ask().await?;
        if reply["ready"] == true {
            self.job = None;
            return Ok(false);
        }
        self.far = collecting(&reply["progress"]);
        match reply["status"].as_str() {
            Some("pending" | "running") => {
                self.job = parse(&reply["job_id"]);
                let unnamed = || PortError::new(ErrorKind::Internal, "data-collection named no job");
                return self.job.map(|_| true).ok_or_else(unnamed);
            }
            Some(_) => self.job = None,
            None => {}
        }
        match reply["status"].as_str() {
            Some("completed") if reply["errors"].as_array().is_none_or(Vec::is_empty) => Ok(false),
            Some(_) => Err(self.candles.uncollected(self.stretch, &reply).await),
            None => Err(PortError::new(ErrorKind::Internal, "data-collection did not say how it stands")),
        }
    }

    /// Asks for the candles, or after the job that collects them.
    async fn ask(&mut self) -> Result<Value, PortError> {
        let peer = &self.candles.peer;
        if let Some(id) = self.job {
            self.wait = LONGEST_WAIT.min(self.wait + 1);
            let (path, seconds) = (format!("/api/v1/sync/{id}"), self.wait.to_string());
            let query = [("wait", seconds.as_str())];
            match patiently(|| peer.get(&path, &query, PATIENCE)).await {
                // It knows its jobs as long as it runs: it was started again.
                Err(error) if error.kind() == ErrorKind::NotFound && self.begun < BEGINNINGS => {}
                reply => return Ok(reply?),
            }
        }
        self.begun += 1;
        let asker = &self.candles.asker;
        Ok(patiently(|| asker.post_again("/api/v1/ensure?wait=0", &self.body, PATIENCE)).await?)
    }
}

impl Drop for Completion<'_> {
    /// Cancels what nobody waits for any more: the job was cancelled, or it took too long. Whoever else asks for the same
    /// candles has a job of data-collection of their own.
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.job.take(), Handle::try_current()) else { return };
        // In our own name: that nobody waits any more is for us to see.
        let peer = self.candles.peer.clone();
        runtime.spawn(async move {
            let path = format!("/api/v1/sync/{id}/cancel");
            if let Err(error) = peer.post_again(&path, &json!({}), PATIENCE).await {
                warn!(%error, sync_job = %id, "candles are collected that nobody waits for: {error}");
            }
        });
    }
}

fn items(reply: &Value) -> impl Iterator<Item = &Value> {
    reply["items"].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// The series of a reply about coverage that have a candle.
fn stored_items(reply: &Value) -> impl Iterator<Item = (Symbol, &Value)> {
    let has_candles = |item: &&Value| item["stored"].as_u64().is_some_and(|stored| stored > 0);
    items(reply).filter(has_candles).filter_map(|item| Some((parse(&item["symbol"])?, item)))
}

fn collecting(progress: &Value) -> Collecting {
    let count = |name: &str| progress[name].as_u64().unwrap_or(0);
    Collecting {
        series_done: count("symbols_done"),
        series_total: count("symbols_total"),
        candles_done: count("candles_answered"),
        candles_total: count("candles_expected"),
    }
}

fn ensure_body(exchange: &ExchangeKey, stretch: &Stretch) -> Value {
    let need = &stretch.need;
    json!({
        "exchange": exchange.to_string(),
        "symbols": need.symbols,
        "timeframe": need.timeframe.to_string(),
        "price": need.price,
        "start": date(stretch.start),
        "end": stretch.end.map(date),
        "padding_days": need.padding_days,
    })
}

fn joined(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(",")
}

fn parse<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn moment(value: &Value) -> Option<Millis> {
    chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|moment| moment.timestamp_millis())
}

/// Returns a moment to the second; what lies outside its years is the epoch, which is refused where it makes no sense.
fn date(at: Millis) -> String {
    let date = chrono::DateTime::from_timestamp_millis(at).unwrap_or_default();
    date.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
