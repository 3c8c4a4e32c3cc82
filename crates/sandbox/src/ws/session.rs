//! One client's socket: its subscriptions, what it is told, and when it must go.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradai_domain::Millis;

use super::life::Life;
use super::lossy::{Lossy, USER};
use super::stream::Stream;
use super::{Endpoint, Out, Speaker};
use crate::exchange::Exchange;
use crate::faults::Fault;
use crate::market::Venue;
use crate::number;

/// Time told at once. A long step of the clock is told slice by slice.
const SLICE_MS: Millis = 6 * 3_600_000;
/// Streams of a socket.
const MAX_STREAMS: usize = 1_024;

/// A listen key, and the last of its events that was told.
#[derive(Debug)]
struct UserStream {
    key: String,
    told: u64,
}

/// The state of a socket.
#[derive(Debug)]
pub(crate) struct Session {
    venue: Venue,
    is_combined: bool,
    streams: Vec<Stream>,
    /// Names that mean nothing here; the exchange takes them all the same.
    unknown: Vec<String>,
    user: Option<UserStream>,
    told: Millis,
    life: Life,
    way: Lossy,
    /// Machine second and the messages heard in it.
    heard: (Millis, u32),
}

impl Session {
    /// Returns the session of a client that just came: what happens from now on is told.
    pub(crate) fn new(endpoint: &Endpoint, exchange: &mut Exchange) -> Self {
        let life = Life::new(endpoint.venue, exchange);
        let mut session = Self {
            venue: endpoint.venue,
            is_combined: endpoint.is_combined,
            streams: Vec::new(),
            unknown: Vec::new(),
            user: None,
            told: life.opened,
            life,
            way: Lossy::default(),
            heard: (0, 0),
        };
        for name in &endpoint.streams {
            session.subscribe(name, exchange);
        }
        session.show(exchange);
        session
    }

    /// Shows itself to who watches.
    fn show(&self, exchange: &mut Exchange) {
        self.life.show(self.streams.len() + usize::from(self.user.is_some()), exchange);
    }

    fn subscribe(&mut self, name: &str, exchange: &mut Exchange) {
        if self.names().iter().any(|known| known == name) || self.names().len() >= MAX_STREAMS {
            return;
        }
        let now = exchange.catch_up();
        if exchange.listen_keys.is_good(name, now) {
            self.user = Some(UserStream { key: name.to_owned(), told: exchange.engine.events.last_event() });
        } else if let Some(stream) = Stream::open(name, self.venue, &exchange.engine) {
            self.streams.push(stream);
        } else {
            self.unknown.push(name.chars().take(100).collect());
        }
    }

    fn unsubscribe(&mut self, name: &str) {
        self.streams.retain(|stream| stream.name != name);
        self.unknown.retain(|known| known != name);
        self.user.take_if(|user| user.key == name);
    }

    fn names(&self) -> Vec<String> {
        let user = self.user.iter().map(|user| user.key.clone());
        let streams = self.streams.iter().map(|stream| stream.name.clone());
        user.chain(streams).chain(self.unknown.iter().cloned()).collect()
    }

    fn tell_streams(&mut self, exchange: &mut Exchange, until: Millis, outs: &mut Vec<Out>) {
        for at in 0..self.streams.len() {
            let frames = self.streams[at].frames(&exchange.engine, until);
            let (name, is_kline) = (self.streams[at].name.clone(), self.streams[at].is_kline());
            for mut frame in frames {
                let is_closing = is_kline && frame["k"]["x"] == true;
                if is_closing && exchange.faults.strikes_frame(|f| *f == Fault::NeverClosed, &name, until) {
                    frame["k"]["x"] = json!(false);
                }
                let text = self.wrapped(&name, &frame);
                if !self.way.deliver(&name, text, until, exchange, outs) {
                    return;
                }
                if is_closing && exchange.faults.strikes_frame(|f| *f == Fault::CorrectClosed, &name, until) {
                    outs.push(Out::Text(self.wrapped(&name, &corrected(frame))));
                }
            }
        }
    }

    fn wrapped(&self, name: &str, frame: &Value) -> String {
        if self.is_combined { json!({"stream": name, "data": frame}).to_string() } else { frame.to_string() }
    }

