//! `/_sandbox/...`: what an operator or a test asks and tells a sandbox. Answers on the loopback interface alone.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::api::{Params, Reply, Request};
use crate::clock::{MAX_RATE, Pace};
use crate::error::Error;
use crate::exchange::Exchange;
use crate::market::Venue;
use crate::number::plain;
use crate::order_view::{algo_view, fill_view, order_view};
use crate::settings::parse_faults;

/// Where the admin endpoints start.
pub(crate) const PREFIX: &str = "/_sandbox/";

/// Longest step of the clock at a time: ten years.
const MAX_STEP_MS: i64 = 10 * 365 * 86_400_000;

/// Answers a request of an operator.
pub(crate) fn answer(exchange: &mut Exchange, request: &Request) -> Reply {
    let outcome = dispatch(exchange, request);
    match outcome {
        Ok(Some(body)) => Reply::ok(body),
        Ok(None) => failed(404, &format!("no {} {}", request.method, request.path)),
        Err(problem) => failed(400, &problem),
    }
}

fn failed(status: u16, problem: &str) -> Reply {
    Reply { status, headers: Vec::new(), body: json!({"error": problem}) }
}

fn dispatch(exchange: &mut Exchange, request: &Request) -> Result<Option<Value>, String> {
    let params = Params::parse(&request.query, "");
    let what = request.path.strip_prefix(PREFIX).unwrap_or_default();
    if matches!((request.method.as_str(), what), ("POST", "clock")) {
        set_clock(exchange, &body(request)?)?;
    }
    exchange.catch_up();
    Ok(Some(match (request.method.as_str(), what) {
        ("GET", "state") => state(exchange),
        ("GET" | "POST", "clock") => clock(exchange),
        ("GET", "orders") => orders(exchange),
        ("GET", "ledger") => ledger(exchange),
        ("GET", "log") => log(exchange, &params)?,
        ("GET", "faults") => exchange.faults.to_json(),
        ("POST", "faults") => {
            let faults = parse_faults(&body(request)?, exchange.seed).map_err(|error| error.to_string())?;
            exchange.set_faults(faults);
            exchange.catch_up();
            exchange.faults.to_json()
        }
        ("DELETE", "faults") => {
            exchange.set_faults(Default::default());
            exchange.catch_up();
            json!([])
        }
        ("POST", "balance") => balance(exchange, &body(request)?)?,
        ("POST", "limits") => limits(exchange, &body(request)?)?,
        ("POST", "reset") => {
            exchange.reset().map_err(|error: Error| error.to_string())?;
            state(exchange)
        }
        ("GET", "sockets") => {
            let subscribed = exchange.sockets.values().filter(|socket| socket.streams > 0).count();
            let unanswered = exchange.sockets.values().filter(|socket| socket.is_pinged).count();
            json!({"open": exchange.sockets.len(), "subscribed": subscribed, "unanswered_pings": unanswered})
        }
        ("POST", "shutdown-sockets") => {
            exchange.shutdowns += 1;
            json!({"shutdowns": exchange.shutdowns})
        }
        _ => return Ok(None),
    }))
}

fn body(request: &Request) -> Result<Value, String> {
    serde_json::from_str(&request.body).map_err(|error| format!("the body must be JSON: {error}"))
}

fn clock(exchange: &mut Exchange) -> Value {
    let pace = match exchange.clock.pace() {
        Pace::Stepped => json!("stepped"),
        Pace::Running(rate) => json!(rate),
    };
    json!({"now": exchange.clock.now(), "pace": pace})
}

/// `{"advance_ms": 60000}`, `{"to": 1700000000000}`, `{"pace": "stepped"}` or `{"pace": 100}`.
fn set_clock(exchange: &mut Exchange, body: &Value) -> Result<(), String> {
    let now = exchange.clock.now();
    let step = match (body["advance_ms"].as_i64(), body["to"].as_i64()) {
        (Some(step), _) => step,
        (None, Some(to)) => to - now,
        (None, None) if !body["pace"].is_null() => 0,
        (None, None) => return Err("name `advance_ms`, `to` or `pace`".to_owned()),
    };
    if !(0..=MAX_STEP_MS).contains(&step) {
        return Err(format!("a step of {step} ms; 0 to {MAX_STEP_MS} are allowed"));
    }
    match &body["pace"] {
        Value::Null => {}
        Value::String(pace) if pace == "stepped" => exchange.clock.set_pace(Pace::Stepped),
        pace => {
            let rate = pace.as_u64().and_then(|rate| u32::try_from(rate).ok());
            let rate = rate.filter(|rate| (1..=MAX_RATE).contains(rate));
            let rate = rate.ok_or_else(|| format!("pace must be `stepped` or 1 to {MAX_RATE}"))?;
            exchange.clock.set_pace(Pace::Running(rate));
        }
    }
    exchange.clock.advance(step);
    Ok(())
}

