//! What a client is made of.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tradai_domain::Clock;
use tradai_http_client::reqwest::Url;

use super::gate::{Gate, GateSettings};
use super::markets::MarketCache;
use super::order_ids::SentOrders;
use super::retry::Retries;
use super::transport::{Transport, TransportSettings};
use super::{Client, Inner, RetryPolicy, Timer, TokioTimer};
use crate::{Adapter, Credentials, Environment, Error, ErrorClass};

/// How long what may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// A request, from the first byte out to the last byte in. Always in real time.
    pub request: Duration,
    /// The wait for a budget or a ban; what would take longer fails at once and says so.
    pub wait: Duration,
    /// How old a signed request may be when it arrives at the exchange.
    pub recv_window: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            wait: Duration::from_secs(150),
            recv_window: Duration::from_millis(5_000),
        }
    }
}

/// How an order whose outcome got lost is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderPolicy {
    /// How long the exchange may go on denying an order that it has: the least time to look for a plain one. Looking
    /// never ends before the lost request is too old to be taken in.
    pub not_found_window: Duration,
    /// The same for conditional orders, whose books lag.
    pub conditional_window: Duration,
    /// How many times the exchange has to deny it.
    pub denials: u32,
    /// The pause between two looks, at most.
    pub longest_pause: Duration,
    /// When to give up.
    pub give_up_after: Duration,
    /// How often an order that the exchange denies knowing is sent again, under the same id.
    pub resends: u32,
}

impl Default for OrderPolicy {
    fn default() -> Self {
        Self {
            not_found_window: Duration::from_secs(10),
            conditional_window: Duration::from_secs(60),
            denials: 3,
            longest_pause: Duration::from_secs(5),
            give_up_after: Duration::from_secs(180),
            resends: 1,
        }
    }
}

/// Makes a [`Client`]. Start from [`Client::builder`].
pub struct ClientBuilder {
    adapter: &'static dyn Adapter,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    environment: Environment,
    credentials: Option<Credentials>,
    hosts: BTreeMap<&'static str, String>,
    every_host: Option<String>,
    timeouts: Timeouts,
    retries: RetryPolicy,
    orders: OrderPolicy,
    seed: u64,
    max_reply_bytes: usize,
    max_connections: u32,
    failures_to_open: u32,
    breaker_pause: Duration,
    gzip: bool,
}

impl ClientBuilder {
    pub(super) fn new(adapter: &'static dyn Adapter, clock: Arc<dyn Clock>) -> Self {
        Self {
            adapter,
            clock,
            timer: Arc::new(TokioTimer),
            environment: Environment::Live,
            credentials: None,
            hosts: BTreeMap::new(),
            every_host: None,
            timeouts: Timeouts::default(),
            retries: RetryPolicy::default(),
            orders: OrderPolicy::default(),
            seed: 0,
            max_reply_bytes: 32 * 1024 * 1024,
            max_connections: 16,
            failures_to_open: 8,
            breaker_pause: Duration::from_secs(2),
            gzip: true,
        }
    }

