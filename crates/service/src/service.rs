//! A service put together: its routes inside everything that services share.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing};
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};
use tower_http::cors::CorsLayer;
use tradai_domain::{Clock, IdSource, RandomIds, SystemClock};
use tradai_platform::settings::sections::{AuthSettings, HttpLimits, HttpSettings};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::around::AroundLayer;
use crate::auth::{self, Door, SignInPage, StoredKeys};
use crate::boundary::{Boundary, Panics};
use crate::gate::Gate;
use crate::health::{self, Check, Checks, Version};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::page::Cursors;
use crate::problem::{Code, Document, FieldFault, Problem};
use crate::shutdown::Shutdown;
use crate::socket::Refusals;
use crate::{Idempotency, IdempotencyStore, MemoryIdempotency, openapi};

/// Bodies of so many bytes and fewer are sent as they are.
const SMALL_BODY: u64 = 1024;

/// Puts a service together.
pub struct Service {
    version: Version,
    settings: HttpSettings,
    shutdown: Shutdown,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    metrics: Arc<Metrics>,
    checks: Vec<Check>,
    routes: OpenApiRouter,
    pages: Router,
    sign_in: Option<SignInPage>,
    used_tickets: Arc<dyn IdempotencyStore>,
    stored_keys: Option<Arc<StoredKeys>>,
    on_stop: Vec<OnStop>,
}

/// What is still to be done once a service was told to stop.
pub(crate) type OnStop = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A service that is ready to be served.
#[derive(Clone)]
pub struct App {
    /// Its name.
    pub name: &'static str,
    /// Everything it answers; tests call it through `tower::ServiceExt::oneshot`.
    pub router: Router,
    /// Its OpenAPI document.
    pub spec: OpenApi,
    pub(crate) auth: AuthSettings,
    pub(crate) limits: HttpLimits,
    /// Where figures are served, and by what, if not with everything else.
    pub(crate) figures: Option<(SocketAddr, Router)>,
    pub(crate) on_stop: Vec<OnStop>,
}

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Document<'static>, FieldFault)))]
struct Shared;

impl Service {
    /// Begins a service; `version` is `env!("CARGO_PKG_VERSION")` of its own package.
    #[must_use]
    pub fn new(
        name: &'static str,
        version: &'static str,
        settings: &HttpSettings,
        shutdown: &Shutdown,
    ) -> Self {
        Self {
            version: Version { service: name, version, git_commit: None, started_at: String::new() },
            settings: settings.clone(),
            shutdown: shutdown.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            metrics: Arc::new(Metrics::new(name, version)),
            checks: Vec::new(),
            routes: OpenApiRouter::new(),
            pages: Router::new(),
            sign_in: None,
            used_tickets: Arc::new(MemoryIdempotency::default()),
            stored_keys: None,
            on_stop: Vec::new(),
        }
    }

    /// Says which commit the program was built from; empty where that is not known.
    #[must_use]
    pub fn built_from(mut self, commit: &'static str) -> Self {
        self.version.git_commit = Some(commit).filter(|commit| !commit.is_empty());
        self
    }

    /// Takes the time and ids from somewhere else.
    #[must_use]
    pub fn with_sources(mut self, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        (self.clock, self.ids) = (clock, ids);
        self
    }

    /// Notes which tickets were used in a store that other instances look into, too; in memory without.
    #[must_use]
    pub fn used_tickets(mut self, store: Arc<dyn IdempotencyStore>) -> Self {
        self.used_tickets = store;
        self
    }

    /// Lets in who holds a key of the state, too, where anybody is asked who they are. [`Service::build`] must then be
    /// called within a tokio runtime, in which the keys are read again until the service stops.
    #[must_use]
    pub fn stored_keys(mut self, keys: Arc<StoredKeys>) -> Self {
        self.stored_keys = Some(keys).filter(|_| self.settings.auth != AuthSettings::Open);
        self
    }

    /// Adds a dependency.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Adds routes of the API. They are limited, authenticated and documented.
    #[must_use]
    pub fn routes(mut self, routes: OpenApiRouter) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Adds routes of the API that create or trigger: POST takes an `Idempotency-Key`.
    #[must_use]
    pub fn idempotent_routes(self, routes: OpenApiRouter, store: Arc<dyn IdempotencyStore>) -> Self {
        let layer = Idempotency::new(store, self.clock.clone(), self.settings.limits.body_bytes);
        let (router, spec) = routes.split_for_parts();
        self.routes(OpenApiRouter::with_openapi(spec).merge(layer.layer(router).into()))
    }

    /// Adds pages that are not part of the API. They are limited and authenticated, not documented.
    #[must_use]
    pub fn pages(mut self, pages: Router) -> Self {
        self.pages = self.pages.merge(pages);
        self
    }

    /// Lets people sign in on a page at `/login`, for services with pages: a session cookie then stands for their key.
    /// Whoever asks for a page and is not known is sent there. Where nobody is asked, nobody is sent.
    #[must_use]
    pub fn sign_in(mut self, page: SignInPage) -> Self {
        self.sign_in = Some(page);
        self
    }

    /// Adds work that ends with the service, such as jobs to be stopped. It begins when the service is told to stop,
    /// beside the requests that are still running, and has as long as they have: the settings' drain time.
    #[must_use]
    pub fn on_stop<F, A>(mut self, stop: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        self.on_stop.push(Arc::new(move || Box::pin(stop())));
        self
    }

