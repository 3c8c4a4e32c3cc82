//! How long a socket lives: pings, and the ends that come by themselves.

use serde_json::json;
use tradai_domain::Millis;

use super::Out;
use crate::exchange::{Exchange, SocketView};
use crate::market::Venue;

/// Life of a socket, in the exchange's time.
const LIFE_MS: Millis = 86_400_000;
/// A client that leaves pings unanswered this long, in machine time, is dropped.
const PONG_WITHIN_MS: Millis = 60_000;
/// From the news of a shutdown to the end, in machine time.
const SHUTDOWN_AFTER_MS: Millis = 1_000;
/// Pings are no closer than this in machine time, however fast the exchange's runs.
const LEAST_PING_MS: Millis = 1_000;

/// The clocks of a socket.
#[derive(Debug)]
pub(super) struct Life {
    number: u64,
    ping_every: Millis,
    pub(super) opened: Millis,
    pinged: Millis,
    pinged_machine: Millis,
    ponged_machine: Millis,
    /// What a pong must bring back.
    payload: Vec<u8>,
    shutdowns: u64,
    resets: u64,
    closing_since: Option<Millis>,
}

impl Life {
    /// Returns the life of a socket that opens now.
    pub(super) fn new(venue: Venue, exchange: &mut Exchange) -> Self {
        let now = exchange.catch_up();
        let machine = exchange.machine_ms();
        exchange.sockets_opened += 1;
        Self {
            number: exchange.sockets_opened,
            ping_every: if venue == Venue::Spot { 20_000 } else { 180_000 },
            opened: now,
            pinged: now,
            pinged_machine: machine,
            ponged_machine: machine,
            payload: Vec::new(),
            shutdowns: exchange.shutdowns,
            resets: exchange.resets,
            closing_since: None,
        }
    }

    /// Shows the socket to who watches.
    pub(super) fn show(&self, streams: usize, exchange: &mut Exchange) {
        let is_pinged = self.pinged_machine > self.ponged_machine;
        exchange.sockets.insert(self.number, SocketView { streams, is_pinged });
    }

    pub(super) fn leave(&self, exchange: &mut Exchange) {
        exchange.sockets.remove(&self.number);
    }

    /// A pong counts when it brings back what the ping said.
    pub(super) fn ponged(&mut self, payload: &[u8], exchange: &mut Exchange) {
        if payload == self.payload {
            self.ponged_machine = exchange.machine_ms();
            let streams = exchange.sockets.get(&self.number).map_or(0, |socket| socket.streams);
            self.show(streams, exchange);
        }
    }

    /// Returns whether the exchange has started over since.
    pub(super) fn is_over(&self, exchange: &Exchange) -> bool {
        exchange.resets != self.resets
    }

    /// Pings, and the ends: after a day, without a pong, before a shutdown.
    pub(super) fn tell(&mut self, exchange: &mut Exchange, now: Millis, outs: &mut Vec<Out>) {
        let machine = exchange.machine_ms();
        if now - self.opened >= LIFE_MS {
            outs.push(Out::Close(1_001, "24 hours are over"));
            return;
        }
        let is_answered = self.ponged_machine >= self.pinged_machine;
        if !is_answered && machine - self.pinged_machine > PONG_WITHIN_MS {
            outs.push(Out::Close(1_008, "Pong timeout"));
            return;
        }
        let is_due = now - self.pinged >= self.ping_every && machine - self.pinged_machine >= LEAST_PING_MS;
        if is_answered && is_due {
            (self.pinged, self.pinged_machine) = (now, machine);
            self.payload = now.to_string().into_bytes();
            outs.push(Out::Ping(self.payload.clone()));
            let streams = exchange.sockets.get(&self.number).map_or(0, |socket| socket.streams);
            self.show(streams, exchange);
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
