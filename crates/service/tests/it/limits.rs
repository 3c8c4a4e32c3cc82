//! Too much, too often, too slow, and not allowed.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tradai_platform::settings::sections::{ApiKeySetting, AuthSettings, HttpSettings};
use tradai_service::axum::Extension;
use tradai_service::axum::body::Body;
use tradai_service::axum::extract::ConnectInfo;
use tradai_service::axum::http::Request;
use tradai_service::axum::routing::get;
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::{HoldBack, Service, Shutdown};

use crate::api::{Reply, app, fetch, loopback, send};

fn with_key(key: &str, role: &str) -> HttpSettings {
    let setting: ApiKeySetting =
        format!("ann:{role}:{}", blake3::hash(key.as_bytes()).to_hex()).parse().unwrap();
    let mut settings = loopback();
    settings.auth = AuthSettings::keys(vec![setting]);
    settings
}

#[tokio::test(start_paused = true)]
async fn a_stuck_handler_is_given_up() {
    let app = app(&loopback());
    let reply = send(&app, Request::post("/stuck").body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.code().as_str()), (504, "SYS002"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_body_is_told_so() {
    let app = app(&loopback());
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let reply = send(&app, Request::post("/raw").body(never).unwrap()).await;
    assert_eq!((reply.status, reply.code().as_str()), (408, "VAL005"));
}

#[tokio::test(start_paused = true)]
async fn too_many_at_once_are_refused_and_probes_are_not() {
    let mut settings = loopback();
    settings.limits.concurrent_requests = 2;
    let app = app(&settings);
    let stuck = || send(&app, Request::post("/stuck").body(Body::empty()).unwrap());
    let third = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (fetch(&app, "/filter?limit=1").await, fetch(&app, "/api/v1/health").await)
    };
    let (_, _, (refused, health)) = tokio::join!(stuck(), stuck(), third);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("SYS003", "1"));
    assert_eq!(health.status, 200);
    assert_eq!(fetch(&app, "/filter?limit=1").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn each_client_has_its_own_rate() {
    let mut settings = loopback();
    (settings.limits.client_rate, settings.limits.client_burst) = (1, 2);
    let app = app(&settings);
    let ask = async |client: &str| -> Reply {
        let peer: SocketAddr = client.parse().unwrap();
        let request = Request::get("/filter?limit=1").extension(ConnectInfo(peer));
        send(&app, request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(ask("10.0.0.1:1").await.status, 200);
    assert_eq!(ask("10.0.0.1:2").await.status, 200);
    let refused = ask("10.0.0.1:3").await;
    assert_eq!(
        (refused.status, refused.code().as_str(), refused.header("retry-after")),
        (429, "SYS004", "1")
    );
    assert_eq!(ask("10.0.0.2:1").await.status, 200);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ask("10.0.0.1:4").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn who_is_known_has_a_rate_of_their_own_wherever_they_are() {
    let key = |name: &str, scope: &str| -> ApiKeySetting {
        format!("{name}:viewer:{}{scope}", blake3::hash(name.as_bytes()).to_hex()).parse().unwrap()
    };
    let mut settings = loopback();
    settings.auth = AuthSettings::keys(vec![key("ann", ""), key("bob", ""), key("backend", ":service")]);
    (settings.limits.client_rate, settings.limits.client_burst) = (1, 2);
    let app = app(&settings);
    let ask = async |peer: &str, key: &str| {
        let peer: SocketAddr = peer.parse().unwrap();
        let request = Request::get("/caller").extension(ConnectInfo(peer)).header("x-api-key", key);
        send(&app, request.body(Body::empty()).unwrap()).await.status
    };
    // From one place or from two, she is one; others at her place are others.
    assert_eq!([ask("10.0.0.1:1", "ann").await, ask("10.0.0.2:1", "ann").await], [200, 200]);
    assert_eq!(ask("10.0.0.3:1", "ann").await, 429);
    assert_eq!(ask("10.0.0.1:1", "bob").await, 200);
    // Who guesses keys is slowed down by address, and keeps nobody out who has one.
    assert_eq!([ask("10.0.0.1:1", "x").await, ask("10.0.0.1:1", "y").await], [401, 401]);
    assert_eq!(ask("10.0.0.1:1", "z").await, 429);
    assert_eq!(ask("10.0.0.1:1", "bob").await, 200);
    // A service asks for many.
    for _ in 0..10 {
        assert_eq!(ask("10.0.0.1:1", "backend").await, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_are_refused_are_counted_too() {
    let mut settings = loopback();
    (settings.limits.client_rate, settings.limits.client_burst) = (1, 2);
    let app = app(&settings);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let peer: SocketAddr = "10.0.0.1:1".parse().unwrap();
        let request =
            Request::post("/raw").extension(ConnectInfo(peer)).header("origin", "https://evil.example");
        statuses.push(send(&app, request.body(Body::empty()).unwrap()).await.status);
    }
    assert_eq!(statuses, [403, 403, 429]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_the_limit() {
    let mut settings = loopback();
    settings.limits.body_bytes = 1_000;
    let app = app(&settings);
    for path in ["/raw", "/count", "/api/v1/orders"] {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.header("idempotency-key", "once");
        let reply = send(&app, request.body(Body::from(vec![b' '; 1_001])).unwrap()).await;
        assert_eq!((reply.status, reply.code().as_str()), (413, "VAL004"), "{path}");
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("1000 bytes"), "{path}: {detail}");
    }
}

#[tokio::test]
async fn keys_open_the_api_and_nothing_else_does() {
    let app = app(&with_key("correct horse", "trader"));
    let ask = async |name: &str, value: &str| {
        send(&app, Request::get("/caller").header(name, value).body(Body::empty()).unwrap()).await
    };
    assert_eq!(ask("authorization", "Bearer correct horse").await.text, "ann trader");
    assert_eq!(ask("authorization", "bearer correct horse").await.text, "ann trader");
    assert_eq!(ask("x-api-key", "correct horse").await.text, "ann trader");
    let wrong = [
        ("authorization", "Bearer wrong"),
        ("authorization", "Basic correct horse"),
        ("authorization", "Bearer "),
        ("x-api-key", ""),
        ("cookie", "key=correct horse"),
    ];
    for (name, value) in wrong {
        let reply = ask(name, value).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "AUTH001"), "{name}: {value}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    for open in ["/api/v1/health", "/api/v1/ready", "/metrics", "/openapi.json"] {
        assert_eq!(fetch(&app, open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn without_keys_only_names_of_loopback_are_answered() {
    let app = app(&loopback());
    let ask = async |host: &str| {
        send(&app, Request::get("/caller").header("host", host).body(Body::empty()).unwrap()).await
    };
    assert_eq!(ask("127.0.0.1:8002").await.text, "local admin");
    let reply = ask("rebound.example:8002").await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "AUTH002"));
}

/// A service that answers one request at a time, and how many of its requests could wait.
#[tokio::test(start_paused = true)]
async fn requests_that_wait_leave_their_places_up_to_a_bound() {
    let mut settings = loopback();
    settings.limits.concurrent_requests = 1;
    let wait = async |Extension(hold_back): Extension<HoldBack>| {
        let Some(_waiting) = hold_back.begin() else { return "at once" };
        tokio::time::sleep(Duration::from_secs(10)).await;
        "waited"
    };
    let routes = OpenApiRouter::new().route("/wait", get(wait)).route("/", get(async || "served"));
    let app = Service::new("test", "1", &settings, &Shutdown::manual()).routes(routes).build();
    let waiting = join_all((0..64).map(|_| fetch(&app, "/wait")));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (fetch(&app, "/").await, fetch(&app, "/wait").await)
    };
    let (waited, (served, beyond)) = tokio::join!(waiting, meanwhile);
    assert!(waited.iter().all(|reply| reply.text == "waited"), "{:?}", waited[1].text);
    assert_eq!((&*served.text, &*beyond.text), ("served", "at once"));
    assert_eq!(fetch(&app, "/wait").await.text, "waited", "places are free again");
}