fn state(exchange: &mut Exchange) -> Value {
    let engine = &exchange.engine;
    let market = |(at, market): (usize, &crate::market::Market)| {
        let (first, last) = market.tape.span();
        json!({
            "venue": market.venue, "symbol": market.symbol, "id": market.id, "replayed": [first, last],
            "candle_ms": market.tape.step_ms(), "price": plain(market.last_price(engine.now)),
            "mark_price": plain(market.mark_price(engine.now)), "is_halted": market.is_halted,
            "open_orders": engine.open_orders(at).count(), "waiting_algos": engine.waiting_algos(at).count(),
        })
    };
    let balances = engine.account.balances.iter().map(|((venue, asset), balance)| {
        json!({"venue": venue, "asset": asset, "free": plain(balance.free), "locked": plain(balance.locked)})
    });
    let positions = engine.account.positions.iter().map(|((market, side), position)| {
        json!({"symbol": engine.markets[*market].id, "side": side.name(), "amount": plain(position.amount),
            "entry_price": plain(position.entry_price())})
    });
    let (balances, positions): (Vec<Value>, Vec<Value>) = (balances.collect(), positions.collect());
    let markets: Vec<Value> = engine.markets.iter().enumerate().map(market).collect();
    let (orders, fills, ok) = (engine.orders.len(), engine.fills.len(), engine.audit.violations.is_empty());
    json!({"clock": clock(exchange), "seed": exchange.seed, "markets": markets, "balances": balances,
        "positions": positions, "orders": orders, "fills": fills, "ledger_ok": ok})
}

fn orders(exchange: &Exchange) -> Value {
    let engine = &exchange.engine;
    let orders: Vec<Value> = engine.orders.values().map(|order| order_view(engine, order)).collect();
    let algos: Vec<Value> = engine.algos.values().map(|algo| algo_view(engine, algo)).collect();
    let fills: Vec<Value> = engine.fills.iter().map(|fill| fill_view(engine, fill)).collect();
    json!({"orders": orders, "algo_orders": algos, "fills": fills})
}

fn ledger(exchange: &Exchange) -> Value {
    exchange.engine.audit_report()
}

/// `?after=N`: the lines after a number.
fn log(exchange: &Exchange, params: &Params) -> Result<Value, String> {
    let after = params.integer("after").map_err(|refusal| refusal.message)?.unwrap_or(0);
    let after = u64::try_from(after).unwrap_or(0);
    Ok(exchange.engine.events.lines_after(after).cloned().collect())
}

/// `{"wallet": "spot", "asset": "USDT", "amount": "-5"}`.
fn balance(exchange: &mut Exchange, body: &Value) -> Result<Value, String> {
    let venue = match body["wallet"].as_str() {
        Some("spot") => Venue::Spot,
        Some("usd_m") => Venue::UsdM,
        _ => return Err("wallet must be `spot` or `usd_m`".to_owned()),
    };
    let asset = body["asset"].as_str().filter(|asset| !asset.is_empty() && asset.len() <= 32);
    let asset = asset.ok_or("asset must be a code such as `USDT`")?;
    let amount = body["amount"].as_str().and_then(|text| Decimal::from_str(text).ok());
    let amount =
        amount.filter(|amount| amount.scale() <= 8 && amount.abs() <= Decimal::from(1_000_000_000_000_i64));
    let amount = amount.ok_or("amount must be a text such as `100` or `-0.5`")?;
    if exchange.engine.account.balance(venue, asset).free + amount < Decimal::ZERO {
        return Err("that much is not free".to_owned());
    }
    exchange.engine.deposit(venue, asset, amount);
    Ok(state(exchange))
}

/// `{"venue": "spot", "weight_per_minute": 100}`.
fn limits(exchange: &mut Exchange, body: &Value) -> Result<Value, String> {
    let venue: Venue = serde::Deserialize::deserialize(&body["venue"])
        .map_err(|_| "venue must be `spot` or `usd_m`".to_owned())?;
    let weight = body["weight_per_minute"].as_u64().ok_or("weight_per_minute must be a count")?;
    exchange.limits.weight_limits.insert(venue, weight);
    Ok(json!({"venue": venue, "weight_per_minute": weight}))
}
