//! Requests that make no sense, ask for too much, or are not even requests.

use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::support::{World, settings};

async fn refused(world: &World, body: &str) -> (u16, String, String) {
    world.post("/api/v1/sync", body).await.problem()
}

#[tokio::test]
async fn every_wrong_value_is_named_at_once() {
    let world = World::new();
    let body = r#"{"exchange": "Kraken!", "symbols": ["BTC/USDT:USDT", "btc", "A/B/C"], "timeframe": "7m",
                   "start": "yesterday", "mode": "all", "price": "last"}"#;
    let (status, code, errors) = refused(&world, body).await;
    assert_eq!((status, code.as_str()), (422, "VAL002"));
    for pointer in ["/exchange ", "/symbols/1 ", "/symbols/2 ", "/timeframe ", "/start ", "/mode ", "/price "]
    {
        assert!(errors.contains(pointer), "{pointer} in {errors}");
    }
    let body = r#"{"exchange": "kraken", "symbols": [], "timeframe": "1h", "start": "2024-02-01", "end": "2024-01-01"}"#;
    let (_, _, errors) = refused(&world, body).await;
    assert!(
        errors.contains(
            "/exchange `kraken` is not configured here; configured are binance_futures, okx_futures"
        )
    );
    assert!(errors.contains("/symbols at least one is needed"), "{errors}");
    assert!(errors.contains("/end ") && errors.contains("is not after the start, 2024-02-01"), "{errors}");
}

#[tokio::test]
async fn bodies_that_are_none() {
    let world = World::new();
    let (status, code, detail) = refused(&world, r#"{"symbols": ["BTC/USDT"], "#).await;
    assert_eq!((status, code.as_str()), (400, "VAL001"));
    assert!(detail.contains("line 1"), "{detail}");
    let (status, _, errors) = refused(&world, r#"{"timeframe": "1h", "start": "2024-01-01"}"#).await;
    assert!(status == 422 && errors.contains("/symbols missing field"), "{errors}");
    let (status, _, errors) = refused(&world, r#"{"simbols": [], "timeframe": "1h"}"#).await;
    assert!(status == 422 && errors.contains("/simbols unknown field"), "{errors}");
    let plain = Request::post("/api/v1/sync").body(Body::from("x")).unwrap();
    assert_eq!(world.send(plain).await.status, 415);
    let body = r#"{"symbols": ["BTC/USDT:USDT"], "timeframe": "1h", "start": "2024-01-01"}"#;
    let waits = world.post("/api/v1/sync?wait=99", body).await;
    assert_eq!(waits.problem().2, "/wait expected a number from 0 to 25");
}

#[tokio::test]
async fn ten_years_of_minutes_of_500_symbols_name_the_limit() {
    let world = World::new();
    let symbols: Vec<String> = (0..500).map(|at| format!("\"A{at}/USDT:USDT\"")).collect();
    let symbols = symbols.join(",");
    let body = format!(r#"{{"symbols": [{symbols}], "timeframe": "1m", "start": "2014-01-01"}}"#);
    for path in ["/api/v1/sync", "/api/v1/ensure"] {
        let (status, _, errors) = world.post(path, &body).await.problem();
        assert!(status == 422 && errors.contains("more than one request may: 25000000"), "{errors}");
    }
    let world = World::with(&settings(&[("DATA_COLLECTION_MAX_SYMBOLS", "2")]));
    let body = r#"{"symbols": ["A/U", "B/U", "C/U"], "timeframe": "1h", "start": "2024-01-01"}"#;
    assert!(refused(&world, body).await.2.contains("3 symbols are more than one request may have: 2"));
}

#[tokio::test]
async fn queries_that_ask_for_nothing() {
    let world = World::new();
    for (path, status, text) in [
        ("/api/v1/ohlcv?symbol=X/Y&timeframe=1h", 404, "nothing is stored of X/Y 1h spot"),
        ("/api/v1/ohlcv?symbol=X&timeframe=1h", 422, "/symbol `X` is not a symbol"),
        ("/api/v1/ohlcv?symbol=X/Y&timeframe=1h&limit=0", 422, "/limit expected a number from 1 to 10000"),
        ("/api/v1/ohlcv?symbol=X/Y&timeframe=1h&version=0", 422, "/version expected a number from 1 on"),
        ("/api/v1/ohlcv?symbol=X/Y&timeframe=1h&version=1&as_of=2024-01-01", 422, "only one of version"),
        ("/api/v1/ohlcv?symbol=X/Y&timeframe=1h&format=xls", 422, "one of csv, parquet, feather"),
        ("/api/v1/ohlcv?symbol=X/Y&timeframe=1h&start=2024-02-01&end=2024-01-01", 422, "/end is not after"),
        ("/api/v1/ohlcv?symbol=X/Y&timeframe=1h&cursor=AAAA", 422, "/cursor is not a cursor of this list"),
        ("/api/v1/coverage?symbols=X/Y", 422, "/timeframe is needed with symbols"),
        ("/api/v1/gaps?symbol=X/Y&timeframe=1h", 404, "nothing is stored"),
        ("/api/v1/quality?symbol=X/Y&timeframe=1h", 404, "nothing is stored"),
        ("/api/v1/symbols/..%2F..%2Fx/versions", 422, "/key is no series"),
        ("/api/v1/symbols/BTC_USDT_1h/versions", 404, "nothing is stored"),
        ("/api/v1/exchanges/kraken/markets", 422, "`kraken` is not configured"),
        ("/api/v1/sync/x", 404, "no such sync job"),
        ("/api/v1/nothing", 404, "nothing at this path"),
    ] {
        let (found, _, detail) = world.get(path).await.problem();
        assert!(found == status && detail.contains(text), "{path}: {found} {detail}");
    }
}

#[tokio::test]
async fn files_that_are_none() {
    let world = World::new();
    let import = async |format: &str, bytes: &[u8]| {
        let path = format!("/api/v1/import?symbol=BTC/USDT&timeframe=1h&format={format}");
        world.send(Request::post(path).body(Body::from(bytes.to_vec())).unwrap()).await.problem()
    };
    for (format, bytes, text) in [
        ("parquet", b"PAR1 and nothing else".as_slice(), "the file"),
        ("csv", b"timestamp,open,high,low,close,volume\n1704067200000,1,2,3,1,1\n", "high 2 is below low 3"),
        (
            "csv",
            b"timestamp,open,high,low,close,volume\n1704067200001,1,2,1,1,1\n",
            "does not open on the 1h grid",
        ),
        ("csv", b"a,b\n1,2\n", "the file"),
        ("xls", b"", "/format `xls` is not known"),
    ] {
        let (status, _, detail) = import(format, bytes).await;
        assert!(status == 422 && detail.contains(text) && !detail.contains("tmp"), "{format}: {detail}");
    }
    let large = import("csv", &vec![b'1'; 2 * 1024 * 1024]).await;
    assert_eq!((large.0, large.1.as_str()), (413, "VAL004"));
}
