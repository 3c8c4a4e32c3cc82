//! Bytes there and back: one request over HTTP, with a timeout and a bound on the reply.
//!
//! Knows nothing of budgets and retries. Invariant: no text that leaves this file holds a URL, a header or a body.

use std::collections::BTreeMap;
use std::time::Duration;

use tradai_http_client::reqwest::header::HeaderMap;
use tradai_http_client::{self as http_client, reqwest};

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
    /// Makes a transport.
    ///
    /// # Errors
    /// `ExchangeError` when TLS cannot be set up.
    pub(crate) fn new(settings: TransportSettings) -> Result<Self, Error> {
        let builder = http_client::builder().map_err(|error| no_client(&error))?;
        let http = builder
            .gzip(settings.gzip)
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
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

    async fn read(&self, response: reqwest::Response) -> Result<Answer, Lost> {
        let (status, headers) = (response.status().as_u16(), headers(response.headers()));
        let body =
            http_client::read(response, self.settings.max_reply_bytes).await.map_err(
                |error| match error {
                    http_client::Error::Broken(error) => lost(&error),
                    error => Lost { error: Error::bad_response(error.to_string()), never_sent: false },
                },
            )?;
        Ok(Answer { status, headers, body })
    }
}

/// Says that there can be no client, for requests or sockets.
pub(crate) fn no_client(error: &http_client::Error) -> Error {
    Error::new(ErrorClass::ExchangeError, error.to_string())
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
