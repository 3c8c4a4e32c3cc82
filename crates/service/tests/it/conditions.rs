//! `If-Match`, and addresses that have a better name.

use tradai_platform::settings::sections::HttpSettings;
use tradai_service::axum::Router;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::{Request, StatusCode};
use tradai_service::axum::routing::{get, post, put};
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::{App, Deprecated, ETag, IfMatch, Problem, Service, Shutdown};

use crate::api::{Reply, fetch, send};

fn app() -> App {
    let current = || ETag::new(&7);
    let strict = put(move |if_match: IfMatch| async move {
        if_match.check(&current())?;
        Ok::<_, Problem>((ETag::new(&8), "changed"))
    });
    let parsed = put(|if_match: IfMatch| async move { if_match.version::<u64>().map(|at| at.to_string()) });
    let optional = put(|if_match: Option<IfMatch>| async move { if_match.is_some().to_string() });
    // 1 January and 1 July 2027.
    let deprecated =
        Deprecated { since: 1_798_761_600_000, sunset: 1_814_400_000_000, successor: "/api/v1/jobs" };
    let alias: Router = Router::new().route("/jobs", post(|| async { StatusCode::ACCEPTED }));
    let routes = OpenApiRouter::new()
        .route("/thing", get(move || async move { (current(), "seven") }))
        .route("/strict", strict)
        .route("/parsed", parsed)
        .route("/optional", optional)
        .merge(deprecated.layer(alias).into());
    Service::new("test", "1.2.3", &HttpSettings::loopback(0), &Shutdown::manual()).routes(routes).build()
}

async fn put_if(path: &str, if_match: Option<&str>) -> Reply {
    let mut request = Request::put(path);
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    send(&app(), request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn only_the_version_that_was_read_is_changed() {
    let shown = fetch(&app(), "/thing").await;
    assert_eq!(shown.header("etag"), "\"7\"");
    let changed = put_if("/strict", Some(shown.header("etag"))).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"8\""));
    for other in ["\"6\"", "7", "W/\"7\"", "*", ""] {
        assert_eq!(put_if("/strict", Some(other)).await.code(), "RES005", "{other}");
    }
    let missing = put_if("/strict", None).await;
    assert_eq!((missing.code().as_str(), &missing.json()["errors"][0]["in"]), ("VAL002", &"header".into()));
}

#[tokio::test]
async fn a_version_is_parsed_and_may_be_left_out_where_the_handler_says_so() {
    assert_eq!(put_if("/parsed", Some("\"41\"")).await.text, "41");
    assert_eq!(put_if("/parsed", Some("\"x\"")).await.code(), "RES005");
    assert_eq!(put_if("/optional", None).await.text, "false");
    assert_eq!(put_if("/optional", Some("\"1\"")).await.text, "true");
}

#[tokio::test]
async fn a_deprecated_address_names_its_successor() {
    let reply = send(&app(), Request::post("/jobs").body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.header("deprecation")), (202, "@1798761600"));
    assert_eq!(reply.header("sunset"), "Thu, 01 Jul 2027 00:00:00 GMT");
    assert_eq!(reply.header("link"), "</api/v1/jobs>; rel=\"successor-version\"");
    assert_eq!(fetch(&app(), "/thing").await.header("deprecation"), "");
}

#[test]
fn a_tag_cannot_break_out_of_its_header() {
    let reply =
        tradai_service::axum::response::IntoResponse::into_response((ETag::new("a\"\r\nx: y\u{e9}"), ""));
    assert_eq!(reply.headers()["etag"], "\"ax:y\"");
}
