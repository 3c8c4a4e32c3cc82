//! Ids, headers, failures, logs: what the boundary does to every request.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;
use tradai_platform::telemetry;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::api::{app, fetch, loopback, send};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The log of all tests: subscribers of single threads miss events while others come and go.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::registry().with(telemetry::json(move || writer.clone()));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines of one trace.
    fn lines(&self, trace_id: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(trace_id)).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sends a request under a trace of its own, and returns what was logged about it.
async fn logged(path: &str, trace_id: &str) -> Vec<String> {
    LazyLock::force(&LOG);
    let request = Request::get(path)
        .header("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01"))
        .header("authorization", "Bearer topsecret");
    send(&app(&loopback()), request.body(Body::empty()).unwrap()).await;
    LOG.lines(trace_id)
}

#[tokio::test]
async fn ids_are_taken_returned_and_handed_on() {
    let app = app(&loopback());
    let request = Request::get("/trace").header("traceparent", PARENT).header("x-correlation-id", "mine");
    let reply = send(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.text, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(reply.header("traceparent").starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert_eq!(reply.header("x-correlation-id"), "mine");
    assert!(reply.header("server-timing").starts_with("app;dur="));
    assert_eq!(reply.header("cache-control"), "no-store");
    let reply = fetch(&app, "/trace").await;
    assert_eq!(reply.header("x-correlation-id"), reply.text);
}

#[tokio::test]
async fn kinds_of_errors_become_statuses_and_inner_texts_stay_inside() {
    let app = app(&loopback());
    for (kind, status, code) in [
        ("invalid", 422, "VAL002"),
        ("not_found", 404, "RES001"),
        ("conflict", 409, "RES002"),
        ("data", 500, "SYS005"),
        ("unavailable", 503, "EXT001"),
        ("internal", 500, "SYS001"),
    ] {
        let reply = fetch(&app, &format!("/fail/{kind}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert!(!reply.text.contains("hunter2"), "{}", reply.text);
        assert_eq!(reply.text.contains("/secret/path"), status < 500, "{}", reply.text);
    }
    let reply = fetch(&app, "/bare").await;
    assert_eq!((reply.status, reply.code().as_str()), (500, "SYS001"));
    assert!(!reply.text.contains("/etc/x"));
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_service_goes_on() {
    let app = app(&loopback());
    let reply = fetch(&app, "/panic").await;
    assert_eq!((reply.status, reply.code().as_str()), (500, "SYS001"));
    assert!(!reply.text.contains("secret of the panic"));
    assert_eq!(fetch(&app, "/filter?limit=1").await.status, 200);
}

#[tokio::test]
async fn what_is_not_sent_is_logged_once_with_its_sources_and_the_trace() {
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e0001";
    let lines = logged("/fail/data", trace_id).await;
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<&Value> = events.iter().filter(|event| event["level"] == "ERROR").collect();
    assert_eq!(failed.len(), 1, "{lines:#?}");
    assert_eq!(failed[0]["code"], "SYS005");
    assert_eq!(failed[0]["error"], "cannot open /secret/path: password=hunter2");
    assert_eq!(lines.iter().filter(|line| line.contains("hunter2")).count(), 1);
    for event in &events {
        assert_eq!(event["spans"][0]["trace_id"], trace_id);
        assert_eq!(event["spans"][0]["route"], "/fail/{kind}");
        assert_eq!(event["spans"][0]["path"], "/fail/data");
    }
}

#[tokio::test]
async fn keys_and_queries_never_reach_the_log() {
    let lines = logged("/caller?token=topsecret", "4bf92f3577b34da6a3ce929d0e0e0002").await;
    assert!(!lines.is_empty() && !lines.concat().contains("topsecret"), "{lines:#?}");
}

#[tokio::test]
async fn large_replies_are_compressed_where_asked_and_problems_stay_readable() {
    let app = app(&loopback());
    let request = Request::get("/letters/10000").header("accept-encoding", "gzip");
    let reply = send(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.header("content-encoding"), "gzip");
    assert!(reply.text.len() < 1000);
    assert_eq!(fetch(&app, "/letters/10000").await.text.len(), 10_000);
}

#[tokio::test]
async fn replies_are_compressed_from_one_kibibyte_on() {
    let app = app(&loopback());
    for (count, encoding) in [(0, ""), (1023, ""), (1024, "gzip")] {
        let request = Request::get(format!("/letters/{count}")).header("accept-encoding", "gzip");
        let reply = send(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.header("content-encoding"), encoding, "{count} bytes");
    }
}

#[tokio::test]
async fn only_listed_origins_may_read() {
    let mut settings = loopback();
    settings.cors_origins = vec!["https://ours.example".to_owned()];
    let app = app(&settings);
    let ask = async |origin: &str| {
        let request = Request::get("/filter?limit=1").header("origin", origin);
        send(&app, request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(
        ask("https://ours.example").await.header("access-control-allow-origin"),
        "https://ours.example"
    );
    assert_eq!(ask("https://other.example").await.header("access-control-allow-origin"), "");
    let preflight = Request::options("/api/v1/orders")
        .header("origin", "https://ours.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "idempotency-key");
    let reply = send(&app, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("access-control-allow-headers").contains("idempotency-key"));
}
