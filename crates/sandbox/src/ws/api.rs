//! Spot's WebSocket API (`/ws-api/v3`): the calls of REST as messages, sessions, and the user stream.
//!
//! <https://developers.binance.com/docs/binance-spot-api-docs/websocket-api>. Faults strike calls as they do on REST,
//! under the same paths; those that spoil an HTTP body cut the socket, and delays are not made.

use serde_json::{Value, json};
use tradai_domain::Millis;

use super::life::Life;
use super::lossy::{Lossy, USER};
use super::{Out, Speaker};
use crate::api::{Params, Proof, Security, find_route};
use crate::exchange::Exchange;
use crate::faults::{Shot, Spoiled};
use crate::market::Venue;
use crate::refusal::{Outcome, Refusal};

/// Methods that are calls of REST.
const CALLS: &[(&str, &str, &str)] = &[
    ("ping", "GET", "/api/v3/ping"),
    ("time", "GET", "/api/v3/time"),
    ("exchangeInfo", "GET", "/api/v3/exchangeInfo"),
    ("depth", "GET", "/api/v3/depth"),
    ("klines", "GET", "/api/v3/klines"),
    ("uiKlines", "GET", "/api/v3/uiKlines"),
    ("trades.recent", "GET", "/api/v3/trades"),
    ("trades.historical", "GET", "/api/v3/historicalTrades"),
    ("trades.aggregate", "GET", "/api/v3/aggTrades"),
    ("avgPrice", "GET", "/api/v3/avgPrice"),
    ("ticker.24hr", "GET", "/api/v3/ticker/24hr"),
    ("ticker.price", "GET", "/api/v3/ticker/price"),
    ("ticker.book", "GET", "/api/v3/ticker/bookTicker"),
    ("order.place", "POST", "/api/v3/order"),
    ("order.test", "POST", "/api/v3/order/test"),
    ("order.status", "GET", "/api/v3/order"),
    ("order.cancel", "DELETE", "/api/v3/order"),
    ("order.cancelReplace", "POST", "/api/v3/order/cancelReplace"),
    ("openOrders.status", "GET", "/api/v3/openOrders"),
    ("openOrders.cancelAll", "DELETE", "/api/v3/openOrders"),
    ("allOrders", "GET", "/api/v3/allOrders"),
    ("myTrades", "GET", "/api/v3/myTrades"),
    ("account.status", "GET", "/api/v3/account"),
    ("account.commission", "GET", "/api/v3/account/commission"),
    ("account.rateLimits.orders", "GET", "/api/v3/rateLimit/order"),
];
/// Subscriptions to the user stream on one socket.
const MAX_SUBSCRIPTIONS: usize = 1_000;
const SUBSCRIBE_WEIGHT: u64 = 2;

/// A subscription to the user stream.
#[derive(Debug)]
struct Subscription {
    id: u64,
    /// The last event it was told.
    told: u64,
}

/// The state of a socket.
#[derive(Debug)]
pub(super) struct ApiSession {
    life: Life,
    way: Lossy,
    /// Key that has logged on, and when.
    logged_on: Option<(String, Millis)>,
    subscriptions: Vec<Subscription>,
    next_subscription: u64,
}

impl ApiSession {
    pub(super) fn new(exchange: &mut Exchange) -> Self {
        let life = Life::new(Venue::Spot, exchange);
        life.show(0, exchange);
        let way = Lossy::default();
        Self { life, way, logged_on: None, subscriptions: Vec::new(), next_subscription: 0 }
    }

    fn answer(&mut self, method: &str, params: &Params, exchange: &mut Exchange) -> Result<Value, Told> {
        let result = match method {
            "session.logon" => self.log_on(params, exchange)?,
            "session.status" => self.status(exchange),
            "session.logout" => {
                self.logged_on = None;
                self.status(exchange)
            }
            "session.subscriptions" => {
                self.subscriptions.iter().map(|of| json!({"subscriptionId": of.id})).collect()
            }
            "userDataStream.subscribe" => self.subscribe(&self.own_proof()?, params, exchange)?,
            "userDataStream.subscribe.signature" => {
                self.subscribe(&Proof::of_params(params), params, exchange)?
            }
            "userDataStream.unsubscribe" => self.unsubscribe(params)?,
            _ => return self.call(method, params, exchange),
        };
        self.life.show(self.subscriptions.len(), exchange);
        Ok(result)
    }

    fn own_proof(&self) -> Outcome<Proof> {
        let unauthorized =
            || Refusal::new(-1002, "You are not authorized to execute this request.").with_status(401);
        self.logged_on.as_ref().map(|_| Proof::LoggedOn).ok_or_else(unauthorized)
    }

    fn log_on(&mut self, params: &Params, exchange: &mut Exchange) -> Outcome<Value> {
        let now = exchange.catch_up();
        exchange.limits.admit(Venue::Spot, SUBSCRIBE_WEIGHT, now)?;
        let key = params.need("apiKey")?;
        let kind = exchange.keys.secret(Some(key))?.kind();
        if kind != "Ed25519" {
            return Err(Refusal::new(-4056, format!("{kind} API key is not supported.")));
        }
        let shown = exchange.shown_time(now);
        exchange.keys.check(Security::Signed, &Proof::of_params(params), params, shown)?;
        self.logged_on = Some((key.to_owned(), now));
        Ok(self.status(exchange))
    }

