//! Everything a sandbox knows, behind one door: requests in, replies out.

mod lasting;

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradai_domain::{Clock, Millis};

use crate::api::{Call, Keys, Limits, Params, Proof, Reply, Request, Route, find_route};
use crate::clock::VirtualClock;
use crate::engine::Engine;
use crate::error::Error;
use crate::faults::{Faults, Shot};
use crate::listen_key::ListenKeys;
use crate::market::Market;
use crate::number;
use crate::refusal::{Outcome, Refusal};
use crate::settings::{Deposit, Settings};

/// What there is to see of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SocketView {
    /// What it is subscribed to.
    pub(crate) streams: usize,
    /// Whether it owes a pong.
    pub(crate) is_pinged: bool,
}

/// Engine, clock, keys, limits and faults.
pub(crate) struct Exchange {
    pub(crate) engine: Engine,
    pub(crate) clock: VirtualClock,
    pub(crate) faults: Faults,
    pub(crate) limits: Limits,
    pub(crate) listen_keys: ListenKeys,
    pub(crate) keys: Keys,
    machine: Arc<dyn Clock>,
    start: Millis,
    pub(crate) seed: u64,
    deposits: Vec<Deposit>,
    level_cost: u32,
    /// Counts up when sockets must end: told to go (`serverShutdown`), or cut.
    pub(crate) shutdowns: u64,
    pub(crate) resets: u64,
    /// Open sockets by number.
    pub(crate) sockets: BTreeMap<u64, SocketView>,
    pub(crate) sockets_opened: u64,
}

impl Exchange {
    pub(crate) fn new(settings: Settings, machine: Arc<dyn Clock>) -> Result<Self, Error> {
        let markets = settings.markets()?;
        let start = settings.start(&markets);
        let keys = Keys(settings.secrets()?);
        let mut exchange = Self {
            engine: Engine::new(markets, start, Decimal::from(settings.level_cost)),
            clock: VirtualClock::new(Arc::clone(&machine), start, settings.pace),
            faults: settings.faults()?,
            limits: Limits::default(),
            listen_keys: ListenKeys::new(settings.seed),
            keys,
            machine,
            start,
            seed: settings.seed,
            deposits: settings.deposits,
            level_cost: settings.level_cost,
            shutdowns: 0,
            resets: 0,
            sockets: BTreeMap::new(),
            sockets_opened: 0,
        };
        exchange.set_faults(exchange.faults.clone());
        exchange.fund()?;
        Ok(exchange)
    }

    fn fund(&mut self) -> Result<(), Error> {
        for deposit in &self.deposits {
            let (venue, amount) = deposit.parse()?;
            self.engine.deposit(venue, &deposit.asset, amount);
        }
        Ok(())
    }

    /// Starts over: time, account and orders as at the start, the plan of faults with fresh draws.
    pub(crate) fn reset(&mut self) -> Result<(), Error> {
        let markets: Vec<Market> = std::mem::take(&mut self.engine.markets);
        let pace = self.clock.pace();
        self.engine = Engine::new(markets, self.start, Decimal::from(self.level_cost));
        self.clock = VirtualClock::new(Arc::clone(&self.machine), self.start, pace);
        self.limits = Limits::default();
        self.listen_keys = ListenKeys::new(self.seed);
        self.set_faults(self.faults.rearmed(self.seed));
        self.resets += 1;
        self.fund()
    }

    /// Returns the machine's time, for what is between a client and the wire.
    pub(crate) fn machine_ms(&self) -> Millis {
        self.machine.now_ms()
    }

    /// Moves everything on to the exchange's time, and returns that.
    pub(crate) fn catch_up(&mut self) -> Millis {
        let now = self.clock.now();
        self.apply_lasting(now);
        self.engine.advance(now);
        now
    }

    /// Returns what goes wrong with a request that has just come in.
    pub(crate) fn draw(&mut self, request: &Request) -> Shot {
        let params = Params::parse(&request.query, &request.body);
        self.draw_for(&request.method, &request.path, &params)
    }

