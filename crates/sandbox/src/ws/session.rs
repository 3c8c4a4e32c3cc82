//! One client's socket: its subscriptions, what it is told, and when it must go.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradai_domain::Millis;

use super::Endpoint;
use super::stream::Stream;
use crate::exchange::{Exchange, SocketView};
use crate::faults::Fault;
use crate::market::Venue;
use crate::number;

/// Life of a socket, in the exchange's time.
const LIFE_MS: Millis = 86_400_000;
/// Time told at once. A long step of the clock is told slice by slice.
const SLICE_MS: Millis = 6 * 3_600_000;
/// A client that leaves pings unanswered this long, in machine time, is dropped.
const PONG_WITHIN_MS: Millis = 60_000;
/// From the news of a shutdown to the end, in machine time.
const SHUTDOWN_AFTER_MS: Millis = 1_000;
/// Pings are no closer than this in machine time, however fast the exchange's runs.
const LEAST_PING_MS: Millis = 1_000;
/// What fault plans call the user stream: its key is not known before.
const USER: &str = "user";

/// What goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    Text(String),
    Ping(Vec<u8>),
    Close(u16, &'static str),
    /// The end without a word.
    Cut,
}

/// A listen key, and the last of its events that was told.
#[derive(Debug)]
struct UserStream {
    key: String,
    told: u64,
}

/// The state of a socket.
#[derive(Debug)]
pub(crate) struct Session {
    number: u64,
    venue: Venue,
    is_combined: bool,
    streams: Vec<Stream>,
    /// Names that mean nothing here; the exchange takes them all the same.
    unknown: Vec<String>,
    user: Option<UserStream>,
    opened: Millis,
    told: Millis,
    pinged: Millis,
    pinged_machine: Millis,
    ponged_machine: Millis,
    /// What a pong must bring back.
    ping_payload: Vec<u8>,
    /// A frame that comes after the next one.
    held: Option<String>,
    shutdowns: u64,
    resets: u64,
    closing_since: Option<Millis>,
    is_stalled: bool,
    /// Machine second and the messages heard in it.
    heard: (Millis, u32),
}

