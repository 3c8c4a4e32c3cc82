//! The OpenAPI document: what is checked in is what the service serves.

use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_testkit::openapi;

use crate::support::World;

/// Paths of the design, and their methods.
const DESIGN: &[(&str, &str)] = &[
    ("/api/v1/strategies", "get"),
    ("/api/v1/strategies/{name}", "get"),
    ("/api/v1/strategies/validate", "post"),
    ("/api/v1/strategies/merge", "post"),
    ("/api/v1/strategies/schema", "get"),
    ("/api/v1/strategies/{name}/register", "post"),
    ("/api/v1/strategies/{name}/configs", "get post"),
    ("/api/v1/strategies/{name}/configs/{config_id}", "get"),
    ("/api/v1/strategies/{name}/configs/{config_id}/activate", "post"),
    ("/api/v1/strategies/{name}/configs/{config_id}/deprecate", "post"),
    ("/api/v1/strategies/{name}/configs/active", "get"),
    ("/api/v1/strategies/{name}/configs/diff", "get"),
    ("/api/v1/strategies/{name}/resolved-config", "get"),
    ("/api/v1/indicators", "get"),
    ("/api/v1/health", "get"),
    ("/api/v1/ready", "get"),
];

#[tokio::test]
async fn the_document_is_checked_in_and_has_every_path_of_the_design() {
    let world = World::new();
    let served = world.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.text;
    openapi(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &served, DESIGN);
}
