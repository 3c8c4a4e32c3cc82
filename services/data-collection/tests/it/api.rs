//! Every endpoint once, as it should work.

use std::path::{Path, PathBuf};

use serde_json::json;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_timeseries::CandleStore;

use crate::support::{START, World, json_request, settings};

const BTC: &str = "symbol=BTC/USDT:USDT&timeframe=1h";

#[tokio::test]
async fn a_sync_stores_what_the_exchange_has() {
    let world = World::new();
    let result = world.sync(r#"["BTC/USDT:USDT", "ETH/USDT:USDT"]"#, 0..24).await;
    assert_eq!((&result["symbols_synced"], &result["rows_synced"]), (&json!(2), &json!(45)));
    assert_eq!((&result["status"], &result["exchange"]), (&json!("completed"), &json!("binance_futures")));
    assert_eq!(result["errors"], json!([]));
    let eth = &result["symbols"][1];
    assert_eq!(
        (&eth["status"], &eth["version"], &eth["candles_absent"]),
        (&json!("done"), &json!(1), &json!(3))
    );
    let outage = json!([{"start": "2024-01-01T05:00:00Z", "end": "2024-01-01T08:00:00Z", "candles": 3}]);
    assert_eq!(eth["absent"], outage);
    // Once more: nothing to do.
    let again = world.sync(r#"["BTC/USDT:USDT", "ETH/USDT:USDT"]"#, 0..24).await;
    assert_eq!((&again["symbols_synced"], &again["rows_synced"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn a_banned_symbol_stops_no_other() {
    let world = World::new();
    let result = world.sync(r#"["BAN/USDT:USDT", "BTC/USDT:USDT", "NOPE/USDT:USDT"]"#, 0..24).await;
    assert_eq!((&result["status"], &result["symbols_synced"]), (&json!("completed"), &json!(1)));
    let errors = json!([
        {"symbol": "BAN/USDT:USDT", "kind": "unavailable", "message": "banned for asking too much",
         "retry_after_seconds": 120},
        {"symbol": "NOPE/USDT:USDT", "kind": "not_found", "message": "binance_futures has no market NOPE/USDT:USDT",
         "retry_after_seconds": null},
    ]);
    assert_eq!(result["errors"], errors);
}

#[tokio::test]
async fn exchanges_are_kept_apart() {
    let world = World::new();
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..24).await;
    let of = async |exchange: &str| {
        let reply = world.get(&format!("/api/v1/symbols?exchange={exchange}")).await;
        reply.json()["items"].as_array().unwrap().len()
    };
    assert_eq!((of("binance_futures").await, of("okx_futures").await), (1, 0));
    let body = r#"{"exchange": "okx_futures", "symbols": ["BTC/USDT:USDT"], "timeframe": "1h", "start": "2024-01-01"}"#;
    assert_eq!(world.post("/api/v1/sync", body).await.json()["rows_synced"], 1_000);
    assert_eq!(of("okx_futures").await, 1);
    let rows = world.get(&format!("/api/v1/ohlcv?{BTC}")).await.json()["rows"].as_array().unwrap().len();
    assert_eq!(rows, 24, "the other exchange's are not among them");
}

#[tokio::test]
async fn incremental_brings_what_is_newer() {
    let world = World::new();
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..24).await;
    let result = world.post("/api/v1/sync/incremental", r#"{"timeframe": "1h"}"#).await.json();
    assert_eq!((&result["mode"], &result["rows_synced"]), (&json!("incremental"), &json!(976)));
    let none = world.post("/api/v1/sync/incremental", r#"{"timeframe": "1m"}"#).await.problem();
    assert!(none.2.contains("no series of 1m is stored of binance_futures yet"), "{none:?}");
}

#[tokio::test]
async fn ensure_looks_at_the_store_first() {
    let world = World::new();
    let body = r#"{"symbols": ["ETH/USDT:USDT"], "timeframe": "1h", "start": "2024-01-03", "end": "2024-01-04",
                   "padding_days": 2}"#;
    let collected = world.post("/api/v1/ensure", body).await.json();
    assert_eq!(
        (&collected["rows_synced"], &collected["start"]),
        (&json!(69), &json!("2024-01-01T00:00:00Z"))
    );
    world.exchange.allow(0);
    let ready = world.post("/api/v1/ensure", body).await.json();
    let coverage = &ready["coverage"][0];
    assert_eq!(
        (&ready["ready"], &coverage["complete"], &coverage["absent"]),
        (&json!(true), &json!(true), &json!(3))
    );
}

#[tokio::test]
async fn candles_page_by_page_of_one_version() {
    let world = World::new();
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..24).await;
    let first = world.get(&format!("/api/v1/ohlcv?{BTC}&limit=10")).await;
    let page = first.json();
    assert_eq!(page["columns"], json!(["timestamp", "open", "high", "low", "close", "volume"]));
    // 473352 hours after 1970: 52 of its hundred.
    assert_eq!(page["rows"][0], json!([START, 152.0, 154.0, 150.0, 153.0, 7.5]));
    assert!(first.header("link").ends_with(r#"; rel="next""#));
    // A newer version does not disturb the pages.
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..48).await;
    let (mut times, mut page) = (Vec::new(), page);
    loop {
        times.extend(page["rows"].as_array().unwrap().iter().map(|row| row[0].as_i64().unwrap()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        page = world.get(&format!("/api/v1/ohlcv?{BTC}&limit=10&cursor={cursor}")).await.json();
    }
    assert_eq!(times, (0..24).map(|hour| START + hour * 3_600_000).collect::<Vec<_>>());
    let old = world.get(&format!("/api/v1/ohlcv?{BTC}&version=1&start=2024-01-01T20:00:00Z")).await.json();
    assert_eq!((old["rows"].as_array().unwrap().len(), &old["version"]), (4, &json!(1)));
}

#[tokio::test]
async fn candles_as_files_there_and_back() {
    let world = World::new();
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..24).await;
    let accept = Request::get(format!("/api/v1/ohlcv?{BTC}")).header("accept", "text/csv");
    let csv = world.send(accept.body(Body::empty()).unwrap()).await;
    assert!(
        csv.text.starts_with("timestamp,open,high,low,close,volume\n1704067200000,152,154,150,153,7.5\n")
    );
    assert_eq!(csv.text.lines().count(), 25);
    let body = r#"{"symbol": "BTC/USDT:USDT", "timeframe": "1h", "format": "parquet"}"#;
    let parquet = world.post("/api/v1/export", body).await;
    assert_eq!(parquet.header("content-type"), "application/vnd.apache.parquet");
    assert_eq!(parquet.header("content-disposition"), r#"attachment; filename="BTC_USDT_USDT_1h.parquet""#);
    let import = "/api/v1/import?exchange=okx_futures&symbol=BTC/USDT:USDT&timeframe=1h&format=parquet";
    let import = Request::post(import).body(Body::from(parquet.bytes)).unwrap();
    assert_eq!(world.send(import).await.json()["rows"], 24);
    let hash = async |exchange: &str| {
        let reply = world.get(&format!("/api/v1/ohlcv?exchange={exchange}&{BTC}")).await;
        reply.json()["data_hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash("okx_futures").await, hash("binance_futures").await);
}

#[tokio::test]
async fn files_of_made_up_candles_do_not_become_real_ones_nor_the_other_way_round() {
    let world = World::of(&settings(&[]), ["sandbox_futures", "okx_futures"]);
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..24).await;
    let export = async |exchange: &str, format: &str| {
        let body =
            json!({"exchange": exchange, "symbol": "BTC/USDT:USDT", "timeframe": "1h", "format": format});
        world.post("/api/v1/export", &body.to_string()).await.bytes
    };
    let import = async |exchange: &str, symbol: &str, format: &str, bytes: Vec<u8>| {
        let path = format!("/api/v1/import?exchange={exchange}&symbol={symbol}&timeframe=1h&format={format}");
        world.send(Request::post(path).body(Body::from(bytes)).unwrap()).await
    };
    for format in ["parquet", "feather"] {
        let made_up = export("sandbox_futures", format).await;
        let refused = import("okx_futures", "BTC/USDT:USDT", format, made_up.clone()).await.problem();
        assert!(refused.0 == 409 && refused.2.contains("are made up"), "{refused:?}");
        let symbol = if format == "parquet" { "NEW/USDT:USDT" } else { "BTC/USDT:USDT" };
        assert_eq!(import("sandbox_futures", symbol, format, made_up).await.json()["rows"], 24);
    }
    let new = world.get("/api/v1/ohlcv?symbol=NEW/USDT:USDT&timeframe=1h&limit=1").await.json();
    assert_eq!(new["synthetic"], true, "a series that a file begins is labelled as the file");
    let coverage = world.get("/api/v1/coverage?exchange=sandbox_futures").await.json();
    assert_eq!(coverage["items"][0]["synthetic"], true, "{coverage}");
    let real = export("sandbox_futures", "csv").await;
    for symbol in ["BTC/USDT:USDT", "OTHER/USDT:USDT"] {
        let refused = import("sandbox_futures", symbol, "csv", real.clone()).await.problem();
        assert!(refused.0 == 409 && refused.2.contains("CSV cannot"), "{refused:?}");
    }
}

#[tokio::test]
async fn completeness_without_reading_and_quality_with() {
    let world = World::new();
    world.sync(r#"["ETH/USDT:USDT"]"#, 0..24).await;
    let coverage = world
        .get("/api/v1/coverage?symbols=ETH/USDT:USDT&timeframe=1h&start=2024-01-01&end=2024-01-03")
        .await;
    let item = &coverage.json()["items"][0];
    assert_eq!(item["synthetic"], false);
    let counts = (&item["stored"], &item["missing"], &item["absent"], &item["complete"]);
    assert_eq!(counts, (&json!(21), &json!(24), &json!(3), &json!(false)));
    let gaps =
        world.get("/api/v1/gaps?symbol=ETH/USDT:USDT&timeframe=1h&end=2024-01-03&limit=1").await.json();
    assert_eq!((&gaps["items"][0]["status"], &gaps["items"][0]["candles"]), (&json!("absent"), &json!(3)));
    let cursor = gaps["next_cursor"].as_str().unwrap();
    let path =
        format!("/api/v1/gaps?symbol=ETH/USDT:USDT&timeframe=1h&end=2024-01-03&limit=1&cursor={cursor}");
    let rest = world.get(&path).await.json();
    assert_eq!((&rest["items"][0]["status"], &rest["next_cursor"]), (&json!("missing"), &json!(null)));
    let freshness = world.get("/api/v1/freshness").await.json();
    assert_eq!((&freshness["fresh"], &freshness["items"][0]["lag_candles"]), (&json!(false), &json!(976)));
    let missing = world.get("/api/v1/freshness?symbols=BTC/USDT:USDT&timeframe=1h").await.json();
    assert_eq!(missing["items"][0]["status"], "missing");
    let quality = world.get("/api/v1/quality?symbol=ETH/USDT:USDT&timeframe=1h").await.json();
    assert_eq!(
        (&quality["rows"], &quality["missing"], &quality["impossible"]),
        (&json!(21), &json!(3), &json!(0))
    );
}

#[tokio::test]
async fn a_damaged_series_is_neither_fresh_nor_complete() {
    let folder = tempfile::tempdir().unwrap();
    // A store holds what it has read: what was damaged since, another process finds.
    let open = || {
        let exchanges = ["binance_futures", "okx_futures"];
        World::on(&settings(&[]), exchanges, |clock, ids| {
            CandleStore::open(folder.path(), clock, ids).unwrap()
        })
    };
    let world = open();
    world.sync(r#"["BTC/USDT:USDT", "ETH/USDT:USDT"]"#, 0..24).await;
    let sound = world.get("/api/v1/freshness?max_lag=1000").await.json();
    assert_eq!((&sound["fresh"], &sound["damaged"]), (&json!(true), &json!([])));
    let sound = world.get("/api/v1/coverage?end=2024-01-02").await.json();
    assert_eq!((&sound["complete"], &sound["damaged"]), (&json!(true), &json!([])));
    for file in files_under(folder.path()) {
        if file.to_string_lossy().contains("ETH_USDT") {
            std::fs::write(file, "damaged").unwrap();
        }
    }
    let world = open();
    for (path, flag) in
        [("/api/v1/freshness?max_lag=1000", "fresh"), ("/api/v1/coverage?end=2024-01-02", "complete")]
    {
        let reply = world.get(path).await.json();
        assert_eq!((&reply[flag], reply["items"].as_array().unwrap().len()), (&json!(false), 1), "{reply}");
        let text = reply["damaged"][0].as_str().unwrap();
        assert!(text.contains("ETH_USDT") && !text.contains("/tmp"), "{text}");
    }
    let listed = world.get("/api/v1/symbols").await.json();
    assert_eq!(
        (listed["items"].as_array().unwrap().len(), &listed["items"][0]["symbol"]),
        (1, &json!("BTC/USDT:USDT"))
    );
    assert!(listed["damaged"][0].as_str().unwrap().contains("ETH_USDT"), "{listed}");
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn versions_rollback_and_snapshots() {
    let world = World::new();
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..24).await;
    let snapshot = world.post("/api/v1/snapshots", r#"{"name": "before"}"#).await;
    assert_eq!((snapshot.status, &snapshot.json()["versions"]), (201, &json!({"BTC_USDT_USDT_1h": 1})));
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..48).await;
    let versions = world.get("/api/v1/symbols/BTC_USDT_USDT_1h/versions").await.json();
    assert_eq!((&versions["items"][0]["version"], &versions["items"][0]["rows"]), (&json!(2), &json!(48)));
    let rollback = world.post("/api/v1/symbols/BTC_USDT_USDT_1h/rollback", r#"{"version": 1}"#).await.json();
    assert_eq!(
        (&rollback["version"], &rollback["rows"], &rollback["changed"]),
        (&json!(3), &json!(24), &json!(true))
    );
    let held = world.get(&format!("/api/v1/ohlcv?{BTC}&snapshot=before")).await.json();
    assert_eq!(held["version"], 1);
    let taken = world.post("/api/v1/snapshots", r#"{"name": "before"}"#).await.problem();
    assert_eq!((taken.0, taken.1.as_str()), (409, "RES002"));
    assert_eq!(world.get("/api/v1/snapshots").await.json()["items"][0]["name"], "before");
    let none = world.post("/api/v1/symbols/BTC_USDT_USDT_1h/rollback", r#"{"version": 9}"#).await.problem();
    assert!(none.0 == 404 && none.2.contains("readable versions: 1-3"), "{none:?}");
}

#[tokio::test]
async fn discovery_status_and_what_the_exchange_says_now() {
    let world = World::new();
    let exchanges = world.get("/api/v1/exchanges").await.json();
    let first = &exchanges["items"][0];
    assert_eq!((&first["exchange"], &first["default"]), (&json!("binance_futures"), &json!(true)));
    let markets =
        world.get("/api/v1/exchanges/binance_futures/markets?limit=2&active=true&quote=USDT").await.json();
    assert_eq!(markets["items"][1]["symbol"], "BTC/USDT:USDT");
    let cursor = markets["next_cursor"].as_str().unwrap();
    let path =
        format!("/api/v1/exchanges/binance_futures/markets?limit=2&active=true&quote=USDT&cursor={cursor}");
    assert_eq!(world.get(&path).await.json()["items"][0]["symbol"], "ETH/USDT:USDT");
    assert_eq!(world.get("/api/v1/timeframes").await.json()["items"][0]["seconds"], 60);
    world.sync(r#"["BTC/USDT:USDT"]"#, 0..24).await;
    let status = world.get("/api/v1/status").await.json();
    assert_eq!(
        (&status["jobs"]["completed"], &status["exchanges"][0]["breaker"]),
        (&json!(1), &json!("open"))
    );
    assert_eq!(status["exchanges"][0]["rate_capacity"], 2_400);
    let funding = world.get("/api/v1/funding?symbols=BTC/USDT:USDT").await.json();
    assert_eq!(funding["items"][0]["rate"], "0.00010000");
    let tickers = world.get("/api/v1/tickers").await;
    assert_eq!(tickers.problem().0, 503);
    assert!(
        !tickers.text.contains("10.0.0.7"),
        "what the exchange's client says stays inside: {}",
        tickers.text
    );
}

#[tokio::test]
async fn probes_and_metrics() {
    let world = World::new();
    world.sync(r#"["BTC/USDT:USDT", "NOPE/USDT:USDT"]"#, 0..24).await;
    let metrics = world.get("/metrics").await.text;
    for line in [
        r#"tradai_sync_candles_total{exchange="binance_futures"} 24"#,
        r#"tradai_sync_series_total{exchange="binance_futures",status="failed"} 1"#,
        r#"tradai_sync_jobs_total{exchange="binance_futures",status="completed"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert_eq!(world.get("/api/v1/ready").await.status, 200);
    world.exchange.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let world = World { ..world };
    assert_eq!(
        world.get("/api/v1/ready").await.status,
        200,
        "what is stored can be read without the exchange"
    );
}

#[tokio::test]
async fn viewers_read_and_traders_collect() {
    // Hash of the key `look`: printf look | b3sum.
    let hash = tradai_service_key_hash("look");
    let keys = format!("reader:viewer:{hash}");
    let world = World::with(&settings(&[("DATA_COLLECTION_API_KEYS", keys.as_str())]));
    let with_key = |mut request: Request<Body>| {
        request.headers_mut().insert("x-api-key", "look".parse().unwrap());
        request
    };
    let read = with_key(Request::get("/api/v1/symbols").body(Body::empty()).unwrap());
    assert_eq!(world.send(read).await.status, 200);
    let body = r#"{"symbols": ["BTC/USDT:USDT"], "timeframe": "1h", "start": "2024-01-01"}"#;
    for path in ["/api/v1/sync", "/api/v1/ensure"] {
        let collect = with_key(json_request("POST", path, body));
        assert_eq!(world.send(collect).await.problem().1, "AUTH002");
    }
    assert_eq!(world.get("/api/v1/symbols").await.problem().1, "AUTH001");
}

/// The hash of an API key as settings have it.
fn tradai_service_key_hash(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().to_string()
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_reply() {
    let world = World::new();
    let request = || {
        let body = r#"{"symbols": ["BTC/USDT:USDT"], "timeframe": "1h", "start": "2024-01-01"}"#;
        let mut request = json_request("POST", "/api/v1/sync", body);
        request.headers_mut().insert("idempotency-key", "once".parse().unwrap());
        request
    };
    let (first, second) = (world.send(request()).await, world.send(request()).await);
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(first.json(), second.json());
    assert_eq!(world.get("/api/v1/sync").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_version_names_the_commit_that_was_built() {
    let commit = Some(env!("TRADAI_GIT_COMMIT")).filter(|commit| !commit.is_empty());
    assert_eq!(World::new().get("/api/v1/version").await.json()["git_commit"], json!(commit));
}
