//! The checked-in OpenAPI document is what the service serves.

use std::collections::BTreeSet;

use crate::support::World;

#[tokio::test]
async fn the_document_is_checked_in() {
    let world = World::new();
    let served = world.get("/openapi.json").await.text;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &served).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    let first = served.lines().zip(checked_in.lines()).find(|(served, checked_in)| served != checked_in);
    assert!(served == checked_in, "UPDATE_SNAPSHOTS=1 writes {path}; the first difference is {first:?}");
}

#[tokio::test]
async fn it_is_openapi_3_1_and_every_path_of_the_design_is_there() {
    let world = World::new();
    let spec = world.get("/openapi.json").await.json();
    assert_eq!(spec["openapi"], "3.1.0");
    for (path, methods) in [
        ("/api/v1/sync", "get post"),
        ("/api/v1/sync/incremental", "post"),
        ("/api/v1/sync/{job_id}", "get"),
        ("/api/v1/sync/{job_id}/cancel", "post"),
        ("/api/v1/ensure", "post"),
        ("/api/v1/ohlcv", "get"),
        ("/api/v1/symbols", "get"),
        ("/api/v1/symbols/{key}/versions", "get"),
        ("/api/v1/symbols/{key}/rollback", "post"),
        ("/api/v1/exchanges", "get"),
        ("/api/v1/exchanges/{exchange}/markets", "get"),
        ("/api/v1/timeframes", "get"),
        ("/api/v1/freshness", "get"),
        ("/api/v1/coverage", "get"),
        ("/api/v1/gaps", "get"),
        ("/api/v1/quality", "get"),
        ("/api/v1/status", "get"),
        ("/api/v1/snapshots", "get post"),
        ("/api/v1/funding", "get"),
        ("/api/v1/tickers", "get"),
        ("/api/v1/schedules", "get put"),
        ("/api/v1/import", "post"),
        ("/api/v1/export", "post"),
        ("/api/v1/health", "get"),
        ("/api/v1/ready", "get"),
        ("/ws/ohlcv", "get"),
        ("/ws/tickers", "get"),
    ] {
        for method in methods.split(' ') {
            assert!(spec["paths"][path][method].is_object(), "{method} {path}");
        }
    }
    let mut names = BTreeSet::new();
    let items = spec["paths"].as_object().unwrap().values();
    for operation in items.flat_map(|item| item.as_object().unwrap().values()) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} names two operations");
    }
    let page = world.get("/docs/").await;
    assert!(page.status == 200 && !page.text.contains("https://"), "the page must work offline");
}
