//! The checked-in OpenAPI document is what the service serves.

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
async fn it_is_openapi_3_1_and_every_path_of_jobs_is_there() {
    let world = World::new();
    let spec = world.get("/openapi.json").await.json();
    assert_eq!(spec["openapi"], "3.1.0");
    for (path, methods) in [
        ("/api/v1/backtests", "get post"),
        ("/api/v1/backtest", "post"),
        ("/api/v1/backtests/{job_id}", "get delete"),
        ("/api/v1/backtests/{job_id}/cancel", "post"),
        ("/api/v1/backtests/{job_id}/equity", "get"),
        ("/api/v1/backtests/{job_id}/trades", "get"),
        ("/api/v1/backtests/{job_id}/metrics", "get"),
        ("/api/v1/backtests/{job_id}/report-data", "get"),
        ("/api/v1/backtests/{job_id}/report.html", "get"),
        ("/api/v1/backtests/{job_id}/manifest", "get"),
        ("/api/v1/backtests/{job_id}/logs", "get"),
        ("/api/v1/backtests/{job_id}/verify", "post"),
        ("/api/v1/backtests/{job_id}/events", "get"),
        ("/api/v1/backtests/compare", "post"),
        ("/api/v1/jobs/events", "get"),
        ("/ws/backtests/{job_id}", "get"),
        ("/ws/jobs", "get"),
        ("/api/v1/strategies", "get"),
        ("/api/v1/strategies/{name}", "get"),
        ("/api/v1/traces/{trace_id}", "get"),
        ("/api/v1/executors", "get"),
        ("/api/v1/audit", "get"),
        ("/api/v1/health", "get"),
        ("/api/v1/ready", "get"),
    ] {
        for method in methods.split(' ') {
            assert!(spec["paths"][path][method].is_object(), "{method} {path}");
        }
    }
    assert_eq!(spec["paths"]["/api/v1/backtest"]["post"]["deprecated"], true);
}
