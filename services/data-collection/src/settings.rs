//! What the service is told from outside, under the names that the reference documents give.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tradai_control_plane::data::{CollectLimits, JobLimits};
use tradai_domain::ports::ExchangeKey;
use tradai_platform::settings::sections::{ArcticSettings, HttpSettings, LogSettings, StateSettings};
use tradai_platform::settings::{Environment, Reader, Settings as HostSettings};
use tradai_platform::topology::topology;
use tradai_service::HttpHost;
use tradai_timeseries::Location;
use url::Url;

/// The settings of the service.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Address and limits.
    pub http: HttpSettings,
    /// Logs.
    pub log: LogSettings,
    /// The exchanges to collect from, the default first; at least one.
    pub exchanges: Vec<ExchangeKey>,
    /// Addresses to use in place of an exchange's own.
    pub exchange_urls: Vec<ExchangeUrl>,
    /// Where the audit log and replies to repeated requests are kept, with the state of the other services.
    pub state: StateSettings,
    /// The environment of this process, which may hold secrets of the state.
    pub environment: Environment,
    /// Where the stores of the exchanges are.
    pub location: Location,
    /// Series that are collected at the same time.
    pub concurrency: usize,
    /// Symbols that one request may name.
    pub max_symbols: usize,
    /// Candles that one request may come to.
    pub max_candles: u64,
    /// Candles that one reply may hold.
    pub max_rows: usize,
    /// Sync jobs that may be under way.
    pub max_jobs: usize,
    /// Seconds that a sync is waited for before its reply is 202.
    pub sync_wait_seconds: u64,
    /// Whether schedules are run.
    pub scheduler: bool,
    /// WebSockets that may be open.
    pub max_sockets: usize,
    /// Messages that may wait for a slow WebSocket.
    pub socket_buffer: usize,
    /// Seconds between two pings of a WebSocket.
    pub socket_ping_seconds: usize,
    /// Seconds that live data goes on without listeners, for one that comes back.
    pub stream_linger_seconds: u64,
}

/// An address for an exchange: `binance_futures=http://127.0.0.1:8090`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeUrl {
    /// The exchange.
    pub exchange: ExchangeKey,
    /// Where it is, without a slash at the end.
    pub url: String,
}

impl FromStr for ExchangeUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, url) = text.split_once('=').ok_or("expected EXCHANGE=URL")?;
        let exchange = key.trim().parse::<ExchangeKey>().map_err(|error| error.to_string())?;
        let parsed = Url::parse(url.trim()).map_err(|error| format!("the URL cannot be read: {error}"))?;
        let plain = parsed.username().is_empty() && parsed.password().is_none() && parsed.query().is_none();
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() || !plain {
            return Err("expected http:// or https:// and a host, without user and `?`".to_owned());
        }
        Ok(Self { exchange, url: parsed.as_str().trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for ExchangeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.exchange, self.url)
    }
}

impl HostSettings for Settings {
    const SERVICE: &'static str = "data-collection";
    const PREFIX: &'static str = "DATA_COLLECTION_";
    const ABOUT: &'static str = "Collects candles, keeps them, and says how complete they are.";