    fn status(&self, exchange: &mut Exchange) -> Value {
        let now = exchange.catch_up();
        let (key, since) = match &self.logged_on {
            Some((key, since)) => (json!(key), json!(since)),
            None => (Value::Null, Value::Null),
        };
        json!({"apiKey": key, "authorizedSince": since, "connectedSince": self.life.opened,
            "returnRateLimits": false, "serverTime": exchange.shown_time(now),
            "userDataStream": !self.subscriptions.is_empty()})
    }

    fn subscribe(&mut self, proof: &Proof, params: &Params, exchange: &mut Exchange) -> Outcome<Value> {
        let now = exchange.catch_up();
        exchange.limits.admit(Venue::Spot, SUBSCRIBE_WEIGHT, now)?;
        if *proof != Proof::LoggedOn {
            let shown = exchange.shown_time(now);
            exchange.keys.check(Security::Signed, proof, params, shown)?;
        }
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(Refusal::new(-1034, "Too many subscriptions."));
        }
        let id = self.next_subscription;
        self.next_subscription += 1;
        self.subscriptions.push(Subscription { id, told: exchange.engine.events.last_event() });
        Ok(json!({"subscriptionId": id}))
    }

    /// Ends one subscription, or all when none is named.
    fn unsubscribe(&mut self, params: &Params) -> Outcome<Value> {
        let id = params.id("subscriptionId")?;
        self.subscriptions.retain(|subscription| id.is_some_and(|id| subscription.id != id));
        Ok(json!({}))
    }

    /// Carries out a call of REST.
    fn call(&self, method: &str, params: &Params, exchange: &mut Exchange) -> Result<Value, Told> {
        let call = CALLS.iter().find(|(name, _, _)| *name == method);
        let route = call.and_then(|(_, http, path)| Some((*http, find_route(http, path)?)));
        let unknown = || Refusal::new(-1, "Method not found.").with_status(404);
        let (http, route) = route.ok_or_else(unknown)?;
        let shot = exchange.draw_for(http, route.path, params);
        if let Some(spoiled) = &shot.instead {
            return Err(Told::spoiled(spoiled));
        }
        let is_own = self.logged_on.is_some() && params.get("signature").is_none();
        let proof = if is_own { Proof::LoggedOn } else { Proof::of_params(params) };
        let outcome = exchange.answer_socket(method, route, &proof, params, &shot);
        match &shot {
            Shot { after: Some(spoiled), .. } => Err(Told::spoiled(spoiled)),
            _ => Ok(outcome?),
        }
    }
}

/// What is told in place of a result.
#[derive(Debug)]
enum Told {
    Refused(Refusal),
    /// A status and whatever body.
    Status(u16, Value),
    Nothing,
    Cut,
}

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Told {
    fn spoiled(spoiled: &Spoiled) -> Self {
        match spoiled {
            Spoiled::Unknown => Self::Refused(Refusal::unknown_state(Venue::Spot)),
            Spoiled::Status { status, body, .. } => {
                Self::Status(*status, serde_json::from_str(body).unwrap_or(Value::Null))
            }
            Spoiled::Silence => Self::Nothing,
            Spoiled::Reset | Spoiled::Truncated | Spoiled::Html(_) | Spoiled::BrokenGzip => Self::Cut,
        }
    }
}

impl Speaker for ApiSession {
    fn hear(&mut self, text: &str, exchange: &mut Exchange) -> Vec<Out> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let id = request["id"].clone();
        let answer = match request["method"].as_str() {
            Some(method) => self.answer(method, &Params::of_object(&request["params"]), exchange),
            None => Err(Refusal::new(-1135, "Invalid JSON Request").into()),
        };
        let reply = match answer {
            Ok(result) => json!({"id": id, "status": 200, "result": result, "rateLimits": []}),
            Err(Told::Refused(refusal)) => {
                let mut error = json!({"code": refusal.code, "msg": refusal.message});
                if let Some(data) = refusal.data {
                    error["data"] = *data;
                }
                json!({"id": id, "status": refusal.status, "error": error, "rateLimits": []})
            }
            Err(Told::Status(status, body)) => json!({"id": id, "status": status, "error": body}),
            Err(Told::Nothing) => return Vec::new(),
            Err(Told::Cut) => return vec![Out::Cut],
        };
        vec![Out::Text(reply.to_string())]
    }

    fn ponged(&mut self, payload: &[u8], exchange: &mut Exchange) {
        self.life.ponged(payload, exchange);
    }

    fn poll(&mut self, exchange: &mut Exchange) -> Vec<Out> {
        let now = exchange.catch_up();
        if self.life.is_over(exchange) {
            return vec![Out::Close(1_001, "reset")];
        }
        let mut outs = Vec::new();
        if self.way.is_stalled {
            return outs;
        }
        for subscription in &mut self.subscriptions {
            let mut bodies = Vec::new();
            for event in exchange.engine.events.user_after(Venue::Spot, subscription.told) {
                subscription.told = event.number;
                bodies.push(json!({"subscriptionId": subscription.id, "event": event.body}));
            }
            for body in bodies {
                if !self.way.deliver(USER, body.to_string(), now, exchange, &mut outs) {
                    return outs;
                }
            }
        }
        self.life.tell(exchange, now, &mut outs);
        outs
    }

    fn leave(&self, exchange: &mut Exchange) {
        self.life.leave(exchange);
    }
}
