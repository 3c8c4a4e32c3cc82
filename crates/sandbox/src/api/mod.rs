//! The REST interface, as a sync function from request to reply.

mod account;
mod algo;
mod auth;
mod futures;
mod limits;
mod market_data;
mod order_json;
mod orders;
mod params;
mod routes;
mod secret;
mod stats;
mod wallet;

use serde_json::{Value, json};
use tradai_domain::Millis;

pub(crate) use auth::{Keys, Proof, Security};
pub(crate) use limits::Limits;
pub(crate) use market_data::{agg_trade_json, kline_json, quantity_of};
pub(crate) use params::Params;
pub(crate) use routes::{Route, find_route};
pub(crate) use secret::Secret;
pub(crate) use stats::{best, mini_ticker};

use crate::engine::Engine;
use crate::faults::CandleEdit;
use crate::listen_key::ListenKeys;
use crate::market::Venue;
use crate::refusal::{Outcome, Refusal};

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Without the question mark, as sent.
    pub(crate) query: String,
    pub(crate) body: String,
    pub(crate) api_key: Option<String>,
}

/// What goes back.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let mut headers = Vec::new();
        if let Some(seconds) = refusal.retry_after {
            headers.push(("Retry-After".to_owned(), seconds.to_string()));
        }
        let mut body = json!({"code": refusal.code, "msg": refusal.message});
        if let Some(data) = &refusal.data {
            body["data"] = Value::clone(data);
        }
        Self { status: refusal.status, headers, body }
    }
}

/// What a handler works with.
pub(crate) struct Call<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) listen_keys: &'a mut ListenKeys,
    pub(crate) venue: Venue,
    pub(crate) params: &'a Params,
    pub(crate) now: Millis,
    /// What the clock shows to clients.
    pub(crate) shown_time: Millis,
    /// What a fault does to candles of this request.
    pub(crate) candle_edit: Option<CandleEdit>,
}

/// A handler of one endpoint.
pub(crate) type Handler = fn(&mut Call) -> Outcome<Value>;

impl Call<'_> {
    /// Returns the market that the parameter `symbol` names.
    pub(crate) fn market(&self) -> Outcome<usize> {
        let id = self.params.need("symbol")?;
        self.engine.find_market(self.venue, id).ok_or_else(Refusal::unknown_symbol)
    }

    /// Returns the market that `symbol` names, or `None` when it is not sent.
    pub(crate) fn maybe_market(&self) -> Outcome<Option<usize>> {
        if self.params.get("symbol").is_some() { self.market().map(Some) } else { Ok(None) }
    }

    /// Returns the places of this venue's markets.
    pub(crate) fn markets(&self) -> Vec<usize> {
        let markets = self.engine.markets.iter().enumerate();
        let listed = markets.filter(|(_, market)| market.venue == self.venue && !market.is_delisted);
        listed.map(|(at, _)| at).collect()
    }
}
