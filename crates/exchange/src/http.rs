//! Requests as data: what would be sent, byte for byte.

use std::fmt;

/// The verbs exchanges use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, and changes.
    Post,
    /// Changes.
    Put,
    /// Takes back.
    Delete,
}

impl Method {
    /// Returns the verb.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Which calls go first when the budget is short. Ordered: what is less goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Takes risk away.
    Cancel,
    /// Trades.
    Order,
    /// Reads the account.
    Account,
    /// Reads the market.
    Data,
}

/// One endpoint of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The name we give it: the unified method, and the book where an exchange has several.
    pub name: &'static str,
    /// The verb.
    pub method: Method,
    /// The host, without a path.
    pub base: &'static str,
    /// The path.
    pub path: &'static str,
    /// What it costs in the exchange's own units.
    pub weight: u32,
    /// Whether keys sign it.
    pub signed: bool,
    /// Which calls it waits behind.
    pub lane: Lane,
}

impl Endpoint {
    /// Returns whether sending it twice is the same as sending it once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        matches!(self.method, Method::Get)
    }
}

/// One request, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Which endpoint it is for.
    pub endpoint: &'static Endpoint,
    /// What it costs, where that depends on the parameters.
    pub weight: u32,
    /// The whole URL with its query.
    pub url: String,
    /// Headers; of the keys, the public one is among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Option<String>,
}

impl fmt::Debug for HttpRequest {
    /// Without query, headers and body: signatures and keys are in there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("HttpRequest")
            .field("method", &self.endpoint.method)
            .field("url", &url)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}
