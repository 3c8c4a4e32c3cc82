//! The OpenAPI document: what is checked in is what the service serves.

use tradai_testkit::openapi;

use crate::support::World;

/// Paths of the design, and their methods.
const DESIGN: &[(&str, &str)] = &[
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
    ("/api/v1/backtests/{job_id}/verification", "get delete"),
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
    ("/api/v1/batches", "get post"),
    ("/api/v1/batches/{batch_id}", "get"),
    ("/api/v1/batches/{batch_id}/cancel", "post"),
    ("/api/v1/workflows", "get"),
    ("/api/v1/workflows/{execution}", "get"),
    ("/api/v1/workflows/{execution}/history", "get"),
    ("/api/v1/workflows/{execution}/stop", "post"),
    ("/api/v1/strategies/{name}/stage", "post"),
    ("/api/v1/api-keys", "get post"),
    ("/api/v1/api-keys/{id}", "get delete"),
    ("/api/v1/health", "get"),
    ("/api/v1/ready", "get"),
];

#[tokio::test]
async fn the_document_is_checked_in_and_has_every_path_of_the_design() {
    let world = World::new();
    let served = world.get("/openapi.json").await.text;
    let document = openapi(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &served, DESIGN);
    assert_eq!(document["paths"]["/api/v1/backtest"]["post"]["deprecated"], true);
}
