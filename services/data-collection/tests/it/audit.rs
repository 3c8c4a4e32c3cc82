//! Who changes something is noted before it is changed.

use std::sync::atomic::Ordering;

use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::support::{World, json_request};

const TRACE: &str = "0123456789abcdef0123456789abcdef";
const SYMBOLS: &str = r#"{"symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"], "timeframe": "1h",
                          "start": "2024-01-01", "end": "2024-01-02"}"#;

/// What a world's log says: action and subject of each entry.
fn noted(world: &World) -> Vec<(String, String)> {
    let entries = world.audit.entries.lock().unwrap();
    entries.iter().map(|entry| (entry.action.clone(), entry.subject.clone())).collect()
}

#[tokio::test]
async fn every_change_is_noted() {
    let world = World::new();
    let mut sync = json_request("POST", "/api/v1/sync", SYMBOLS);
    sync.headers_mut().insert("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01").parse().unwrap());
    let job = world.send(sync).await;
    assert_eq!(job.status, 200, "{}", job.text);
    let id = job.json()["job_id"].as_str().unwrap().to_owned();
    world.post(&format!("/api/v1/sync/{id}/cancel"), "").await;
    // All is there: nothing is changed.
    assert_eq!(world.post("/api/v1/ensure", SYMBOLS).await.json()["ready"], true);
    let more = SYMBOLS.replace("2024-01-02", "2024-01-03");
    assert_eq!(world.post("/api/v1/ensure", &more).await.status, 200);
    let newer = r#"{"symbols": ["ETH/USDT:USDT"], "timeframe": "1h"}"#;
    assert_eq!(world.post("/api/v1/sync/incremental", newer).await.status, 200);
    let rollback = "/api/v1/symbols/ETH_USDT_USDT_1h/rollback";
    assert_eq!(world.post(rollback, r#"{"version": 1}"#).await.status, 200);
    assert_eq!(world.post("/api/v1/snapshots", r#"{"name": "paper"}"#).await.status, 201);
    let import = "/api/v1/import?symbol=SOL/USDT:USDT&timeframe=1h&format=csv";
    let file = "date,open,high,low,close,volume\n2024-01-01 00:00:00,1,2,0.5,1.5,10\n";
    let import = Request::post(import).body(Body::from(file)).unwrap();
    let imported = world.send(import).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    let mut schedules = json_request("PUT", "/api/v1/schedules", r#"{"schedules": []}"#);
    schedules.headers_mut().insert("if-match", "\"0\"".parse().unwrap());
    assert_eq!(world.send(schedules).await.status, 200);

    let both = "binance_futures/BTC_USDT_USDT_1h and 1 more";
    let expected = [
        ("candles.sync", both),
        ("sync.cancel", id.as_str()),
        ("candles.ensure", both),
        ("candles.sync", "binance_futures/ETH_USDT_USDT_1h"),
        ("candles.rollback", "binance_futures/ETH_USDT_USDT_1h version 1"),
        ("snapshot.create", "binance_futures/paper"),
        ("candles.import", "binance_futures/SOL_USDT_USDT_1h"),
        ("schedules.replace", "revision 0"),
    ];
    let expected = expected.map(|(action, subject)| (action.to_owned(), subject.to_owned()));
    assert_eq!(noted(&world), expected);
    let entries = world.audit.entries.lock().unwrap();
    assert!(entries.iter().all(|entry| entry.actor == "local" && entry.trace_id.is_some()));
    assert_eq!(entries[0].trace_id.unwrap().to_string(), TRACE);
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_done() {
    let world = World::new();
    world.audit.is_broken.store(true, Ordering::Relaxed);
    let reply = world.post("/api/v1/sync", SYMBOLS).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "EXT001"));
    assert!(!reply.text.contains("disk"), "{}", reply.text);
    let mut schedules = json_request("PUT", "/api/v1/schedules", r#"{"schedules": []}"#);
    schedules.headers_mut().insert("if-match", "\"0\"".parse().unwrap());
    assert_eq!(world.send(schedules).await.status, 503);
    assert_eq!(world.get("/api/v1/schedules").await.header("etag"), "\"0\"");
    assert_eq!(world.get("/api/v1/symbols").await.json()["items"].as_array().unwrap().len(), 0);
}
