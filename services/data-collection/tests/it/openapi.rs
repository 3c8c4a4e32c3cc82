//! The OpenAPI document: what is checked in is what the service serves.

use tradai_testkit::openapi;

use crate::support::World;

/// Paths of the design, and their methods.
const DESIGN: &[(&str, &str)] = &[
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
];

#[tokio::test]
async fn the_document_is_checked_in_and_has_every_path_of_the_design() {
    let world = World::new();
    let served = world.get("/openapi.json").await.text;
    openapi(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &served, DESIGN);
    let page = world.get("/docs/").await;
    assert!(page.status == 200 && !page.text.contains("https://"), "the page must work offline");
}
