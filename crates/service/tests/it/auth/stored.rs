//! Keys that are made and revoked while services run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tradai_domain::access::{ApiKeyId, ApiKeyRecord, Role};
use tradai_domain::ports::{ApiKeyRepository, CreatedApiKey, NewApiKey, PortError};
use tradai_domain::{ErrorKind, IdSource as _, ManualClock, RandomIds, SystemClock};
use tradai_embedded::{Database, SqliteApiKeys};
use tradai_platform::settings::sections::HttpSettings;
use tradai_service::axum::body::{Body, to_bytes};
use tradai_service::axum::http::Request;
use tradai_service::axum::response::Response;
use tradai_service::axum::routing::get;
use tradai_service::socket::close::Close;
use tradai_service::socket::{Sockets, StreamMessage, StreamSource, event_stream};
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::{App, Caller, Problem, Service, Shutdown, StoredKeys, new_secret, plain_sign_in_page};
use tradai_testkit::until;

use super::{KEY, NOW_MS, ask, ask_with, clock, key_of_ann, whose, with};
use crate::api::{Reply, send};

/// The state's keys, which can be away, or be waited for without end.
#[derive(Clone)]
struct Keys {
    inner: Arc<SqliteApiKeys>,
    is_away: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

#[async_trait]
impl ApiKeyRepository for Keys {
    async fn create(&self, key: &NewApiKey) -> Result<CreatedApiKey, PortError> {
        self.inner.create(key).await
    }

    async fn list(&self) -> Result<Vec<ApiKeyRecord>, PortError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(PortError::new(ErrorKind::Unavailable, "away"));
        }
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.list().await
    }

    async fn delete(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, PortError> {
        self.inner.delete(id).await
    }
}

impl Keys {
    fn new() -> Self {
        let inner = Arc::new(SqliteApiKeys::new(Database::in_memory().unwrap()));
        Self { inner, is_away: Arc::default(), hangs: Arc::default() }
    }

    /// Makes a key and returns it.
    async fn add(&self, name: &str, expires_at: Option<i64>) -> (String, ApiKeyId) {
        use secrecy::ExposeSecret as _;
        let secret = new_secret().unwrap();
        let id = ApiKeyId(RandomIds.next(&SystemClock));
        let record = ApiKeyRecord {
            id,
            name: name.parse().unwrap(),
            role: Role::Trader,
            hash: secret.hash,
            ending: secret.ending.clone(),
            created_at: NOW_MS,
            created_by: "ada".to_owned(),
            expires_at,
        };
        let new = NewApiKey { record, request: None, now: NOW_MS };
        assert_eq!(self.create(&new).await.unwrap(), CreatedApiKey::New);
        let key = secret.key.expose_secret().to_owned();
        assert!(key.ends_with(&secret.ending) && !format!("{secret:?}").contains(&key));
        (key, id)
    }
}

/// Says nothing, for ever.
struct Silence;

impl StreamSource for Silence {
    async fn next(&mut self) -> Result<StreamMessage, Close> {
        std::future::pending().await
    }
}

/// A service with a page and a stream, and what it holds of the keys.
fn world(keys: &Keys, clock: &Arc<ManualClock>) -> (App, Arc<StoredKeys>) {
    world_of(keys, clock, &sealed())
}

fn sealed() -> HttpSettings {
    let mut settings = with(vec![key_of_ann()], None);
    settings.cursor_secret = Some("0123456789abcdef0123456789abcdef".to_owned().into());
    settings
}

fn world_of(keys: &Keys, clock: &Arc<ManualClock>, settings: &HttpSettings) -> (App, Arc<StoredKeys>) {
    let shutdown = Shutdown::manual();
    let stored = StoredKeys::new(Arc::new(keys.clone()), clock.clone(), &settings.auth);
    let sockets = Sockets::new(10, Duration::from_secs(20), clock.clone(), &shutdown);
    let stream = move |caller: Caller| async move {
        let place = sockets.place(&caller)?;
        Ok::<Response, Problem>(event_stream(Silence, place, Shutdown::manual()))
    };
    let app = Service::new("test", "1.2.3", settings, &shutdown)
        .with_sources(clock.clone(), Arc::new(RandomIds))
        .routes(OpenApiRouter::new().route("/page", get(whose)).route("/stream", get(stream)))
        .stored_keys(stored.clone())
        .sign_in(plain_sign_in_page)
        .build();
    (app, stored)
}

