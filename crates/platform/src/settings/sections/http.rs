//! Address and limits of an HTTP service.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::AuthSettings;
use crate::settings::Reader;

/// What every HTTP service asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it refuses.
    pub limits: HttpLimits,
    /// Origins whose pages may call it: `https://example.com`.
    pub cors_origins: Vec<String>,
    /// Who may call it.
    pub auth: AuthSettings,
    /// What page cursors and sessions are sealed with; random at each start when `None`.
    pub cursor_secret: Option<SecretString>,
    /// Where `/metrics` is served, apart from everything else. `None`: with everything else.
    pub metrics_address: Option<SocketAddr>,
}

/// What a service refuses to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HttpLimits {
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// How long a request may take, body included.
    pub request_timeout: Duration,
    /// How long a connection may wait for the rest of a request's head, or for the next request. Longer than a
    /// load balancer keeps idle connections (60 s), or it would send requests into closed ones.
    pub head_timeout: Duration,
    /// How long a connection may take until the head of its first request is there: who connects, asks.
    pub first_head_timeout: Duration,
    /// Requests answered at the same time; more are refused with 503.
    pub concurrent_requests: usize,
    /// Open connections; more are refused, but for a few of this machine.
    pub connections: usize,
    /// Connections of one address; 0 for no limit. Addresses of trusted proxies have none.
    pub connections_per_client: usize,
    /// Requests per second of one client, on average; 0 for no limit. Who is known is a client wherever they are, others
    /// by their address; services of the platform are not limited so.
    pub client_rate: u32,
    /// Requests that one client may send at once.
    pub client_burst: u32,
    /// Proxies in front of the service whose `X-Forwarded-For` is believed; 0 when clients connect directly.
    pub trusted_proxies: usize,
    /// How long running requests may take to end once the service is told to stop.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            head_timeout: Duration::from_secs(75),
            first_head_timeout: Duration::from_secs(10),
            concurrent_requests: 256,
            connections: 2048,
            connections_per_client: 1024,
            client_rate: 50,
            client_burst: 100,
            trusted_proxies: 0,
            drain: Duration::from_secs(20),
        }
    }
}

impl HttpSettings {
    /// Returns the defaults on a loopback port; 0 lets the system choose.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            limits: HttpLimits::default(),
            cors_origins: Vec::new(),
            auth: AuthSettings::Open,
            cursor_secret: None,
            metrics_address: None,
        }
    }

    /// Reads the section; `port` is the service's documented one.
    pub fn read(reader: &mut Reader<'_>, port: u16) -> Self {
        let host =
            reader.key("HOST", "address to listen on; other than loopback needs API_KEYS or AUTH_JWKS_URL");
        let host = host.or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = reader.key("PORT", "port to listen on").or(port);
        let settings = Self {
            address: SocketAddr::new(host, port),
            limits: HttpLimits::read(reader),
            cors_origins: reader.key("CORS_ORIGINS", "origins whose pages may call").list(&[]),
            auth: AuthSettings::read(reader),
            cursor_secret: reader
                .key("CURSOR_SECRET", "what page cursors and sessions are sealed with")
                .secret(),
            metrics_address: read_metrics_address(reader),
        };
        for origin in settings.cors_origins.iter().filter(|origin| !is_origin(origin)) {
            reader.fault("CORS_ORIGINS", format!("`{origin}` is no origin; expected https://host[:port]"));
        }
        if settings.cursor_secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < 32) {
            reader.fault("CURSOR_SECRET", "is too short; expected at least 32 characters");
        }
        if !host.is_loopback() && settings.auth == AuthSettings::Open {
            reader.fault(
                "HOST",
                format!(
                    "{host} is reachable from outside; set API_KEYS, AUTH_JWKS_URL or a loopback address"
                ),
            );
        }
        settings
    }
}

/// Who asks for figures shows no key, so that whoever opens them to the outside has to say so.
fn read_metrics_address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let doc = "address and port of /metrics alone, such as 127.0.0.1:9100; where everything else is without";
    let address: Option<SocketAddr> = reader.key("METRICS_ADDRESS", doc).optional();
    let doc = "METRICS_ADDRESS may be one that is reachable from outside; nobody is asked there who they are";
    let is_open = reader.key("METRICS_OPEN", doc).or(false);
    if let Some(address) = address.filter(|address| !address.ip().is_loopback() && !is_open) {
        let text = "is reachable from outside, and nobody is asked there who they are; set METRICS_OPEN=true where \
                    only scrapers get there, or take a loopback address";
        reader.fault("METRICS_ADDRESS", format!("{address} {text}"));
    }
    address
}

impl HttpLimits {
    fn read(reader: &mut Reader<'_>) -> Self {
        let default = Self::default();
        let mut seconds = |name, doc, default: Duration| {
            let seconds: u64 = reader.key(name, doc).or(default.as_secs());
            if seconds == 0 {
                reader.fault(name, "0 is not allowed: at least 1");
            }
            Duration::from_secs(seconds)
        };
        let request_timeout =
            seconds("REQUEST_TIMEOUT_SECONDS", "how long a request may take", default.request_timeout);
        let head_timeout = seconds(
            "HEAD_TIMEOUT_SECONDS",
            "how long a connection may wait for a request's head",
            default.head_timeout,
        );
        let first_head_timeout = seconds(
            "FIRST_HEAD_TIMEOUT_SECONDS",
            "how long a connection may take until its first request's head is there",
            default.first_head_timeout,
        );
        let drain = seconds("DRAIN_SECONDS", "how long stopping waits for running requests", default.drain);
        let mut count = |name, doc, default: usize| {
            let count: usize = reader.key(name, doc).or(default);
            if count == 0 {
                reader.fault(name, "0 is not allowed: at least 1");
            }
            count
        };
        Self {
            request_timeout,
            head_timeout,
            first_head_timeout,
            drain,
            body_bytes: count("BODY_LIMIT_BYTES", "largest request body", default.body_bytes),
            concurrent_requests: count(
                "MAX_CONCURRENT_REQUESTS",
                "requests answered at the same time",
                default.concurrent_requests,
            ),
            connections: count("MAX_CONNECTIONS", "open connections", default.connections),
            connections_per_client: reader
                .key("MAX_CONNECTIONS_PER_CLIENT", "open connections of one address; 0: no limit")
                .or(default.connections_per_client),
            client_rate: reader
                .key("RATE_LIMIT_PER_SECOND", "requests per second of one client; 0: no limit")
                .or(default.client_rate),
            client_burst: reader
                .key("RATE_LIMIT_BURST", "requests that one client may send at once")
                .or(default.client_burst),
            trusted_proxies: reader
                .key("TRUSTED_PROXIES", "proxies in front whose X-Forwarded-For is believed")
                .or(default.trusted_proxies),
        }
    }
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ', '?', '#', '@']))
}
