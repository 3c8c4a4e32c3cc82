//! A service that runs somewhere.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tradai_http_client::reqwest::{self, Client, Method, RequestBuilder, Response, Url};
use tradai_http_client::{self as http_client, builder};

use super::{Answer, Events, MAX_REPLY, RemoteError, Request, value};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than a service lets a request take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    /// Without a slash at the end.
    base: String,
    key: Option<SecretString>,
}

impl Http {
    /// Returns a client of a service.
    ///
    /// # Errors
    /// [`RemoteError::Address`] when `base` is no address of a service.
    pub(crate) fn new(base: &str, key: Option<SecretString>) -> Result<Self, RemoteError> {
        let refused = |reason: String| RemoteError::Address { address: base.to_owned(), reason };
        let url = Url::parse(base).map_err(|error| refused(error.to_string()))?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
            return Err(refused("expected http:// or https:// and a host, without user and `?`".to_owned()));
        }
        let client = client().map_err(|error| refused(format!("no HTTP client: {error}")))?;
        Ok(Self { client, base: url.as_str().trim_end_matches('/').to_owned(), key })
    }

    /// Returns its address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Returns the answer to a GET.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        self.send(Request::get(path)).await
    }

    /// As [`Http::get`], within a time.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn get_within(&self, path: &str, patience: Duration) -> Result<Value, RemoteError> {
        value(&self.base, &self.answer(Request::get(path), patience).await?)
    }

    /// Returns the answer to a request; nothing is `null`.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn send(&self, request: Request) -> Result<Value, RemoteError> {
        value(&self.base, &self.answer(request, TIMEOUT).await?)
    }

    /// Opens a stream of events, those after a number if one is given.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn events(&self, path: &str, after: Option<u64>) -> Result<Events, RemoteError> {
        let mut request = Request::get(path).header("accept", "text/event-stream".to_owned());
        if let Some(seq) = after {
            request = request.header("last-event-id", seq.to_string());
        }
        let response = self.builder(request).send().await.map_err(|error| self.lost(&error))?;
        if response.status().is_success() {
            return Ok(Events::new(response));
        }
        let answer = self.read(response).await?;
        Err(RemoteError::of_answer(&self.base, answer.status, &answer.body))
    }

    async fn answer(&self, request: Request, patience: Duration) -> Result<Answer, RemoteError> {
        let sent = self.builder(request).timeout(patience).send().await;
        self.read(sent.map_err(|error| self.lost(&error))?).await
    }

    fn builder(&self, request: Request) -> RequestBuilder {
        let is_post = request.method == Method::POST;
        let mut builder = self.client.request(request.method, format!("{}{}", self.base, request.path));
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        if let Some(key) = &self.key {
            builder = builder.bearer_auth(key.expose_secret());
        }
        if is_post { builder.body(request.body) } else { builder }
    }

    async fn read(&self, response: Response) -> Result<Answer, RemoteError> {
        let status = response.status().as_u16();
        let body = http_client::read(response, MAX_REPLY).await.map_err(|error| match error {
            http_client::Error::Broken(error) => self.lost(&error),
            error => RemoteError::Strange { address: self.base.clone(), what: error.to_string() },
        })?;
        Ok(Answer { status, body })
    }

    fn lost(&self, error: &reqwest::Error) -> RemoteError {
        let reason = if error.is_timeout() {
            "it does not answer in time"
        } else if error.is_connect() {
            "nobody listens there"
        } else {
            "the connection broke"
        };
        RemoteError::Unreachable { address: self.base.clone(), reason, is_answer_lost: !error.is_connect() }
    }
}

fn client() -> Result<Client, Box<dyn std::error::Error>> {
    Ok(builder()?.connect_timeout(CONNECT_TIMEOUT).build()?)
}
