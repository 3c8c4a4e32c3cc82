//! Requests that do not fit, and what is said about them.

use tradai_service::Code;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::api::{app, fetch, loopback, post_json, send};

#[tokio::test]
async fn a_body_that_fits_is_taken() {
    let reply =
        post_json(&app(&loopback()), "/api/v1/orders", r#"{"symbols": ["BTC/USDT"], "limit": 5}"#).await;
    assert_eq!((reply.status, reply.header("location")), (201, "/api/v1/orders/1"));
    assert_eq!(reply.json()["limit"], 5);
}

#[tokio::test]
async fn broken_json_is_malformed_at_a_position() {
    let app = app(&loopback());
    for (body, place) in [
        ("{\"symbols\": [\n \"a\",, ]}", "line 2, column 6"),
        ("", "line 1, column 0"),
        ("{\"symbols\": [], \"limit\": 1} x", "line 1, column 29"),
    ] {
        let reply = post_json(&app, "/api/v1/orders", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "VAL001"));
        assert!(reply.json()["detail"].as_str().unwrap().contains(place), "{}", reply.text);
    }
}

#[tokio::test]
async fn values_that_are_not_allowed_are_pointed_at() {
    let app = app(&loopback());
    for (body, pointer) in [
        (r#"{"symbols": [], "limit": 1, "limt": 2}"#, "/limt"),
        (r#"{"symbols": [1], "limit": 1}"#, "/symbols/0"),
        (r#"{"symbols": [], "limit": -1}"#, "/limit"),
        (r#"{"symbols": []}"#, "/limit"),
        (r#"{"symbols": [], "limit": 1, "nested": {"value": "x"}}"#, "/nested/value"),
        (r#"{"symbols": [], "limit": 1, "nested": {"a/b": 1}}"#, "/nested/a~1b"),
        (r#"{"symbols": [], "limit": 1, "limit": 2}"#, "/limit"),
        ("[]", ""),
    ] {
        let reply = post_json(&app, "/api/v1/orders", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "VAL002"), "{body}");
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer, "{}", reply.text);
        assert_eq!(reply.json()["errors"][0]["in"], "body");
        assert!(!reply.json()["errors"][0]["reason"].as_str().unwrap().contains("line"), "{}", reply.text);
    }
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let app = app(&loopback());
    for kind in [None, Some("text/plain"), Some("application/jsonx"), Some("multipart/form-data")] {
        let mut request = Request::post("/api/v1/orders");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let reply = send(&app, request.body(Body::from("{}")).unwrap()).await;
        assert_eq!((reply.status, reply.code().as_str()), (415, "VAL003"));
    }
    let request =
        Request::post("/api/v1/orders").header("content-type", "application/vnd.x+json; charset=utf-8");
    let body = Body::from(r#"{"symbols": [], "limit": 1}"#);
    assert_eq!(send(&app, request.body(body).unwrap()).await.status, 201);
}

#[tokio::test]
async fn large_bodies_are_refused_by_every_extractor() {
    let mut settings = loopback();
    settings.limits.body_bytes = 100;
    let app = app(&settings);
    let body = format!("{:>200}", "{}");
    for path in ["/api/v1/orders", "/raw", "/count"] {
        let reply = post_json(&app, path, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (413, "VAL004"), "{path}");
    }
    let keyed = Request::post("/count").header("idempotency-key", "k").body(Body::from(body)).unwrap();
    assert_eq!(send(&app, keyed).await.code(), "VAL004");
}

#[tokio::test]
async fn queries_and_paths_are_pointed_at_too() {
    let app = app(&loopback());
    assert_eq!(fetch(&app, "/filter?limit=3").await.text, "3");
    for (path, place, pointer) in [
        ("/filter?limit=x", "query", "/limit"),
        ("/filter?limit=1&x=2", "query", "/x"),
        ("/filter", "query", "/limit"),
        ("/number/x", "path", "/number"),
    ] {
        let reply = fetch(&app, path).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "VAL002"), "{path} {}", reply.text);
        assert_eq!(reply.json()["errors"][0]["in"], place, "{}", reply.text);
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer, "{path}: {}", reply.text);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let app = app(&loopback());
    assert_eq!(fetch(&app, "/nowhere").await.code(), "RES003");
    assert_eq!(fetch(&app, "/api/v1/nowhere").await.code(), "RES003");
    let reply = fetch(&app, "/api/v1/orders").await;
    assert_eq!((reply.status, reply.code().as_str(), reply.header("allow")), (405, "RES004", "POST"));
}

#[test]
fn every_code_is_documented() {
    let mut text = String::from(
        "# Problems\n\nEvery failure is answered with `application/problem+json` (RFC 9457); `code` is one of these. \
         Written by `UPDATE_SNAPSHOTS=1 cargo test -p tradai-service`.\n\n| code | status | title | meaning |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let status = code.status().as_u16();
        text.push_str(&format!("| {} | {status} | {} | {} |\n", code.id(), code.title(), code.meaning()));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/problems.md");
    tradai_testkit::checked_in(path, &text);
}
