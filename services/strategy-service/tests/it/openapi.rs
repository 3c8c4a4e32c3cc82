//! The checked-in OpenAPI document is what the service serves.

use std::collections::BTreeSet;

use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::support::World;

async fn served() -> String {
    World::new().send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.text
}

#[tokio::test]
async fn the_document_is_checked_in() {
    let served = served().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &served).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    let first = served.lines().zip(checked_in.lines()).find(|(served, checked_in)| served != checked_in);
    assert!(served == checked_in, "UPDATE_SNAPSHOTS=1 writes {path}; the first difference is {first:?}");
}

#[tokio::test]
async fn every_path_of_the_design_is_there_and_operations_have_names_of_their_own() {
    let spec: serde_json::Value = serde_json::from_str(&served().await).unwrap();
    assert_eq!(spec["openapi"], "3.1.0");
    for (path, methods) in [
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
    ] {
        for method in methods.split(' ') {
            assert!(spec["paths"][path][method].is_object(), "{method} {path}");
        }
    }
    let mut ids = BTreeSet::new();
    let items = spec["paths"].as_object().unwrap().values();
    for operation in items.flat_map(|item| item.as_object().unwrap().values()) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} names two operations");
    }
}
