//! The other services, as the dashboard knows them: replies of the shapes that their `openapi.json` give.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tradai_service::axum::body::Bytes;
use tradai_service::axum::extract::State;
use tradai_service::axum::http::{HeaderMap, Method, StatusCode, Uri};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::axum::{self, Router};

use crate::world::HOSTILE;

/// Both services at one address.
#[derive(Clone)]
pub(crate) struct Peers {
    url: String,
    replies: Replies,
}

#[derive(Clone, Default)]
struct Replies {
    gone: Arc<AtomicBool>,
    by_path: Arc<Mutex<BTreeMap<String, Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
    traces: Arc<Mutex<Vec<(String, String)>>>,
    /// Wakes whoever waits for another reply.
    news: Arc<Notify>,
}

impl Peers {
    pub(crate) async fn start() -> Self {
        Self::with(replies()).await
    }

    /// All texts of all replies are markup that does harm.
    pub(crate) async fn hostile() -> Self {
        let mut replies = replies();
        replies.values_mut().for_each(spoil);
        Self::with(replies).await
    }

    async fn with(replies: BTreeMap<String, Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let replies = Replies { by_path: Arc::new(Mutex::new(replies)), ..Replies::default() };
        let router = Router::new().fallback(answer).with_state(replies.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: format!("http://{address}"), replies }
    }

    /// From now on answers so at a path.
    pub(crate) fn reply(&self, path: &str, reply: Value) {
        self.replies.by_path.lock().unwrap().insert(path.to_owned(), reply);
        self.replies.news.notify_waiters();
    }

    /// What tells a backend where they are.
    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [("BACKEND_DATA_COLLECTION_URL", &self.url), ("BACKEND_STRATEGY_SERVICE_URL", &self.url)]
    }

    /// From now on nothing is answered but that nobody can.
    pub(crate) fn go(&self) {
        self.replies.gone.store(true, Ordering::Relaxed);
    }

    /// Methods and paths of requests, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.replies.asked.lock().unwrap().clone()
    }

    /// The `traceparent` of the last request of this path.
    pub(crate) fn trace_of(&self, path: &str) -> String {
        let traces = self.replies.traces.lock().unwrap();
        traces
            .iter()
            .rev()
            .find(|(asked, _)| asked == path)
            .map(|(_, trace)| trace.clone())
            .unwrap_or_default()
    }
}

async fn answer(
    State(replies): State<Replies>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    _body: Bytes,
) -> Response {
    replies.asked.lock().unwrap().push(format!("{method} {uri}"));
    let trace = headers.get("traceparent").map(|trace| trace.to_str().unwrap().to_owned());
    replies.traces.lock().unwrap().push((uri.path().to_owned(), trace.unwrap_or_default()));
    if uri.query().is_some_and(|query| query.starts_with("wait=") && query != "wait=0") {
        let waiting = replies.news.notified();
        drop(tokio::time::timeout(Duration::from_secs(1), waiting).await);
    }
    if replies.gone.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let reply = replies.by_path.lock().unwrap().get(uri.path()).cloned();
    match reply {
        Some(reply) => (StatusCode::OK, reply.to_string()).into_response(),
        None => {
            let problem = json!({"status": 404, "code": "RES001", "title": "Not found", "detail": format!("nothing at {uri}")});
            (StatusCode::NOT_FOUND, problem.to_string()).into_response()
        }
    }
}

/// Puts markup in the place of texts. Moments and numbers stay, so that pages get as far as they can.
fn spoil(value: &mut Value) {
    match value {
        Value::String(text) if !text.ends_with('Z') => *text = HOSTILE.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(spoil),
        Value::Object(map) => {
            map.retain(|key, _| key != "next_cursor");
            map.values_mut().for_each(spoil);
        }
        _ => {}
    }
}

