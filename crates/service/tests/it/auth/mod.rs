//! Who gets in, and as whom.

mod behalf;
mod issuer;
mod sessions;
mod stored;
mod tickets;
mod tokens;

use std::sync::Arc;

use tradai_domain::{ManualClock, SequentialIds};
use tradai_platform::settings::sections::{
    ApiKeySetting, AuthSettings, Credentials, HttpSettings, JwksSource, JwtSettings,
};
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_service::axum::http::request::Builder;
use tradai_service::axum::routing::{get, post};
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::{App, Caller, Query, Service, Shutdown, plain_sign_in_page};

use crate::api::{Reply, loopback, send};

/// 14 November 2023.
const NOW_MS: i64 = 1_700_000_000_000;
const KEY: &str = "tradai_k-1";

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    wanted: Option<String>,
}

async fn page(caller: Caller, Query(query): Query<Wanted>) -> String {
    format!("{} {} {}", caller.name, caller.role, query.wanted.unwrap_or_default())
}

async fn whose(caller: Caller) -> String {
    format!("{} via {} {}", caller.name, caller.via.as_deref().unwrap_or("nobody"), caller.role)
}

fn key_of_ann() -> ApiKeySetting {
    format!("ann:trader:{}", blake3::hash(KEY.as_bytes()).to_hex()).parse().unwrap()
}

fn with(keys: Vec<ApiKeySetting>, tokens: Option<JwtSettings>) -> HttpSettings {
    let mut settings = loopback();
    settings.auth = AuthSettings::Required(Credentials { keys, tokens });
    settings
}

fn believing(source: JwksSource) -> JwtSettings {
    JwtSettings::new(source, issuer::ISSUER, issuer::AUDIENCE)
}

/// A service with a route and a page.
fn app(settings: &HttpSettings, clock: &Arc<ManualClock>) -> App {
    app_of("test", settings, clock)
}

fn app_of(name: &'static str, settings: &HttpSettings, clock: &Arc<ManualClock>) -> App {
    Service::new(name, "1.2.3", settings, &Shutdown::manual())
        .with_sources(clock.clone(), Arc::new(SequentialIds::default()))
        .routes(OpenApiRouter::new().route("/page", get(page).post(page)).route("/whose", get(whose)))
        .pages(tradai_service::axum::Router::new().route("/change", post(page)))
        .sign_in(plain_sign_in_page)
        .build()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW_MS))
}

async fn ask(app: &App, request: Builder) -> Reply {
    send(app, request.header("host", "localhost:8000").body(Body::empty()).unwrap()).await
}

async fn ask_with(app: &App, credential: &str) -> Reply {
    ask(app, Request::get("/page").header("authorization", format!("Bearer {credential}"))).await
}
