//! What is asked of a service.

use serde_json::Value;
use tradai_http_client::reqwest::Method;

/// A request, whoever it goes to.
#[derive(Debug)]
pub(crate) struct Request {
    pub(super) method: Method,
    /// Begins with a slash; parts of it are ids and names, which need no escapes.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn post(path: &str) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    pub(crate) fn delete(path: &str) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    pub(crate) fn text(mut self, kind: &'static str, body: String) -> Self {
        self.body = body;
        self.header("content-type", kind.to_owned())
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}