fn replies() -> BTreeMap<String, Value> {
    let strategy = "/api/v1/strategies/EmaCross";
    let all = [
        (
            "/api/v1/health".to_owned(),
            json!({"status": "degraded", "service": "peer", "version": "0.1.0", "dependencies": [
            {"name": "store", "required": true, "status": "up", "latency_ms": 2},
            {"name": "exchange-sandbox", "required": false, "status": "timed_out", "latency_ms": 3000}]}),
        ),
        (
            "/api/v1/version".to_owned(),
            json!({"service": "peer", "version": "0.1.0", "git_commit": "48fc1e7", "started_at": "2024-05-01T08:00:00Z"}),
        ),
        ("/api/v1/strategies".to_owned(), json!({"items": [summary()], "next_cursor": null})),
        (strategy.to_owned(), detail()),
        (
            format!("{strategy}/configs"),
            json!({"items": [version(2, "draft"), version(1, "active")], "next_cursor": null}),
        ),
        (
            format!("{strategy}/configs/diff"),
            json!({"a": "v1-0f1e2d3c", "b": "v2-0f1e2d3c", "differences": [
            {"pointer": "/settings/stoploss", "change": "changed", "before": -0.1, "after": -0.05},
            {"pointer": "/settings/minimal_roi", "change": "added", "before": null, "after": {"0": 0.02}}]}),
        ),
        (format!("{strategy}/configs/v2-0f1e2d3c/activate"), version(2, "active")),
        (
            format!("{strategy}/resolved-config"),
            json!({"strategy_name": "EmaCross", "config_id": "v1-0f1e2d3c",
            "values": {"stoploss": -0.1, "timeframe": "1h", "stake_amount": 100},
            "origins": [{"pointer": "/stoploss", "source": "stored", "config_id": "v1-0f1e2d3c"},
                {"pointer": "/timeframe", "source": "tradai_yaml", "config_id": null},
                {"pointer": "/stake_amount", "source": "environment", "config_id": null},
                {"pointer": "/api_key", "source": "environment", "config_id": null}],
            "settings": {}, "parameters": {}}),
        ),
        ("/api/v1/exchanges".to_owned(), json!({"items": [exchange()]})),
        ("/api/v1/status".to_owned(), json!({"exchanges": [exchange()], "jobs": {}, "scheduler": true})),
        (
            "/api/v1/symbols".to_owned(),
            json!({"items": [series("BTC/USDT", true), series("ETH/USDT", false)], "next_cursor": null}),
        ),
        (
            "/api/v1/coverage".to_owned(),
            json!({"exchange": "sandbox", "complete": false, "items": [coverage("BTC/USDT")], "damaged": []}),
        ),
        (
            "/api/v1/freshness".to_owned(),
            json!({"exchange": "sandbox", "at": "2024-03-01T00:00:00Z", "fresh": false, "damaged": [], "items": [
            {"key": "BTC_USDT_1h", "symbol": "BTC/USDT", "timeframe": "1h", "price": "traded", "status": "fresh", "last": "2024-02-29T23:00:00Z", "age_seconds": 1200, "lag_candles": 0},
            {"key": "ETH_USDT_1h", "symbol": "ETH/USDT", "timeframe": "1h", "price": "traded", "status": "stale", "last": "2024-02-27T23:00:00Z", "age_seconds": 172800, "lag_candles": 47}]}),
        ),
    ];
    BTreeMap::from(all)
}

fn summary() -> Value {
    json!({
        "name": "EmaCross", "version": "1.0.0", "category": "momentum", "summary": "Buys when a fast average crosses a slow one from below.",
        "timeframe": "1h", "trading_mode": "spot", "can_short": false, "startup_candles": 200, "origin": "bundled", "file": "ema_cross.yaml",
        "source_hash": "00", "warnings": [{"line": 3, "column": 1, "key": "indicators.slow", "message": "is not used", "snippet": null}],
        "parameters": [
            {"name": "fast", "type": "int", "default": 12, "low": 5.0, "high": 30.0, "decimals": null, "options": [], "space": "buy", "optimize": true},
            {"name": "kind", "type": "categorical", "default": "ema", "low": null, "high": null, "decimals": null, "options": ["ema", "sma"], "space": "buy", "optimize": false}],
        "indicators": [{"name": "fast", "formula": "ema(timeperiod=fast)", "columns": ["fast"], "series": "", "lookback": 30, "used": true}],
        "active_config": {"config_id": "v1-0f1e2d3c", "version_number": 1, "deployed_at": "2024-01-02T00:00:00Z"}
    })
}

fn detail() -> Value {
    let mut detail = summary();
    let more = json!({
        "entry": [{"side": "long", "when": "crossed_above(fast, slow) and volume > 0", "tag": "cross"}],
        "exit": [{"side": "long", "when": "crossed_below(fast, slow)", "tag": ""}],
        "hooks": {"custom_stoploss": ["-0.05 when profit > 0.02"]}, "informative": ["@4h"], "settings": {"stoploss": -0.1},
        "text": "name: EmaCross\ntimeframe: 1h\n"
    });
    detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    detail
}

fn version(number: u32, status: &str) -> Value {
    json!({
        "strategy_name": "EmaCross", "config_id": format!("v{number}-0f1e2d3c"), "config_hash": "00", "status": status, "version_number": number,
        "created_at": "2024-01-01T00:00:00Z", "deployed_at": null, "deprecated_at": null, "expires_at": null, "superseded_by": null,
        "description": "a tighter stop"
    })
}

fn exchange() -> Value {
    json!({
        "exchange": "sandbox", "default": true, "timeframes": ["1h"], "breaker": "closed", "breaker_open_until": null,
        "rate_used": 12, "rate_capacity": 1200, "rate_window_seconds": 60, "blocked_until": null
    })
}

fn series(symbol: &str, synthetic: bool) -> Value {
    json!({
        "key": format!("{}_1h", symbol.replace('/', "_")), "exchange": "sandbox", "symbol": symbol, "timeframe": "1h", "price": "traded",
        "first": "2024-01-01T00:00:00Z", "last": "2024-02-29T23:00:00Z", "rows": 1416, "bytes": 48_211, "gaps": 1, "version": 4,
        "committed_at": "2024-03-01T00:00:00Z", "data_hash": "00", "synthetic": synthetic
    })
}

fn coverage(symbol: &str) -> Value {
    json!({
        "key": format!("{}_1h", symbol.replace('/', "_")), "symbol": symbol, "timeframe": "1h", "price": "traded", "version": 4, "synthetic": true,
        "span": {"start": "2024-01-01T00:00:00Z", "end": "2024-03-01T00:00:00Z", "candles": 1440}, "stored": 1416, "missing": 24, "absent": 0,
        "complete": false, "ratio": 0.9833,
        "missing_spans": [{"start": "2024-02-01T00:00:00Z", "end": "2024-02-02T00:00:00Z", "candles": 24}], "absent_spans": []
    })
}