    fn read(reader: &mut Reader<'_>) -> Self {
        let limits = CollectLimits::default();
        let http = HttpSettings::read(reader, topology().port(Self::SERVICE).unwrap_or_default());
        let log = LogSettings::read(reader);
        let exchanges = read_exchanges(reader);
        let exchange_urls = reader
            .key(
                "EXCHANGE_URLS",
                "addresses in place of exchanges' own, EXCHANGE=URL each, such as a sandbox's",
            )
            .list(&[]);
        let state = StateSettings::read(reader);
        let location = read_location(reader, &state);
        let mut count = |name, doc, default: usize| {
            let count: usize = reader.key(name, doc).or(default);
            if count == 0 {
                reader.fault(name, "0 is not allowed: at least 1");
            }
            count
        };
        let concurrency =
            count("CONCURRENCY", "series that are collected at the same time", limits.concurrency);
        let max_symbols = count("MAX_SYMBOLS", "symbols that one request may name", limits.symbols);
        let max_rows = count("MAX_ROWS", "candles that one reply may hold", 500_000);
        let max_jobs = count("MAX_JOBS", "sync jobs that may be under way", JobLimits::default().active);
        let max_sockets = count("MAX_SOCKETS", "WebSockets that may be open", 200);
        let socket_buffer = count("SOCKET_BUFFER", "messages that may wait for a slow WebSocket", 1_000);
        let socket_ping_seconds = count("SOCKET_PING_SECONDS", "seconds between pings of a WebSocket", 20);
        let settings = Self {
            max_candles: reader
                .key("MAX_CANDLES", "candles that one request may come to, symbols times candles")
                .or(limits.candles),
            sync_wait_seconds: reader
                .key("SYNC_WAIT_SECONDS", "how long a sync is waited for before its reply is 202")
                .or(10),
            scheduler: reader.key("SCHEDULER", "whether schedules are run").or(true),
            stream_linger_seconds: reader
                .key(
                    "STREAM_LINGER_SECONDS",
                    "how long live data goes on without listeners, for who comes back",
                )
                .or(60),
            http,
            log,
            exchanges,
            exchange_urls,
            environment: reader.environment(),
            state,
            location,
            concurrency,
            max_symbols,
            max_rows,
            max_jobs,
            max_sockets,
            socket_buffer,
            socket_ping_seconds,
        };
        check_times(reader, &settings);
        settings
    }
}

fn read_exchanges(reader: &mut Reader<'_>) -> Vec<ExchangeKey> {
    let doc = "exchanges to collect from, the first is the default";
    let exchanges: Vec<ExchangeKey> = reader.key("EXCHANGES", doc).list(&["binance_futures"]);
    for key in exchanges.iter().filter(|key| tradai_exchange::adapter(key.as_str()).is_none()) {
        let known = tradai_exchange::exchange_keys().collect::<Vec<_>>().join(", ");
        reader.fault("EXCHANGES", format!("`{key}` is not known; there are {known}"));
    }
    if exchanges.is_empty() {
        reader.fault("EXCHANGES", "names no exchange; at least one is needed");
    }
    exchanges
}

/// The bucket of the documented settings, or the data folder's store.
fn read_location(reader: &mut Reader<'_>, state: &StateSettings) -> Location {
    let bucket = ArcticSettings::read(reader).parsed(reader, Location::parse);
    bucket.unwrap_or_else(|| Location::Directory(state.store()))
}

fn check_times(reader: &mut Reader<'_>, settings: &Settings) {
    let timeout = settings.http.limits.request_timeout.as_secs();
    if settings.sync_wait_seconds >= timeout {
        let problem =
            format!("{} is not below REQUEST_TIMEOUT_SECONDS, {timeout}", settings.sync_wait_seconds);
        reader.fault("SYNC_WAIT_SECONDS", problem);
    }
    let unused = settings.exchange_urls.iter().find(|url| !settings.exchanges.contains(&url.exchange));
    if let Some(url) = unused {
        reader.fault("EXCHANGE_URLS", format!("`{}` is none of the exchanges", url.exchange));
    }
}

impl HttpHost for Settings {
    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }
}

impl Settings {
    pub(crate) fn collect_limits(&self) -> CollectLimits {
        CollectLimits { symbols: self.max_symbols, candles: self.max_candles, concurrency: self.concurrency }
    }

    pub(crate) fn job_limits(&self) -> JobLimits {
        JobLimits { active: self.max_jobs, ..JobLimits::default() }
    }

    pub(crate) fn sync_wait(&self) -> Duration {
        Duration::from_secs(self.sync_wait_seconds)
    }

    pub(crate) fn socket_ping(&self) -> Duration {
        Duration::from_secs(self.socket_ping_seconds as u64)
    }

    /// Returns the address that stands in for an exchange's own.
    pub(crate) fn url_of(&self, exchange: &ExchangeKey) -> Option<&str> {
        self.exchange_urls.iter().find(|url| url.exchange == *exchange).map(|url| url.url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_exchanges() {
        let url: ExchangeUrl = "binance=http://127.0.0.1:8090/".parse().unwrap();
        assert_eq!(url.to_string(), "binance=http://127.0.0.1:8090");
        for bad in
            ["binance", "Binance=http://x", "binance=ftp://x", "binance=http://u:p@x", "binance=http://x?k=v"]
        {
            assert!(bad.parse::<ExchangeUrl>().is_err(), "{bad}");
        }
    }
}
