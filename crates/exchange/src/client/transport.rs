//! Bytes there and back: one request over HTTP, with a timeout and a bound on the reply.
//!
//! Knows nothing of budgets and retries. Invariant: no text that leaves this file holds a URL, a header or a body.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::crypto::ring;

use crate::{Error, ErrorClass, Headers, HttpRequest, Method};

/// Connections kept open to one host.
const IDLE_CONNECTIONS: usize = 8;
/// How long an unused connection is kept: exchanges and what is between close them after a minute or so.
const IDLE_FOR: Duration = Duration::from_secs(45);
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Headers that an answer may have; what is beyond is not looked at.
const MAX_HEADERS: usize = 128;

/// What the transport goes by.
#[derive(Debug, Clone)]
pub(crate) struct TransportSettings {
    /// Where each host is, without a slash at the end.
    pub(crate) hosts: BTreeMap<&'static str, String>,
    /// Headers of every request.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// How long a request may take from the first byte out to the last byte in.
    pub(crate) timeout: Duration,
    /// Bytes of a reply, after decompression.
    pub(crate) max_reply_bytes: usize,
    pub(crate) gzip: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    settings: TransportSettings,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// No answer, or none that could be read.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) error: Error,
    /// Whether the request never left: no connection came about.
    pub(crate) never_sent: bool,
}

impl Transport {
    /// Makes a transport with TLS by ring and the roots of Mozilla's list, whatever else the binary links.
    ///
    /// # Errors
    /// `ExchangeError` when TLS cannot be set up.
    pub(crate) fn new(settings: TransportSettings) -> Result<Self, Error> {
        let refused = |_| Error::new(ErrorClass::ExchangeError, "TLS cannot be set up");
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // What the environment of the process says about proxies is not for this crate to read.
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .gzip(settings.gzip)
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
            .user_agent(concat!("tradai/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| Error::new(ErrorClass::ExchangeError, "the HTTP client cannot be set up"))?;
        Ok(Self { http, settings })
    }

    /// Sends a request and reads the answer. Dropping the future closes the connection.
    pub(crate) async fn send(&self, request: &HttpRequest) -> Result<Answer, Lost> {
        let host = self.settings.hosts.get(request.endpoint.base);
        let rest = request.url.strip_prefix(request.endpoint.base);
        let Some((host, rest)) = host.zip(rest) else {
            return Err(Lost { error: Error::not_supported("this host is not there"), never_sent: true });
        };
        let method = match request.endpoint.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.http.request(method, format!("{host}{rest}")).timeout(self.settings.timeout);
        for (name, value) in self.settings.headers {
            builder = builder.header(*name, *value);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().await.map_err(|error| lost(&error))?;
        self.read(response).await
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Answer, Lost> {
        let (status, headers) = (response.status().as_u16(), headers(response.headers()));
        let most = self.settings.max_reply_bytes;
        let too_long = || Lost {
            error: Error::bad_response(format!("the reply is longer than the {most} bytes that are allowed")),
            never_sent: false,
        };
        if response.content_length().is_some_and(|length| length > u64::try_from(most).unwrap_or(u64::MAX)) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if body.len().saturating_add(chunk.len()) > most {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

fn headers(map: &HeaderMap) -> Headers {
    let texts = map.iter().take(MAX_HEADERS);
    texts.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
}

/// The library's own text would name the URL.
fn lost(error: &reqwest::Error) -> Lost {
    let never_sent = error.is_connect() || error.is_builder();
    let (class, message) = if error.is_builder() {
        (ErrorClass::BadRequest, "the request cannot be written")
    } else if error.is_connect() {
        (ErrorClass::ExchangeNotAvailable, "no connection to the exchange came about")
    } else if error.is_timeout() {
        (ErrorClass::RequestTimeout, "the exchange did not answer in time")
    } else if error.is_decode() {
        (ErrorClass::BadResponse, "the reply cannot be decompressed")
    } else {
        (ErrorClass::NetworkError, "the connection to the exchange broke")
    };
    Lost { error: Error::new(class, message), never_sent }
}
