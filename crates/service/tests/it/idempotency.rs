//! `Idempotency-Key`, end to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tradai_service::axum::body::Body;
use tradai_service::axum::http::{Request, StatusCode};
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::{App, Service, Shutdown, StoredIdempotency};

use crate::api::{Reply, loopback, send, service};

fn counted() -> (App, Arc<AtomicUsize>) {
    let count = Arc::default();
    (service(&loopback(), &Shutdown::manual(), &count).build(), count)
}

async fn post(app: &App, path: &str, key: Option<&str>, body: &str) -> Reply {
    let mut request = Request::post(path);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_repetition_gets_the_first_reply_and_makes_nothing() {
    let (app, count) = counted();
    let first = post(&app, "/count", Some("k"), "x").await;
    assert_eq!(
        (first.status, first.text.as_str(), first.header("idempotency-replayed")),
        (201, "made 1", "")
    );
    let again = post(&app, "/count", Some("k"), "x").await;
    assert_eq!(
        (again.status, again.text.as_str(), again.header("idempotency-replayed")),
        (201, "made 1", "true")
    );
    assert_eq!(again.header("location"), "/x");
    assert_ne!(again.header("traceparent"), first.header("traceparent"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(post(&app, "/count", Some("other"), "x").await.text, "made 2");
    assert_eq!(post(&app, "/count", None, "x").await.text, "made 3");
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let (app, _) = counted();
    post(&app, "/count", Some("k"), "x").await;
    let reply = post(&app, "/count", Some("k"), "y").await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "VAL006"));
    assert_eq!(post(&app, "/count?a=b", Some("k"), "x").await.code(), "VAL006");
}

#[tokio::test]
async fn a_repetition_meanwhile_is_a_conflict() {
    let (app, count) = counted();
    let first = post(&app, "/slow", Some("k"), "x");
    let second = async {
        while count.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        post(&app, "/slow", Some("k"), "x").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.text, "x");
    assert_eq!((second.status, second.code().as_str()), (409, "RES006"));
}

#[tokio::test]
async fn a_client_that_went_away_finds_its_reply() {
    let (app, count) = counted();
    let first = tokio::time::timeout(Duration::from_millis(50), post(&app, "/slow", Some("k"), "x")).await;
    assert!(first.is_err());
    let reply = loop {
        let reply = post(&app, "/slow", Some("k"), "x").await;
        if reply.status != 409 {
            break reply;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((reply.text.as_str(), reply.header("idempotency-replayed")), ("x", "true"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failures_and_panics_may_be_tried_again() {
    let (app, count) = counted();
    assert_eq!(post(&app, "/count", Some("k"), "refuse").await.code(), "RES002");
    assert_eq!(post(&app, "/count", Some("k"), "refuse").await.code(), "RES002");
    assert_eq!(post(&app, "/count", Some("p"), "panic").await.code(), "SYS001");
    assert_eq!(post(&app, "/count", Some("p"), "panic").await.code(), "SYS001");
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn keys_must_be_printable_and_short() {
    let (app, _) = counted();
    for key in ["", &"k".repeat(256), "a\tb"] {
        let reply = post(&app, "/count", Some(key), "x").await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "VAL002"), "{key:?}");
        assert_eq!(reply.json()["errors"][0]["in"], "header");
    }
}

/// The service as it is after its process was started again, over the same state.
fn restarted(folder: &std::path::Path, count: &Arc<AtomicUsize>) -> App {
    let database = tradai_embedded::Database::open(&folder.join("state.db")).unwrap();
    let repository = Arc::new(tradai_embedded::SqliteIdempotency::new(database));
    let counted = count.clone();
    let counting = tradai_service::axum::routing::post(move |body: String| async move {
        let count = counted.fetch_add(1, Ordering::SeqCst) + 1;
        match body.as_str() {
            "refuse" => (StatusCode::CONFLICT, [("location", "/x")], Vec::new()),
            // No text: a reply may be any bytes.
            _ => (StatusCode::CREATED, [("location", "/x")], vec![0xff, b'0' + u8::try_from(count).unwrap()]),
        }
    });
    Service::new("test", "1.2.3", &loopback(), &Shutdown::manual())
        .idempotent_routes(
            OpenApiRouter::new().route("/made", counting),
            Arc::new(StoredIdempotency::new(repository)),
        )
        .build()
}

#[tokio::test]
async fn a_stored_reply_outlives_the_process() {
    let (folder, count) = (tempfile::tempdir().unwrap(), Arc::default());
    let first = post(&restarted(folder.path(), &count), "/made", Some("k"), "x").await;
    let app = restarted(folder.path(), &count);
    let again = post(&app, "/made", Some("k"), "x").await;
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!((again.status, &again.text, again.header("location")), (201, &first.text, "/x"));
    assert_eq!(post(&app, "/made", Some("k"), "y").await.code(), "VAL006");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    // What was refused is not kept.
    for _ in 0..2 {
        assert_eq!(post(&app, "/made", Some("other"), "refuse").await.status, 409);
    }
    assert_eq!(count.load(Ordering::SeqCst), 3);
}
