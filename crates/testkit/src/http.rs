//! A service as a client meets it, in this process.

use std::convert::Infallible;
use std::fmt::Debug;

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::{Service, ServiceExt};

/// A reply, read whole.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
    /// The body as text; what is none is replaced.
    pub text: String,
}

/// Sends a request to a service.
pub async fn send<S, B, R>(service: S, request: Request<B>) -> Reply
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: BodyExt,
    R::Error: Debug,
{
    let Ok(response) = service.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Reply { status: parts.status.as_u16(), headers: parts.headers, bytes, text }
}

impl Reply {
    /// Returns the body, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Returns the body of a reply that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Returns a header; an empty text where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Returns the code of a problem, which has everything that each must have.
    #[track_caller]
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text);
        let problem = self.json();
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["trace_id"].as_str().unwrap().len(), 32);
        assert!(problem["instance"].as_str().unwrap().starts_with('/'));
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert_ne!(problem["title"], "");
        code.to_owned()
    }

    /// Returns status and code of a problem, and the pointers and reasons of its values in one text: its detail where
    /// there are none.
    #[track_caller]
    pub fn problem(&self) -> (u16, String, String) {
        let (code, problem) = (self.code(), self.json());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = problem["errors"].as_array().into_iter().flatten();
        let errors: Vec<String> =
            errors.map(|error| format!("{} {}", text(&error["pointer"]), text(&error["reason"]))).collect();
        let shown = if errors.is_empty() { text(&problem["detail"]) } else { errors.join("\n") };
        (self.status, code, shown)
    }
}