async fn sign_in(app: &App, key: &str) -> String {
    let request = Request::post("/login")
        .header("host", "localhost:8000")
        .header("origin", "http://localhost:8000")
        .header("content-type", "application/x-www-form-urlencoded");
    let reply = send(app, request.body(Body::from(format!("key={key}&next=/"))).unwrap()).await;
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn ask_as(app: &App, cookie: &str) -> Reply {
    ask(app, Request::get("/page").header("cookie", cookie)).await
}

async fn stream_of(app: &App, request: tradai_service::axum::http::request::Builder) -> Response {
    use tower::ServiceExt as _;
    let request = request.header("host", "localhost:8000").header("accept", "text/event-stream");
    app.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_first_request_of_a_key_that_was_made_before_the_start_is_let_in() {
    let keys = Keys::new();
    let (key, _) = keys.add("ci", None).await;
    let (app, _) = world(&keys, &clock());
    let reply = ask_with(&app, &key).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "ci via nobody trader"), "{}", reply.text);
    assert_eq!(ask_with(&app, KEY).await.text, "ann via nobody trader");
    assert_eq!(ask_with(&app, "tradai_unknown").await.code(), "AUTH001");
}

#[tokio::test]
async fn a_key_ends_when_it_is_revoked_and_with_it_all_that_was_made_of_it() {
    let (keys, clock) = (Keys::new(), clock());
    let (key, id) = keys.add("ci", None).await;
    let (app, stored) = world(&keys, &clock);
    let cookie = sign_in(&app, &key).await;
    assert_eq!(ask_as(&app, &cookie).await.text, "ci via nobody trader");
    let bearer = format!("Bearer {key}");
    let ticket = async || {
        let request = Request::post("/api/v1/auth/tickets").header("authorization", &bearer);
        ask(&app, request).await.json()["ticket"].as_str().unwrap().to_owned()
    };
    let (used, unused) = (ticket().await, ticket().await);
    let streams = [
        stream_of(&app, Request::get("/stream").header("authorization", &bearer)).await,
        stream_of(&app, Request::get("/stream").header("cookie", &cookie)).await,
        stream_of(&app, Request::get(format!("/stream?ticket={used}"))).await,
    ];
    let others = stream_of(&app, Request::get("/stream").header("x-api-key", KEY)).await;
    keys.delete(id).await.unwrap();
    stored.refresh().await.unwrap();
    for stream in streams {
        assert_eq!(stream.status(), 200);
        // Its end comes without anybody asking for it.
        let told = to_bytes(stream.into_body(), 10_000).await.unwrap();
        assert!(told.ends_with(b": listening\n\n"), "{told:?}");
    }
    assert_eq!(ask_with(&app, &key).await.code(), "AUTH001");
    assert_eq!(ask_as(&app, &cookie).await.code(), "AUTH001");
    let late = stream_of(&app, Request::get(format!("/stream?ticket={unused}"))).await;
    assert_eq!(late.status(), 401);
    assert_eq!(others.status(), 200);
    assert_eq!(ask_with(&app, KEY).await.status, 200);
}

#[tokio::test]
async fn what_is_changed_elsewhere_counts_here_before_long() {
    let keys = Keys::new();
    let (app, _) = world(&keys, &clock());
    assert_eq!(ask_with(&app, "tradai_nobody").await.code(), "AUTH001");
    let (key, id) = keys.add("ci", None).await;
    until(|| async { ask_with(&app, &key).await.status == 200 }).await;
    keys.delete(id).await.unwrap();
    until(|| async { ask_with(&app, &key).await.status == 401 }).await;
}

#[tokio::test]
async fn a_key_ends_at_its_time() {
    let (keys, clock) = (Keys::new(), clock());
    let (key, _) = keys.add("ci", Some(NOW_MS + 1_000)).await;
    let (app, _) = world(&keys, &clock);
    let me = ask(&app, Request::get("/api/v1/me").header("x-api-key", &key)).await.json();
    assert_eq!((&me["name"], &me["expires_at"]), (&"ci".into(), &"2023-11-14T22:13:21.000Z".into()));
    let cookie = sign_in(&app, &key).await;
    assert!(cookie.contains('='), "{cookie}");
    clock.advance(1_000);
    assert_eq!(ask_with(&app, &key).await.code(), "AUTH001");
    assert_eq!(ask_as(&app, &cookie).await.code(), "AUTH001");
}