impl Session {
    /// Returns the session of a client that just came: what happens from now on is told.
    pub(crate) fn new(endpoint: &Endpoint, exchange: &mut Exchange) -> Self {
        let now = exchange.catch_up();
        let machine = exchange.machine_ms();
        exchange.sockets_opened += 1;
        let mut session = Self {
            number: exchange.sockets_opened,
            venue: endpoint.venue,
            is_combined: endpoint.is_combined,
            streams: Vec::new(),
            unknown: Vec::new(),
            user: None,
            opened: now,
            told: now,
            pinged: now,
            pinged_machine: machine,
            ponged_machine: machine,
            ping_payload: Vec::new(),
            held: None,
            shutdowns: exchange.shutdowns,
            resets: exchange.resets,
            closing_since: None,
            is_stalled: false,
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
        let view = SocketView {
            streams: self.streams.len() + usize::from(self.user.is_some()),
            is_pinged: self.pinged_machine > self.ponged_machine,
        };
        exchange.sockets.insert(self.number, view);
    }

    pub(super) fn leave(&self, exchange: &mut Exchange) {
        exchange.sockets.remove(&self.number);
    }

    fn max_streams(&self) -> usize {
        if self.venue == Venue::Spot { 1_024 } else { 200 }
    }

    fn subscribe(&mut self, name: &str, exchange: &mut Exchange) {
        if self.names().iter().any(|known| known == name) || self.names().len() >= self.max_streams() {
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

    /// A pong counts when it brings back what the ping said.
    pub(super) fn ponged(&mut self, payload: &[u8], exchange: &mut Exchange) -> Vec<Out> {
        if payload == self.ping_payload {
            self.ponged_machine = exchange.machine_ms();
            self.show(exchange);
        }
        Vec::new()
    }

    /// Takes a client's message and returns the answer. Too many in a second end the session.
    pub(super) fn hear(&mut self, text: &str, exchange: &mut Exchange) -> Vec<Out> {
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
    pub(super) fn poll(&mut self, exchange: &mut Exchange) -> Vec<Out> {
        let now = exchange.catch_up();
        if exchange.resets != self.resets {
            return vec![Out::Close(1_001, "reset")];
        }
        let mut outs = Vec::new();
        if self.is_stalled {
            return outs;
        }
        let until = now.min(self.told.saturating_add(SLICE_MS));
        self.told = until;
        self.tell_streams(exchange, until, &mut outs);
        if !self.is_stalled {
            self.tell_user(exchange, now, &mut outs);
        }
        self.tell_end(exchange, now, &mut outs);
        outs
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
                if !self.deliver(&name, text, until, exchange, outs) {
                    return;
                }
                if is_closing && exchange.faults.strikes_frame(|f| *f == Fault::CorrectClosed, &name, until) {
                    outs.push(Out::Text(self.wrapped(&name, &corrected(frame))));
                }
            }
        }
    }

    /// Sends a frame of a stream as faults would have it; `false` when the socket says nothing any more.
    fn deliver(
        &mut self,
        name: &str,
        text: String,
        now: Millis,
        exchange: &mut Exchange,
        outs: &mut Vec<Out>,
    ) -> bool {
        let mut struck = |is_kind| exchange.faults.strikes_frame(is_kind, name, now);
        if struck(|fault| *fault == Fault::Cut) {
            outs.push(Out::Cut);
            return false;
        }
        if struck(|fault| *fault == Fault::Stall) {
            self.is_stalled = true;
            return false;
        }
        if struck(|fault| *fault == Fault::DropFrame) {
            return true;
        }
        if self.held.is_none() && struck(|fault| *fault == Fault::LateFrame) {
            self.held = Some(text);
            return true;
        }
        let copies = if struck(|fault| *fault == Fault::DuplicateFrame) { 2 } else { 1 };
        outs.extend(std::iter::repeat_n(Out::Text(text), copies));
        outs.extend(self.held.take().map(Out::Text));
        true
    }

    fn wrapped(&self, name: &str, frame: &Value) -> String {
        if self.is_combined { json!({"stream": name, "data": frame}).to_string() } else { frame.to_string() }
    }

    fn tell_user(&mut self, exchange: &mut Exchange, now: Millis, outs: &mut Vec<Out>) {
        let Some(user) = &mut self.user else { return };
        let key = user.key.clone();
        let mut bodies: Vec<Value> = Vec::new();
        for event in exchange.engine.events.user_after(user.told) {
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
            if !self.deliver(USER, text, now, exchange, outs) {
                return;
            }
        }
    }

    /// Pings, and the ends that come by themselves: after a day, without a pong, before a shutdown.
    fn tell_end(&mut self, exchange: &mut Exchange, now: Millis, outs: &mut Vec<Out>) {
        let machine = exchange.machine_ms();
        if now - self.opened >= LIFE_MS {
            outs.push(Out::Close(1_001, "24 hours are over"));
            return;
        }
        if self.pinged_machine > self.ponged_machine && machine - self.pinged_machine > PONG_WITHIN_MS {
            outs.push(Out::Close(1_008, "Pong timeout"));
            return;
        }
        let ping_every = if self.venue == Venue::Spot { 20_000 } else { 180_000 };
        let is_answered = self.ponged_machine >= self.pinged_machine;
        if is_answered && now - self.pinged >= ping_every && machine - self.pinged_machine >= LEAST_PING_MS {
            (self.pinged, self.pinged_machine) = (now, machine);
            self.ping_payload = now.to_string().into_bytes();
            outs.push(Out::Ping(self.ping_payload.clone()));
            self.show(exchange);
        }
        if exchange.shutdowns != self.shutdowns && self.closing_since.is_none() {
            self.closing_since = Some(machine);
            outs.push(Out::Text(json!({"e": "serverShutdown", "E": now}).to_string()));
        }
        if self.closing_since.is_some_and(|since| machine - since >= SHUTDOWN_AFTER_MS) {
            outs.push(Out::Close(1_001, "shutdown"));
        }
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