    /// Returns what goes wrong with a call, over HTTP or a socket.
    pub(crate) fn draw_for(&mut self, method: &str, path: &str, params: &Params) -> Shot {
        let now = self.catch_up();
        let symbol = params.get("symbol").or(params.get("pair"));
        let shot = self.faults.draw(method, path, symbol, now);
        if shot != Shot::default() {
            let details = json!({"path": path, "fault": format!("{shot:?}")});
            self.engine.events.log(now, "fault", details);
        }
        shot
    }

    /// Carries a request out.
    pub(crate) fn answer(&mut self, request: &Request, shot: &Shot) -> Reply {
        let now = self.catch_up();
        let Some(route) = find_route(&request.method, &request.path) else {
            let body = json!({"code": -1, "msg": format!("No handler found for {} {}", request.method, request.path)});
            return Reply { status: 404, headers: Vec::new(), body };
        };
        let params = Params::parse(&request.query, &request.body);
        let outcome = self.carry_out(route, &Proof::of_request(request), &params, shot, now);
        let mut reply = match outcome {
            Ok(body) => Reply::ok(body),
            Err(refusal) => Reply::refused(&refusal),
        };
        reply.headers.extend(self.limits.headers(route.venue(), route.is_order, now));
        let details = json!({"method": request.method, "path": request.path, "params": params.for_log(),
            "status": reply.status, "code": reply.body["code"]});
        self.engine.events.log(now, "request", details);
        reply
    }

    /// Carries out a call that came over a socket.
    pub(crate) fn answer_socket(
        &mut self,
        method: &str,
        route: &Route,
        proof: &Proof,
        params: &Params,
        shot: &Shot,
    ) -> Outcome<Value> {
        let now = self.catch_up();
        let outcome = self.carry_out(route, proof, params, shot, now);
        let refused = outcome.as_ref().err();
        let details = json!({"method": "WS", "path": method, "params": params.for_log(),
            "status": refused.map_or(200, |refusal| refusal.status), "code": refused.map(|refusal| refusal.code)});
        self.engine.events.log(now, "request", details);
        outcome
    }

    fn carry_out(
        &mut self,
        route: &Route,
        proof: &Proof,
        params: &Params,
        shot: &Shot,
        now: Millis,
    ) -> Outcome<Value> {
        let venue = route.venue();
        self.limits.admit(venue, route.weight(params), now)?;
        let shown_time = self.shown_time(now);
        self.keys.check(route.security, proof, params, shown_time)?;
        if route.is_order {
            self.limits.admit_order(venue, now)?;
        }
        let mut call = Call {
            engine: &mut self.engine,
            listen_keys: &mut self.listen_keys,
            venue,
            params,
            now,
            shown_time,
            candle_edit: shot.candle_edit,
        };
        if let Some(share) = shot.fill_share {
            orders_filled_first(&mut call, share)?;
        }
        let mut body = (route.handler)(&mut call)?;
        if route.path.ends_with("/rateLimit/order") {
            let counts = self.limits.order_counts(venue, now);
            for (row, count) in body.as_array_mut().into_iter().flatten().zip(counts) {
                row["count"] = json!(count);
            }
        }
        Ok(body)
    }

    /// Returns the reply that says that nobody knows what happened.
    pub(crate) fn unknown_state(path: &str) -> Reply {
        let venue =
            if path.starts_with("/fapi") { crate::market::Venue::UsdM } else { crate::market::Venue::Spot };
        Reply::refused(&Refusal::unknown_state(venue))
    }
}

/// Executes the order that a request is about, in part or whole, before the request is carried out.
fn orders_filled_first(call: &mut Call, share: f64) -> Outcome<()> {
    let Some(market) = call.maybe_market()? else { return Ok(()) };
    let (id, client_id) = (call.params.id("orderId")?, call.params.get("origClientOrderId"));
    call.engine.fill_before_cancel(market, id, client_id, number::from_f64(share));
    Ok(())
}