    /// Adds metrics.
    #[must_use]
    pub fn metrics(self, add: impl FnOnce(&mut Registry)) -> Self {
        self.metrics.register(add);
        self
    }

    /// Returns what the lists of this service seal their cursors with.
    #[must_use]
    pub fn cursors(&self) -> Cursors {
        Cursors::new(&self.secret())
    }

    /// The secret of the settings, or one of this process only.
    fn secret(&self) -> SecretString {
        let random =
            || [self.ids.next(&*self.clock), self.ids.next(&*self.clock)].map(|id| id.to_string()).concat();
        self.settings.cursor_secret.clone().unwrap_or_else(|| SecretString::from(random()))
    }

    /// Puts everything together.
    #[must_use]
    pub fn build(self) -> App {
        let (door, entrance) = self.door();
        if let Some(keys) = &self.stored_keys {
            // Ends with the service; what it reads is kept by the door.
            tokio::spawn(keys.clone().follow(self.shutdown.clone()));
        }
        let Self {
            mut version, settings, shutdown, clock, ids, metrics, checks, routes, pages, on_stop, ..
        } = self;
        version.started_at = clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let (api, api_spec) = routes.merge(auth::protected_routes(&door)).split_for_parts();
        let (entrance, entrance_spec) = entrance.split_for_parts();
        let (probes, probe_spec) = probes(checks, shutdown, version.clone()).split_for_parts();
        let figures = routing::get({
            let metrics = metrics.clone();
            move || async move { metrics.respond() }
        });
        let spec = document(&version, api_spec.merge_from(entrance_spec), probe_spec);

        let limits = Arc::new(Limits::new(&settings.limits));
        let origins: Arc<[String]> = settings.cors_origins.clone().into();
        let refusals = Refusals::new();
        let gate = |door: Option<Arc<Door>>| {
            let (limits, refusals, origins) = (limits.clone(), refusals.clone(), origins.clone());
            let body_bytes = settings.limits.body_bytes;
            AroundLayer::new(Gate { limits, refusals, body_bytes, origins, door })
        };
        // Around every route. Each group of routes is layered at once: see `around`.
        let outside = ServiceBuilder::new()
            .layer(CompressionLayer::new().compress_when(worth_compressing()))
            .layer(AroundLayer::new(Boundary { clock, ids, metrics }))
            .option_layer((!origins.is_empty()).then(|| cors(&origins)))
            // A page of another address may read that something broke, too.
            .option_layer((!origins.is_empty()).then(|| AroundLayer::new(Panics)));
        let figures = Router::new().route("/metrics", figures);
        let open = probes.merge(openapi::routes(&spec));
        let (open, figures) = match settings.metrics_address {
            Some(address) => (open, Some((address, figures.fallback(no_route).layer(outside.clone())))),
            None => (open.merge(figures), None),
        };
        let open = open.fallback(no_route);
        let router = api
            .merge(pages)
            .layer(outside.clone().layer(gate(Some(door))))
            .merge(entrance.layer(outside.clone().layer(gate(None))))
            .merge(open.layer(outside));
        let (auth, limits) = (settings.auth, settings.limits);
        App { name: version.service, router, spec, auth, limits, figures, on_stop }
    }

    /// The door, and what is before it.
    fn door(&self) -> (Arc<Door>, OpenApiRouter) {
        let (auth, name) = (&self.settings.auth, self.version.service);
        let (secret, used) = (self.secret(), self.used_tickets.clone());
        let door = Door::new(
            auth,
            name,
            &secret,
            &self.clock,
            used,
            self.sign_in.is_some(),
            self.stored_keys.clone(),
        );
        let door = Arc::new(door);
        let routes = auth::session_routes(&door);
        let routes = match self.sign_in {
            Some(page) => routes.merge(auth::sign_in_routes(name, page, &door).into()),
            None => routes,
        };
        (door, routes)
    }
}

/// What a machine asks: unlimited and open, so that an overloaded service still says that it lives.
fn probes(checks: Vec<Check>, shutdown: Shutdown, version: Version) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::version))
        .layer(Extension(Arc::new(Checks::new(checks, shutdown))))
        .layer(Extension(version))
}

/// The whole OpenAPI document.
fn document(version: &Version, api: OpenApi, probes: OpenApi) -> OpenApi {
    let mut spec = api.merge_from(probes).merge_from(Shared::openapi());
    spec.info = utoipa::openapi::Info::new(version.service, version.version);
    openapi::complete(&mut spec);
    spec
}

/// Says which bodies are compressed: not those that fit into one packet anyway, nor what tower-http leaves alone, such
/// as images and streams of events.
fn worth_compressing() -> impl Predicate {
    // The size first: most bodies are small, and to look at their type costs more.
    SizeAbove::new(SMALL_BODY).and(DefaultPredicate::new())
}

async fn no_route() -> Response {
    Problem::new(Code::NoRoute, Code::NoRoute.meaning()).into_response()
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let names = |names: &[&'static str]| -> Vec<HeaderName> {
        names.iter().copied().map(HeaderName::from_static).collect()
    };
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(names(&[
            "authorization",
            "content-type",
            "if-match",
            "idempotency-key",
            "traceparent",
            "x-api-key",
            "x-correlation-id",
        ]))
        .expose_headers(names(&[
            "etag",
            "idempotency-replayed",
            "link",
            "location",
            "retry-after",
            "server-timing",
            "traceparent",
            "x-correlation-id",
        ]))
        .max_age(std::time::Duration::from_secs(600))
}
