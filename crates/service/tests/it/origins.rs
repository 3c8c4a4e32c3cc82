//! What pages of other addresses may have done: nothing.

use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_service::axum::http::request::Builder;

use crate::api::{app, loopback, send};

async fn status(request: Builder, origins: &[&str]) -> u16 {
    let mut settings = loopback();
    settings.cors_origins = origins.iter().map(ToString::to_string).collect();
    let request = request.header("host", "localhost:8000").body(Body::from("x")).unwrap();
    let reply = send(&app(&settings), request).await;
    if reply.status == 403 {
        assert!(reply.code() == "AUTH002" && reply.text.contains("CORS_ORIGINS"), "{}", reply.text);
    }
    reply.status
}

#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    for origin in
        ["https://evil.example", "null", "http://localhost:3000", "http://localhost:8000.evil.example"]
    {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let request = Request::builder().method(method).uri("/raw").header("origin", origin);
            assert_eq!(status(request, &["https://app.example"]).await, 403, "{method} {origin}");
        }
    }
}

#[tokio::test]
async fn own_and_allowed_pages_and_other_programs_do() {
    assert_eq!(status(Request::post("/raw"), &[]).await, 200);
    assert_eq!(status(Request::post("/raw").header("origin", "http://localhost:8000"), &[]).await, 200);
    let allowed = Request::post("/raw").header("origin", "https://app.example");
    assert_eq!(status(allowed, &["https://app.example"]).await, 200);
}

/// What a page may call it may read, whatever came of it.
#[tokio::test]
async fn an_allowed_page_reads_failures_too() {
    let mut settings = loopback();
    settings.cors_origins = vec!["https://app.example".to_owned()];
    let app = app(&settings);
    for (path, status) in [("/number/7", 200), ("/nowhere", 404), ("/panic", 500)] {
        let request = Request::get(path).header("host", "localhost").header("origin", "https://app.example");
        let reply = send(&app, request.body(Body::empty()).unwrap()).await;
        let read_by = reply.header("access-control-allow-origin");
        assert_eq!((reply.status, read_by), (status, "https://app.example"), "{path}");
    }
}

#[tokio::test]
async fn a_foreign_page_opens_no_socket_and_may_send_a_get() {
    let get = || Request::get("/number/7").header("origin", "https://evil.example");
    assert_eq!(status(get(), &[]).await, 200);
    assert_eq!(status(get().header("upgrade", "websocket"), &[]).await, 403);
}
