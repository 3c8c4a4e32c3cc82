//! What one service does for a caller of another is noted as that caller's.

use tokio::net::TcpListener;
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::wiring::Wiring;
use tradai_service::axum;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_service::axum::http::request::Builder;
use tradai_service::{App, ON_BEHALF_OF};

use crate::platform::{Platform, Reply, Who, ask, keys};

/// A backend that reaches its strategy-service, which knows its key like this.
async fn joined(scope: &str) -> Platform {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let peer = format!("backend:trader:{}{scope}", blake3::hash(b"key-of-the-backend").to_hex());
    let platform = Platform::with(&[
        ("BACKEND_STRATEGY_SERVICE_URL", &url),
        ("BACKEND_PEER_API_KEY", "key-of-the-backend"),
        ("STRATEGY_SERVICE_API_KEYS", &format!("{},{peer}", keys())),
    ])
    .await;
    let router = platform.strategy_service.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    platform
}

async fn send(app: &App, who: Who, request: Builder, body: &str) -> Reply {
    let request = request.header("content-type", "application/json").header("origin", "http://localhost");
    ask(app, who, request, Body::from(body.to_owned())).await
}

/// Pushes a config and returns where the service activates it; on the dashboard the path is the same without `/api/v1`.
async fn pushed(platform: &Platform) -> String {
    let configs = "/strategies/EmaCross/configs";
    let request = Request::post(format!("/api/v1{configs}"));
    let body = r#"{"config_data": {"stake_amount": 5}}"#;
    let id = send(&platform.strategy_service, Who::Admin, request, body).await.expect(201);
    format!("{configs}/{}/activate", id["config_id"].as_str().unwrap())
}

/// Who activated configs, and by whom they asked.
async fn activations(platform: &Platform) -> Vec<(String, Option<String>)> {
    let state = StateSettings::new(platform.folder.path().to_owned());
    let entries = Wiring::open(&state, []).unwrap().audit.list(None, 100).await.unwrap();
    let of_activation = entries.into_iter().filter(|(_, entry)| entry.action == "config.activate");
    of_activation.map(|(_, entry)| (entry.actor, entry.via)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_activates_a_config_on_the_dashboard_is_in_the_audit_log_once() {
    let platform = joined(":service").await;
    let path = pushed(&platform).await;
    let clicked = send(&platform.backend, Who::Trader, Request::post(&path), "").await;
    assert_eq!(clicked.status, 303, "{}", clicked.text);
    assert_eq!(activations(&platform).await, [("tom".to_owned(), Some("backend".to_owned()))]);
    let shown = platform.get(Who::Admin, "/api/v1/audit?limit=1").await.json();
    assert_eq!((&shown["items"][0]["actor"], &shown["items"][0]["via"]), (&"tom".into(), &"backend".into()));
    let refused = send(&platform.backend, Who::Viewer, Request::post(&path), "").await;
    assert_eq!((refused.status, activations(&platform).await.len()), (403, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_can_not_make_themselves_out_to_be_others() {
    let platform = joined("").await;
    let path = pushed(&platform).await;
    for who in [Who::Trader, Who::Admin] {
        let request = Request::post(format!("/api/v1{path}")).header(ON_BEHALF_OF, "vera");
        assert_eq!(send(&platform.strategy_service, who, request, "").await.code(), "AUTH002", "{who:?}");
        // Nor does the backend pass on what it was told.
        let request = Request::post(&path).header(ON_BEHALF_OF, "vera");
        assert_eq!(send(&platform.backend, who, request, "").await.status, 403, "{who:?}");
    }
    // A backend whose key is no service's is refused, and nothing is done in its own name.
    let refused = send(&platform.backend, Who::Trader, Request::post(&path), "").await;
    assert!(refused.status >= 400, "{}", refused.status);
    assert!(activations(&platform).await.is_empty());
}