#[tokio::test]
async fn a_name_of_the_settings_is_nobody_elses() {
    let keys = Keys::new();
    let (key, _) = keys.add("ann", None).await;
    let (app, _) = world(&keys, &clock());
    assert_eq!(ask_with(&app, &key).await.code(), "AUTH001");
    assert_eq!(ask_with(&app, KEY).await.status, 200);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_no_reason_to_call_a_key_unknown() {
    let keys = Keys::new();
    let (key, _) = keys.add("ci", None).await;
    keys.is_away.store(true, Ordering::SeqCst);
    let (app, stored) = world(&keys, &clock());
    let reply = ask_with(&app, &key).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "5"), "{}", reply.text);
    assert_eq!(ask_with(&app, KEY).await.status, 200);
    keys.is_away.store(false, Ordering::SeqCst);
    stored.refresh().await.unwrap();
    assert_eq!(ask_with(&app, &key).await.status, 200);
    // What was read is good for a while.
    keys.is_away.store(true, Ordering::SeqCst);
    stored.refresh().await.unwrap_err();
    assert_eq!(ask_with(&app, &key).await.status, 200);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(ask_with(&app, &key).await.status, 503);
}

#[tokio::test]
async fn keys_count_for_30_seconds_from_when_they_were_last_read() {
    let keys = Keys::new();
    let (key, _) = keys.add("ci", None).await;
    let (app, stored) = world(&keys, &clock());
    assert_eq!(ask_with(&app, &key).await.status, 200);
    let open = stream_of(&app, Request::get("/stream").header("x-api-key", &key)).await;
    let others = stream_of(&app, Request::get("/stream").header("x-api-key", KEY)).await;
    tokio::time::pause();
    keys.is_away.store(true, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(28)).await;
    // That it fails is found out late, and makes what was read no younger.
    stored.refresh().await.unwrap_err();
    assert_eq!(ask_with(&app, &key).await.status, 200);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(ask_with(&app, &key).await.status, 503);
    let told = to_bytes(open.into_body(), 10_000).await.unwrap();
    assert!(told.ends_with(b": listening\n\n"), "{told:?}");
    assert_eq!((others.status().as_u16(), ask_with(&app, KEY).await.status), (200, 200));
}

#[tokio::test]
async fn a_state_that_does_not_answer_keeps_nobody_waiting() {
    let keys = Keys::new();
    let (key, _) = keys.add("ci", None).await;
    keys.hangs.store(true, Ordering::SeqCst);
    let (app, stored) = world(&keys, &clock());
    tokio::time::pause();
    let reply = ask_with(&app, &key).await;
    assert!(reply.status == 503 && reply.text.contains("cannot be read"), "{}", reply.text);
    keys.hangs.store(false, Ordering::SeqCst);
    tokio::time::resume();
    stored.refresh().await.unwrap();
    assert_eq!(ask_with(&app, &key).await.status, 200);
}

#[tokio::test]
async fn a_forgotten_key_ends_also_while_the_state_cannot_be_read() {
    let keys = Keys::new();
    let (key, id) = keys.add("ci", None).await;
    let (app, stored) = world(&keys, &clock());
    let open = stream_of(&app, Request::get("/stream").header("x-api-key", &key)).await;
    assert_eq!(open.status(), 200);
    keys.is_away.store(true, Ordering::SeqCst);
    stored.forget(id).await;
    assert_eq!(ask_with(&app, &key).await.code(), "AUTH001");
    to_bytes(open.into_body(), 10_000).await.unwrap();
}

#[tokio::test]
async fn a_ticket_that_is_refused_for_now_is_not_used_up() {
    let keys = Keys::new();
    let (key, _) = keys.add("ci", None).await;
    let (app, stored) = world(&keys, &clock());
    let made = ask(&app, Request::post("/api/v1/auth/tickets").header("x-api-key", &key)).await;
    let target = format!("/stream?ticket={}", made.json()["ticket"].as_str().unwrap());
    keys.is_away.store(true, Ordering::SeqCst);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(stream_of(&app, Request::get(&target)).await.status(), 503);
    tokio::time::resume();
    keys.is_away.store(false, Ordering::SeqCst);
    stored.refresh().await.unwrap();
    assert_eq!(stream_of(&app, Request::get(&target)).await.status(), 200);
    assert_eq!(stream_of(&app, Request::get(&target)).await.status(), 401);
}