    fn tell_user(&mut self, exchange: &mut Exchange, now: Millis, outs: &mut Vec<Out>) {
        let Some(user) = &mut self.user else { return };
        let key = user.key.clone();
        let mut bodies: Vec<Value> = Vec::new();
        for event in exchange.engine.events.user_after(Venue::UsdM, user.told) {
            user.told = event.number;
            bodies.push(event.body.clone());
        }
        let is_good = exchange.listen_keys.is_good(&key, now);
        if !is_good {
            self.user = None;
            bodies.push(json!({"e": "listenKeyExpired", "E": now, "listenKey": key}));
        }
        for body in bodies {
            let text = self.wrapped(&key, &body);
            if !self.way.deliver(USER, text, now, exchange, outs) {
                return;
            }
        }
    }
}

impl Speaker for Session {
    /// Takes a client's message and returns the answer. Too many in a second end the session.
    fn hear(&mut self, text: &str, exchange: &mut Exchange) -> Vec<Out> {
        let second = exchange.machine_ms() / 1_000;
        self.heard = if self.heard.0 == second { (second, self.heard.1 + 1) } else { (second, 1) };
        let most = if self.venue == Venue::Spot { 5 } else { 10 };
        if self.heard.1 > most {
            return vec![Out::Close(1_008, "Too many requests")];
        }
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return vec![error(&Value::Null, 3, "Invalid JSON: expected value")];
        };
        let id = request["id"].clone();
        let strings = || -> Option<Vec<String>> {
            let params = request["params"].as_array()?;
            params.iter().map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let result = match (request["method"].as_str(), strings()) {
            (Some("SUBSCRIBE"), Some(names)) => {
                names.iter().for_each(|name| self.subscribe(name, exchange));
                self.show(exchange);
                Value::Null
            }
            (Some("UNSUBSCRIBE"), Some(names)) => {
                names.iter().for_each(|name| self.unsubscribe(name));
                self.show(exchange);
                Value::Null
            }
            (Some("LIST_SUBSCRIPTIONS"), _) => json!(self.names()),
            (Some("SET_PROPERTY"), _) if request["params"][0] == "combined" => {
                self.is_combined = request["params"][1].as_bool().unwrap_or(self.is_combined);
                Value::Null
            }
            (Some("GET_PROPERTY"), _) if request["params"][0] == "combined" => json!(self.is_combined),
            _ => return vec![error(&id, 2, "Invalid request: unknown method or params")],
        };
        vec![Out::Text(json!({"result": result, "id": id}).to_string())]
    }

    /// Returns what there is to say now.
    fn poll(&mut self, exchange: &mut Exchange) -> Vec<Out> {
        let now = exchange.catch_up();
        if self.life.is_over(exchange) {
            return vec![Out::Close(1_001, "reset")];
        }
        let mut outs = Vec::new();
        if self.way.is_stalled {
            return outs;
        }
        let until = now.min(self.told.saturating_add(SLICE_MS));
        self.told = until;
        self.tell_streams(exchange, until, &mut outs);
        if !self.way.is_stalled {
            self.tell_user(exchange, now, &mut outs);
        }
        self.life.tell(exchange, now, &mut outs);
        outs
    }

    fn ponged(&mut self, payload: &[u8], exchange: &mut Exchange) {
        self.life.ponged(payload, exchange);
    }

    fn leave(&self, exchange: &mut Exchange) {
        self.life.leave(exchange);
    }
}

fn error(id: &Value, code: i64, text: &str) -> Out {
    Out::Text(json!({"error": {"code": code, "msg": text}, "id": id}).to_string())
}

/// Returns a closed candle with a close one part in a thousand higher, and with it maybe the high.
fn corrected(mut frame: Value) -> Value {
    let number = |value: &Value| value.as_str().and_then(number::parse).unwrap_or_default();
    let (close, high) = (number(&frame["k"]["c"]), number(&frame["k"]["h"]));
    let close = close + close / Decimal::ONE_THOUSAND;
    frame["k"]["c"] = json!(number::fixed(close, number::PLACES));
    frame["k"]["h"] = json!(number::fixed(high.max(close), number::PLACES));
    frame
}