    /// Says which of the exchange's worlds to talk to; live when not called.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Gives the keys that signed calls need.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Talks to this address in place of every host of the exchange, such as a sandbox's.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.every_host = Some(url.into());
        self
    }

    /// Talks to this address in place of one host, named as in [`crate::Endpoint::base`].
    #[must_use]
    pub fn host_url(mut self, base: &'static str, url: impl Into<String>) -> Self {
        self.hosts.insert(base, url.into());
        self
    }

    /// Waits in another way than in real time.
    #[must_use]
    pub fn timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.timer = timer;
        self
    }

    /// Says what pauses are drawn from. Processes that share an address need seeds of their own, or they come back
    /// together.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Says how long what may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Says how what is safe to repeat is repeated.
    #[must_use]
    pub fn retries(mut self, retries: RetryPolicy) -> Self {
        self.retries = retries;
        self
    }

    /// Says how lost orders are looked for.
    #[must_use]
    pub fn orders(mut self, orders: OrderPolicy) -> Self {
        self.orders = orders;
        self
    }

    /// Bounds a reply, after decompression; 32 MiB when not called.
    #[must_use]
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = bytes;
        self
    }

    /// Bounds the calls under way to a host; 16 when not called. Market data gets half of them.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Says after how many failures in a row a host is left alone, and for how long the first time.
    #[must_use]
    pub fn breaker(mut self, failures: u32, pause: Duration) -> Self {
        (self.failures_to_open, self.breaker_pause) = (failures, pause);
        self
    }

    /// Asks for compressed replies, or not; it does when not called.
    #[must_use]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// `NotSupported` when the exchange has no such environment; `BadRequest` for an address that is no URL, or that
    /// would carry keys in the open: plain HTTP goes to the own machine alone.
    pub fn build(self) -> Result<Client, Error> {
        let recv_window_ms = u32::try_from(self.timeouts.recv_window.as_millis()).unwrap_or(u32::MAX);
        let transport = Transport::new(TransportSettings {
            hosts: self.resolved_hosts()?,
            headers: self.adapter.environment_headers(self.environment),
            timeout: self.timeouts.request,
            max_reply_bytes: self.max_reply_bytes,
            gzip: self.gzip,
        })?;
        let settings = GateSettings {
            failures_to_open: self.failures_to_open,
            breaker_pause: self.breaker_pause,
            max_in_flight: self.max_connections,
            max_wait: self.timeouts.wait,
        };
        let gate = Gate::new(self.adapter, Arc::clone(&self.clock), Arc::clone(&self.timer), settings);
        Ok(Client(Arc::new(Inner {
            adapter: self.adapter,
            credentials: self.credentials,
            recv_window_ms,
            order_policy: self.orders,
            clock: self.clock,
            timer: self.timer,
            transport,
            gate: Arc::new(gate),
            retries: Retries::new(self.retries, self.seed),
            markets: MarketCache::default(),
            leverage_tiers: RwLock::default(),
            sent_orders: SentOrders::default(),
            measuring: tokio::sync::Mutex::default(),
            skew_told: AtomicBool::new(false),
        })))
    }

    /// Returns where each host is: as told, else where the environment has it. A host that an environment lacks is
    /// left out, and calls to it are refused; one host at least must be there.
    fn resolved_hosts(&self) -> Result<BTreeMap<&'static str, String>, Error> {
        let mut hosts = BTreeMap::new();
        for base in self.adapter.endpoints().iter().map(|endpoint| endpoint.base) {
            let told = self.hosts.get(base).or(self.every_host.as_ref());
            let url = match told {
                Some(url) => Some(checked(url, self.credentials.is_some())?),
                None => self.adapter.host(base, self.environment).map(str::to_owned),
            };
            hosts.extend(url.map(|url| (base, url)));
        }
        if hosts.is_empty() {
            return Err(Error::not_supported(format!(
                "{} has no environment {}",
                self.adapter.key(),
                self.environment.as_str()
            )));
        }
        Ok(hosts)
    }
}

fn checked(text: &str, has_keys: bool) -> Result<String, Error> {
    let refused = |message: &'static str| Error::new(ErrorClass::BadRequest, message);
    let url = Url::parse(text).map_err(|_| refused("the address of a host is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || !url.username().is_empty() {
        return Err(refused("the address of a host is http or https, without user and query"));
    }
    let own = url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    if url.scheme() == "http" && has_keys && !own {
        return Err(refused("keys go over https, or to the own machine"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use tradai_domain::SystemClock;

    use super::*;

    fn builder(key: &str) -> ClientBuilder {
        Client::builder(key, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn keys_do_not_leave_the_machine_in_the_open() {
        for (url, fine) in [
            ("http://127.0.0.1:8090/", true),
            ("http://[::1]:8090", true),
            ("http://localhost:8090", true),
            ("https://example.com/proxy", true),
            ("http://10.0.0.5:8090", false),
            ("http://127.0.0.1.example.com", false),
            ("http://user@127.0.0.1:1", false),
            ("ftp://127.0.0.1", false),
            ("nonsense", false),
        ] {
            let built = builder("binance").credentials(Credentials::new("k", "s")).base_url(url).build();
            assert_eq!(built.is_ok(), fine, "{url}");
        }
        assert!(builder("binance").base_url("http://10.0.0.5:8090").build().is_ok(), "no keys, no secret");
    }

    #[test]
    fn environments_that_an_exchange_lacks_are_refused() {
        assert!(builder("okx").environment(Environment::Testnet).build().is_err());
        assert!(builder("okx").environment(Environment::Demo).build().is_ok());
        assert!(Client::builder("mtgox", Arc::new(SystemClock)).is_err());
        let testnet = builder("binance").environment(Environment::Testnet).resolved_hosts().unwrap();
        assert_eq!(testnet.values().collect::<Vec<_>>(), ["https://testnet.binance.vision"]);
    }
}
