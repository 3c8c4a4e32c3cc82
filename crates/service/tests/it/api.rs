//! A small service to ask, and how to ask it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use tradai_domain::{ErrorKind, ManualClock, SequentialIds};
use tradai_platform::settings::sections::HttpSettings;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::{Request, StatusCode};
use tradai_service::axum::routing::{get, post};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::utoipa_axum::routes;
use tradai_service::{
    App, Caller, Json, MemoryIdempotency, Path, Problem, Query, RequestIds, Service, Shutdown,
};
use tradai_testkit::http;
pub(crate) use tradai_testkit::http::Reply;

/// A request to make something
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) symbols: Vec<String>,
    pub(crate) limit: u32,
    #[serde(default)]
    pub(crate) nested: Option<Nested>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nested {
    pub(crate) value: i32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    limit: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot open /secret/path")]
struct Hidden(#[source] std::io::Error);

/// Makes
#[utoipa::path(post, path = "/api/v1/orders", request_body = Order, responses((status = 201, body = Order)))]
async fn create(Json(order): Json<Order>) -> (StatusCode, [(&'static str, &'static str); 1], Json<Order>) {
    (StatusCode::CREATED, [("location", "/api/v1/orders/1")], Json(order))
}

async fn fail(Path(kind): Path<String>) -> Result<String, Problem> {
    let kind = match kind.as_str() {
        "invalid" => ErrorKind::Invalid,
        "not_found" => ErrorKind::NotFound,
        "conflict" => ErrorKind::Conflict,
        "data" => ErrorKind::Data,
        "unavailable" => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    Err(Problem::from_error(kind, Hidden(std::io::Error::other("password=hunter2"))))
}

/// The service; every call of `/count` and `/slow` is counted.
pub(crate) fn service(settings: &HttpSettings, shutdown: &Shutdown, count: &Arc<AtomicUsize>) -> Service {
    let counted = count.clone();
    let counting = post(move |body: String| async move {
        let count = counted.fetch_add(1, Ordering::SeqCst) + 1;
        match body.as_str() {
            "panic" => panic!("on request"),
            "refuse" => Err(Problem::from_error(ErrorKind::Conflict, std::io::Error::other("refused"))),
            _ => Ok((StatusCode::CREATED, [("location", "/x")], format!("made {count}"))),
        }
    });
    let started = count.clone();
    let slow = post(move |body: String| async move {
        started.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        body
    });
    let routes = OpenApiRouter::new()
        .routes(routes!(create))
        .route("/fail/{kind}", get(fail))
        .route("/number/{number}", get(|Path(number): Path<u32>| async move { number.to_string() }))
        .route("/filter", get(|Query(filter): Query<Filter>| async move { filter.limit.to_string() }))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("secret of the panic")
                }
            }),
        )
        .route("/stuck", post(|_: String| async { std::future::pending::<()>().await }))
        .route("/raw", post(|body: String| async move { body.len().to_string() }))
        .route("/caller", get(|caller: Caller| async move { format!("{} {}", caller.name, caller.role) }))
        .route("/huge", get(|| async { vec![0_u8; 64 * 1024 * 1024] }))
        .route("/letters/{count}", get(|Path(count): Path<usize>| async move { "a".repeat(count) }))
        .route("/trace", get(|ids: RequestIds| async move { ids.trace_id.to_string() }))
        .route("/bare", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "internal path /etc/x") }));
    let once = OpenApiRouter::new().route("/count", counting).route("/slow", slow);
    Service::new("test", "1.2.3", settings, shutdown)
        .with_sources(Arc::new(ManualClock::at(1_700_000_000_000)), Arc::new(SequentialIds::default()))
        .routes(routes)
        .idempotent_routes(once, Arc::new(MemoryIdempotency::default()))
}

pub(crate) fn app(settings: &HttpSettings) -> App {
    service(settings, &Shutdown::manual(), &Arc::default()).build()
}

pub(crate) fn loopback() -> HttpSettings {
    HttpSettings::loopback(0)
}

pub(crate) async fn send(app: &App, request: Request<Body>) -> Reply {
    http::send(app.router.clone(), request).await
}

pub(crate) async fn fetch(app: &App, path: &str) -> Reply {
    send(app, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(crate) async fn post_json(app: &App, path: &str, body: &str) -> Reply {
    let request = Request::post(path).header("content-type", "application/json");
    send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}
