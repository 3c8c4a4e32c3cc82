//! The other services: asked, away, partitioned off, and back.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt;
use tradai_control_plane::configs::Configs;
use tradai_control_plane::jobs::Requester;
use tradai_domain::JobId;
use tradai_domain::configs::ConfigId;
use tradai_service::ON_BEHALF_OF;
use tradai_service::axum::body::Body;
use tradai_service::axum::extract::{Request, State};
use tradai_service::axum::http::{HeaderMap, StatusCode, Uri};
use tradai_service::axum::middleware::{Next, from_fn_with_state};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::axum::{Json, Router, routing::get, routing::post};
use tradai_testkit::MemoryTasks;

use crate::support::{BACKTESTS, PATIENCE, World, request, until};

/// What lies between two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Bytes pass.
    Up,
    /// Connections are refused or cut.
    Cut,
    /// Connections are taken, and nothing comes back.
    Silent,
}

/// A proxy that breaks lines.
struct Toxic {
    address: SocketAddr,
    line: watch::Sender<Line>,
}

impl Toxic {
    async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (line, state) = watch::channel(Line::Up);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, target, state.clone()));
            }
        });
        Self { address, line }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

/// Passes bytes on for as long as the line is up.
async fn pass(mut near: TcpStream, target: SocketAddr, mut line: watch::Receiver<Line>) {
    let state = *line.borrow_and_update();
    match state {
        Line::Cut => drop(near.shutdown().await),
        Line::Silent => drop(line.wait_for(|line| *line != Line::Silent).await),
        Line::Up => {
            let mut far = TcpStream::connect(target).await.unwrap();
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = line.wait_for(|line| *line != Line::Up) => {}
            }
        }
    }
}

/// What a stub was asked: the path, and who asked in which trace.
type Asked = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

/// The strategy service and data-collection in one, as the backend knows them.
#[derive(Clone, Default)]
struct Stub {
    asked: Asked,
    /// Replies to `ensure`, then to questions after the job, the next last.
    collecting: Arc<Mutex<Vec<Value>>>,
    /// What the config in use says otherwise than the strategy.
    configured: Arc<Mutex<Value>>,
    /// What is stored: series, as coverage shows them.
    stored: Arc<Mutex<Vec<Value>>>,
    /// Pairs of which nothing is missing.
    complete: Arc<Mutex<Vec<&'static str>>>,
    /// How everybody is refused, if they are: a status, and 200 for a key of a viewer.
    lock: Arc<Mutex<Option<u16>>>,
}

impl Stub {
    async fn serve(&self) -> SocketAddr {
        let router = Router::new()
            .route("/api/v1/strategies", get(strategies))
            .route("/api/v1/strategies/{name}", get(strategy))
            .route("/api/v1/strategies/merge", post(merge))
            .route("/api/v1/ensure", post(collect))
            .route("/api/v1/sync/{id}", get(collect))
            .route("/api/v1/sync/{id}/cancel", post(cancelled))
            .route("/api/v1/coverage", get(coverage))
            .route("/api/v1/exchanges/{exchange}/markets", get(markets))
            .route("/api/v1/me", get(me))
            .layer(from_fn_with_state(self.clone(), guard))
            .route("/api/v1/health", get(|| async { Json(json!({"status": "ok"})) }))
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
        address
    }

    fn note(&self, uri: &Uri, headers: HeaderMap, body: Value) {
        self.asked.lock().unwrap().push((uri.to_string(), headers, body));
    }

    /// What was asked at paths that begin so.
    fn asked(&self, start: &str) -> Vec<(String, HeaderMap, Value)> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(path, _, _)| path.starts_with(start)).cloned().collect()
    }
}

/// Refuses everybody while told so.
async fn guard(State(stub): State<Stub>, request: Request, next: Next) -> Response {
    let status = stub.lock.lock().unwrap().filter(|status| *status != 200);
    match status.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => (status, Json(json!({"detail": "no key that is known came"}))).into_response(),
        None => next.run(request).await,
    }
}

async fn me(State(stub): State<Stub>) -> Json<Value> {
    let role = if stub.lock.lock().unwrap().is_some() { "viewer" } else { "trader" };
    Json(json!({"name": "backend", "role": role, "proof": "api_key", "expires_at": null}))
}

async fn strategies(State(stub): State<Stub>, uri: Uri, headers: HeaderMap) -> Json<Value> {
    stub.note(&uri, headers, Value::Null);
    let next = uri.query().is_some_and(|query| query.contains("limit=2")).then_some("more");
    Json(json!({"items": [{"name": "Demo"}, {"name": "EmaCross"}], "next_cursor": next}))
}

async fn strategy(State(stub): State<Stub>, uri: Uri, headers: HeaderMap) -> Response {
    stub.note(&uri, headers, Value::Null);
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    if !["Demo", "EmaCross"].contains(&name) {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": "there is no such strategy"}))).into_response();
    }
    Json(json!({"name": name, "timeframe": "5m", "startup_candles": 200, "informative": ["@1h"], "settings": {}, "text": "file"}))
        .into_response()
}

async fn merge(State(stub): State<Stub>, uri: Uri, headers: HeaderMap, body: String) -> Json<Value> {
    stub.note(&uri, headers, serde_json::from_str(&body).unwrap());
    Json(json!({"settings": *stub.configured.lock().unwrap()}))
}

async fn collect(State(stub): State<Stub>, uri: Uri, headers: HeaderMap, body: String) -> Response {
    stub.note(&uri, headers, serde_json::from_str(&body).unwrap_or_default());
    match stub.collecting.lock().unwrap().pop() {
        Some(Value::Null) => {
            (StatusCode::NOT_FOUND, Json(json!({"detail": "there is no such job"}))).into_response()
        }
        Some(reply) => Json(reply).into_response(),
        None => Json(json!({"ready": true})).into_response(),
    }
}

async fn cancelled(State(stub): State<Stub>, uri: Uri, headers: HeaderMap) -> Json<Value> {
    stub.note(&uri, headers, Value::Null);
    Json(json!({"status": "cancelled"}))
}

/// Shows what is stored of the symbols that the query names, or all of it.
async fn coverage(State(stub): State<Stub>, uri: Uri, headers: HeaderMap) -> Json<Value> {
    stub.note(&uri, headers, Value::Null);
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let symbols = query.into_owned().find(|(name, _)| name == "symbols").map(|(_, symbols)| symbols);
    let named = |symbol: &str| symbols.as_ref().is_none_or(|all| all.split(',').any(|one| one == symbol));
    let stored = stub.stored.lock().unwrap().clone();
    let items: Vec<Value> =
        stored.into_iter().filter(|item| named(item["symbol"].as_str().unwrap())).collect();
    let complete = stub.complete.lock().unwrap();
    let all_there = symbols.as_ref().is_some_and(|all| all.split(',').all(|one| complete.contains(&one)));
    Json(json!({"exchange": "binance_futures", "complete": all_there, "items": items, "damaged": []}))
}

async fn markets(State(stub): State<Stub>, uri: Uri, headers: HeaderMap) -> Json<Value> {
    stub.note(&uri, headers, Value::Null);
    Json(
        json!({"items": [{"symbol": "BTC/USDT"}, {"symbol": "BTC/USDC"}, {"symbol": "SOL/USDT"}], "next_cursor": null}),
    )
}

/// A stored series that begins on a day.
fn stored(symbol: &str, timeframe: &str, first: &str) -> Value {
    json!({"symbol": symbol, "timeframe": timeframe, "price": "traded", "version": 3, "stored": 100,
        "span": {"start": first, "end": "2024-02-01T00:00:00Z"}})
}

fn job(status: &str, errors: &Value) -> Value {
    json!({"job_id": "018cc251-f400-7000-8000-000000000009", "status": status, "errors": errors,
        "progress": {"symbols_done": 0, "symbols_total": 1, "candles_answered": 500, "candles_expected": 900}})
}

/// A backend whose peers are behind toxic proxies.
struct Partition {
    world: World,
    stub: Stub,
    strategies: Toxic,
    candles: Toxic,
}

impl Partition {
    async fn new() -> Self {
        let stub = Stub::default();
        let address = stub.serve().await;
        let (strategies, candles) = (Toxic::before(address).await, Toxic::before(address).await);
        let folder = tempfile::tempdir().unwrap();
        let world = Self::world(folder, MemoryTasks::default(), &strategies, &candles, &[]);
        Self { world, stub, strategies, candles }
    }

    fn set(&self, line: Line) {
        self.strategies.set(line);
        self.candles.set(line);
    }

    fn on_exchange() -> Value {
        let mut body = request("Demo");
        body["exchange"] = json!("binance_futures");
        body
    }

    fn world(
        folder: TempDir,
        tasks: MemoryTasks,
        strategies: &Toxic,
        candles: &Toxic,
        more: &[(&str, &str)],
    ) -> World {
        let (strategies, candles) = (strategies.url(), candles.url());
        let mut variables = vec![
            ("BACKEND_STRATEGY_SERVICE_URL", strategies.as_str()),
            ("BACKEND_DATA_COLLECTION_URL", candles.as_str()),
            ("BACKEND_PEER_API_KEY", "peer-secret"),
            ("CONFIG_VARIABLES", "REGION, PAIR"),
            ("REGION", "eu"),
            // Tasks of these tests do not end, and hold their places.
            ("BACKEND_PARALLEL_JOBS", "1000"),
        ];
        variables.extend_from_slice(more);
        World::on(folder, tasks, &variables)
    }

    /// Stops the backend as its host does, and starts it again over the same folder, with these variables besides.
    async fn restart(&mut self, variables: &[(&str, &str)]) {
        let (folder, tasks) = std::mem::replace(&mut self.world, World::new()).stop().await;
        self.world = Self::world(folder, tasks, &self.strategies, &self.candles, variables);
    }

    fn configs(&self) -> Configs {
        let wiring = &self.world.wiring;
        Configs::new(wiring.configs.clone(), wiring.audit.clone(), wiring.clock.clone())
    }

    /// Pushes a config of the strategy, and returns the version's id.
    async fn pushed(&self, data: &Value) -> ConfigId {
        let data = data.as_object().unwrap().clone();
        let pushed = self.configs().push(&"Demo".parse().unwrap(), data, None, &Requester::default()).await;
        pushed.unwrap().version.config_id
    }

    async fn activate(&self, id: &ConfigId) {
        self.configs().activate(&"Demo".parse().unwrap(), id, &Requester::default()).await.unwrap();
    }

    async fn taken(&self, body: &Value) -> JobId {
        let reply = self.world.post(BACKTESTS, body).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        reply.json()["job_id"].as_str().unwrap().parse().unwrap()
    }

    async fn shown(&self, id: JobId) -> Value {
        self.world.get(&format!("{BACKTESTS}/{id}?wait=20")).await.json()
    }

    /// What `/ready` says of a dependency.
    async fn dependency(&self, name: &str) -> String {
        let ready = self.world.get("/api/v1/ready").await;
        assert_eq!(ready.status, 200, "jobs are shown and taken without: {}", ready.text);
        let ready = ready.json();
        let dependencies = ready["dependencies"].as_array().unwrap();
        let all_up = dependencies.iter().all(|dependency| dependency["status"] == "up");
        assert_eq!(ready["status"], if all_up { "ready" } else { "degraded" }, "{ready}");
        let found = dependencies.iter().find(|dependency| dependency["name"] == name).unwrap();
        assert_eq!(found["required"], false);
        found["status"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn candles_of_an_exchange_are_completed_before_the_job_is_handed_over() {
    let partition = Partition::new().await;
    *partition.stub.collecting.lock().unwrap() =
        vec![job("completed", &json!([])), job("running", &json!([]))];
    let id = partition.taken(&Partition::on_exchange()).await;
    partition.world.started(id).await;
    let asked = partition.stub.asked("/api/v1/ensure");
    let bodies: Vec<(&Value, &Value)> =
        asked.iter().map(|(_, _, body)| (&body["timeframe"], &body["price"])).collect();
    assert_eq!(bodies, [(&json!("5m"), &json!("traded")), (&json!("1h"), &json!("traded"))]);
    let (_, headers, body) = &asked[0];
    assert_eq!((&body["exchange"], &body["symbols"]), (&json!("binance_futures"), &json!(["BTC/USDT"])));
    assert_eq!((&body["start"], &body["padding_days"]), (&json!("2024-01-01T00:00:00Z"), &json!(1)));
    // Who asks, for whom, and in whose trace. Questions after it are our own.
    assert_eq!(headers["authorization"], "Bearer peer-secret");
    assert!(asked.iter().all(|(_, headers, _)| headers[ON_BEHALF_OF] == "local"), "{asked:?}");
    let questions = partition.stub.asked("/api/v1/sync/");
    assert!(questions.iter().all(|(_, headers, _)| !headers.contains_key(ON_BEHALF_OF)), "{questions:?}");
    let trace = partition.world.get(&format!("{BACKTESTS}/{id}")).await.json()["trace_id"].clone();
    let traceparent = headers["traceparent"].to_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{}-", trace.as_str().unwrap())), "{traceparent}");
    assert_eq!(partition.stub.asked("/api/v1/sync/").len(), 1);
    // Without an exchange nothing is collected.
    let id = partition.taken(&request("Demo")).await;
    partition.world.started(id).await;
    assert_eq!(partition.stub.asked("/api/v1/ensure").len(), 2);
}

/// The strategy says 5m and no pairs; the version in use says otherwise, and the job runs with that.
#[tokio::test(flavor = "multi_thread")]
async fn candles_are_completed_for_the_config_that_the_job_runs_with() {
    let partition = Partition::new().await;
    *partition.stub.configured.lock().unwrap() =
        json!({"timeframe": "4h", "pair_whitelist": ["SOL/USDT"], "timerange": "20240301-20240401"});
    let stored = partition.pushed(&json!({"stake_amount": 50})).await;
    let mut body = json!({"strategy": "Demo", "exchange": "binance_futures", "config_id": stored});
    let id = partition.taken(&body).await;
    partition.world.started(id).await;
    let (_, _, merged) = &partition.stub.asked("/api/v1/strategies/merge")[0];
    assert_eq!(
        (&merged["tradai_yaml"], &merged["config_data"]),
        (&json!("file"), &json!({"stake_amount": 50}))
    );
    // What the job finds in its environment counts, and nothing else of ours.
    let environment = merged["environment"].as_object().unwrap();
    assert_eq!(environment["REGION"], "eu");
    assert!(environment.keys().all(|name| !name.starts_with("BACKEND_")), "{environment:?}");
    let asked = partition.stub.asked("/api/v1/ensure");
    let bodies: Vec<_> = asked.iter().map(|(_, _, body)| (&body["timeframe"], &body["symbols"])).collect();
    // The strategy looks at an hour besides.
    let sol = json!(["SOL/USDT"]);
    assert_eq!(bodies, [(&json!("1h"), &sol), (&json!("4h"), &sol)]);
    assert_eq!(asked[0].2["start"], "2024-03-01T00:00:00Z");
    // What the request says counts more.
    body["symbols"] = json!(["BTC/USDT"]);
    let id = partition.taken(&body).await;
    partition.world.started(id).await;
    assert_eq!(partition.stub.asked("/api/v1/ensure").last().unwrap().2["symbols"], json!(["BTC/USDT"]));
}

/// Candles are collected for the version in use; another one is activated meanwhile, and the service is started again.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_keeps_the_config_version_that_its_candles_are_collected_for() {
    let mut partition = Partition::new().await;
    let (first, second) = (
        partition.pushed(&json!({"stake_amount": 50})).await,
        partition.pushed(&json!({"stake_amount": 20})).await,
    );
    partition.activate(&first).await;
    *partition.stub.collecting.lock().unwrap() = vec![job("running", &json!([])); 100_000];
    let id = partition.taken(&Partition::on_exchange()).await;
    let path = format!("{BACKTESTS}/{id}");
    until(|| async { partition.world.get(&path).await.json()["collecting"].is_object() }).await;
    assert_eq!(partition.world.get(&path).await.json()["config_id"], json!(first));
    partition.activate(&second).await;
    partition.restart(&[]).await;
    partition.stub.collecting.lock().unwrap().clear();
    partition.world.started(id).await;
    let merged = partition.stub.asked("/api/v1/strategies/merge");
    let stakes: Vec<&Value> =
        merged.iter().map(|(_, _, body)| &body["config_data"]["stake_amount"]).collect();
    assert!(stakes.len() >= 2 && stakes.iter().all(|stake| **stake == 50), "{stakes:?}");
    assert_eq!(partition.world.get(&path).await.json()["config_id"], json!(first));
    // The next job takes what is in use.
    let next = partition.taken(&Partition::on_exchange()).await;
    partition.world.started(next).await;
    assert_eq!(partition.world.get(&format!("{BACKTESTS}/{next}")).await.json()["config_id"], json!(second));
}

/// Without a first day, a pair is completed from its first stored candle on; one of which nothing is stored over the
/// thirty days before the end, and what the strategy warms up on (200 candles of 5 minutes) before that.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_first_day_what_is_stored_is_completed_and_the_rest_begins_thirty_days_ago() {
    let partition = Partition::new().await;
    *partition.stub.stored.lock().unwrap() = vec![stored("BTC/USDT", "5m", "2023-11-05T00:00:00Z")];
    let body = json!({"strategy": "Demo", "exchange": "binance_futures", "timerange": "-20240201",
        "symbols": ["BTC/USDT", "ETH/USDT"]});
    let id = partition.taken(&body).await;
    partition.world.started(id).await;
    let asked = partition.stub.asked("/api/v1/ensure");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bodies: Vec<_> = asked
        .iter()
        .map(|(_, _, body)| {
            let days = body["padding_days"].as_u64().unwrap();
            (text(&body["timeframe"]), text(&body["symbols"][0]), text(&body["start"]), days)
        })
        .collect();
    let of = |timeframe: &str, symbol: &str, start: &str, days| {
        (timeframe.to_owned(), symbol.to_owned(), format!("{start}T00:00:00Z"), days)
    };
    let expected = [
        of("5m", "BTC/USDT", "2023-11-05", 0),
        of("5m", "ETH/USDT", "2024-01-02", 1),
        of("1h", "BTC/USDT", "2023-11-05", 0),
        of("1h", "ETH/USDT", "2024-01-02", 1),
    ];
    assert_eq!(bodies, expected);
    assert!(asked.iter().all(|(_, _, body)| body["end"] == "2024-02-01T00:00:00Z"));
}

/// As many candles are collected as may be, for hours; a job whose candles are there needs no place among them.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_candles_are_there_is_not_held_up_by_long_collections() {
    let partition = Partition::new().await;
    *partition.stub.collecting.lock().unwrap() = vec![job("running", &json!([])); 100_000];
    for _ in 0..5 {
        partition.taken(&Partition::on_exchange()).await;
    }
    let ensured = || partition.stub.asked("/api/v1/ensure").len();
    until(|| async { ensured() == 4 }).await;
    partition.stub.complete.lock().unwrap().push("SOL/USDT");
    let mut body = Partition::on_exchange();
    body["symbols"] = json!(["SOL/USDT"]);
    let id = partition.taken(&body).await;
    partition.world.started(id).await;
    assert_eq!((ensured(), partition.world.tasks.started().len()), (4, 1), "nothing was begun for it");
    let asked = partition.stub.asked("/api/v1/coverage?");
    // 200 candles of five minutes before the first day.
    let looked = asked.into_iter().map(|(path, _, _)| path).find(|path| path.contains("SOL")).unwrap();
    assert!(
        looked.contains("start=2023-12-31T00%3A00%3A00Z") && looked.contains("end=2024-02-01"),
        "{looked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_pairs_those_that_are_stored_and_fit_are_completed() {
    let partition = Partition::new().await;
    let first = "2024-01-05T00:00:00Z";
    *partition.stub.stored.lock().unwrap() = vec![
        stored("BTC/USDT", "5m", first),
        stored("ETH/USDT", "1h", first),
        stored("SOL/USDT:USDT", "5m", first),
    ];
    let body = json!({"strategy": "Demo", "exchange": "binance_futures"});
    let id = partition.taken(&body).await;
    partition.world.started(id).await;
    let asked = partition.stub.asked("/api/v1/ensure");
    assert!(asked.iter().all(|(_, _, body)| body["symbols"] == json!(["BTC/USDT"])), "{asked:?}");
    assert_eq!(asked.len(), 2);
    partition.stub.stored.lock().unwrap().clear();
    let shown = partition.shown(partition.taken(&body).await).await;
    let error = shown["error"].as_str().unwrap();
    assert!(error.contains("no 5m candles") && error.contains("tradai data sync --exchange"), "{error}");
}

/// data-collection is started again meanwhile, and knows nothing of the sync job any more.
#[tokio::test(flavor = "multi_thread")]
async fn candles_that_are_forgotten_about_are_asked_for_again_a_few_times() {
    let partition = Partition::new().await;
    let running = || job("running", &json!([]));
    *partition.stub.collecting.lock().unwrap() =
        vec![job("completed", &json!([])), running(), Value::Null, running()];
    let id = partition.taken(&Partition::on_exchange()).await;
    partition.world.started(id).await;
    assert_eq!(partition.stub.asked("/api/v1/ensure").len(), 3, "twice for the first kind");
    *partition.stub.collecting.lock().unwrap() = (0..8).flat_map(|_| [Value::Null, running()]).collect();
    let shown = partition.shown(partition.taken(&Partition::on_exchange()).await).await;
    assert_eq!(shown["status"], "failed", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_candles_cannot_be_had_fails_with_the_reason() {
    let partition = Partition::new().await;
    let error = |kind: &str, message: &str| json!({"symbol": "BTC/USTD", "kind": kind, "message": message});
    let cases = [
        (
            json!([error("not_found", "there is no market BTC/USTD")]),
            "candles of binance_futures could not be completed: BTC/USTD: there is no market BTC/USTD; did you mean \
             BTC/USDT or BTC/USDC?",
        ),
        (
            json!([error("conflict", "the newest candle differs"), error("conflict", "x")]),
            "candles of binance_futures could not be completed: BTC/USTD: the newest candle differs (and 1 more); collect \
             them with `tradai data sync --exchange binance_futures --symbols BTC/USTD --timeframe 5m --start \
             2024-01-01`, or submit the job again later",
        ),
    ];
    for (errors, expected) in cases {
        *partition.stub.collecting.lock().unwrap() = vec![job("failed", &errors)];
        let id = partition.taken(&Partition::on_exchange()).await;
        let shown = partition.shown(id).await;
        assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!(expected)));
    }
    assert!(partition.world.tasks.started().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_says_that_its_candles_are_collected_and_can_be_cancelled_meanwhile() {
    let partition = Partition::new().await;
    *partition.stub.collecting.lock().unwrap() = vec![job("running", &json!([])); 100_000];
    let id = partition.taken(&Partition::on_exchange()).await;
    let path = format!("{BACKTESTS}/{id}");
    let shown = || async { partition.world.get(&path).await.json()["collecting"].clone() };
    until(|| async { shown().await["candles_done"] == 500 }).await;
    let far = json!({"series_done": 0, "series_total": 2, "candles_done": 500, "candles_total": 900});
    assert_eq!(shown().await, far);
    // Who listens from now on is told at once.
    let request = Request::get(format!("{path}/events")).body(Body::empty()).unwrap();
    let mut stream =
        partition.world.app.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let mut said = String::new();
    while !said.contains("event: snapshot") {
        said += &String::from_utf8_lossy(&stream.next().await.unwrap().unwrap());
    }
    assert!(said.contains(&format!("\"collecting\":{far}")), "{said}");
    assert_eq!(partition.world.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
    until(|| async { shown().await.is_null() }).await;
    assert!(partition.world.tasks.started().is_empty());
    // Nobody waits for what data-collection does.
    let is_cancelled = |asked: &(String, HeaderMap, Value)| asked.0.ends_with("/cancel");
    until(|| async { partition.stub.asked("/api/v1/sync/").iter().any(is_cancelled) }).await;
    let asked = partition.stub.asked("/api/v1/sync/");
    let (_, headers, _) = asked.iter().find(|asked| is_cancelled(asked)).unwrap();
    assert!(!headers.contains_key(ON_BEHALF_OF), "that nobody waits any more is the backend's own doing");
    // Who comes later is told what happened, by number.
    let told = async |since: u64| {
        events(&partition.world.get(&format!("{path}/events?since_seq={since}")).await.text)
    };
    let all = told(0).await;
    let kinds: Vec<&str> = all.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["state", "collecting", "collecting", "state"]);
    assert_eq!((&all[2]["data"]["candles_done"], &all[2]["data"]["job_id"]), (&json!(500), &json!(id)));
    assert_eq!(told(all[1]["seq"].as_u64().unwrap()).await, all[2..]);
}

/// A job that was taken in is not to fail because a service is restarted.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_data_collection_holds_a_job_up_and_no_more() {
    let partition = Partition::new().await;
    partition.candles.set(Line::Cut);
    let id = partition.taken(&Partition::on_exchange()).await;
    // Longer than a call is repeated that is given up.
    let shown = partition.world.get(&format!("{BACKTESTS}/{id}?wait=8")).await.json();
    assert_eq!(shown["status"], "pending", "{shown}");
    partition.candles.set(Line::Up);
    partition.world.started(id).await;
}

/// The messages of server-sent events.
fn events(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn strategies_are_checked_at_submission_where_somebody_knows_them() {
    let partition = Partition::new().await;
    let (status, _, text) = partition.world.post(BACKTESTS, &request("EmaCros")).await.problem();
    assert_eq!((status, &*text), (422, "/strategy there is no strategy `EmaCros`; did you mean EmaCross?"));
    let listed = partition.world.get("/api/v1/strategies?limit=2").await;
    assert_eq!(listed.json()["items"][1]["name"], "EmaCross");
    assert!(listed.json().get("stale").is_none() && listed.header("warning").is_empty());
    assert!(partition.stub.asked("/api/v1/strategies?limit=2").len() == 1);
    assert_eq!(partition.world.get("/api/v1/strategies/Demo").await.json()["timeframe"], "5m");
    assert_eq!(partition.world.get("/api/v1/strategies/Other").await.problem().0, 404);
    assert_eq!(partition.world.get("/api/v1/strategies/..%2Fx").await.problem().0, 404);
    partition.strategies.set(Line::Cut);
    partition.taken(&request("EmaCros")).await;
}

/// The network between the services breaks, in both ways in which it can, and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn fault_x43_a_partition_is_labelled_survived_and_healed() {
    let partition = Partition::new().await;
    let fresh = partition.world.get("/api/v1/strategies").await.json();
    assert_eq!(partition.dependency("strategy-service").await, "up");
    for line in [Line::Cut, Line::Silent] {
        partition.set(line);
        // Reads: what was known, labelled.
        let stale = partition.world.get("/api/v1/strategies").await;
        assert_eq!((stale.status, stale.header("warning")), (200, "110 - \"Response is Stale\""), "{line:?}");
        assert_eq!((&stale.json()["stale"], &stale.json()["items"]), (&json!(true), &fresh["items"]));
        assert!(stale.json()["age_seconds"].is_u64());
        // What is not known is said to be away, by name.
        let away = partition.world.get("/api/v1/strategies/EmaCross").await;
        let (status, code, text) = away.problem();
        assert!(status == 503 && code == "EXT001" && text.starts_with("strategy-service"), "{text}");
        assert!(!away.header("retry-after").is_empty());
        // Neither is anything changed there, and a browser is told when to come back, too.
        let unchanged =
            partition.world.post("/strategies/Demo/configs/v1-0f1e2d3c/activate", &json!({})).await;
        assert!(unchanged.status == 503 && unchanged.text.contains("strategy-service"), "{}", unchanged.text);
        assert!(!unchanged.header("retry-after").is_empty());
        // Readiness names both, and the service itself is ready: adr/0007.
        until(|| async { partition.dependency("data-collection").await != "up" }).await;
        until(|| async { partition.dependency("strategy-service").await != "up" }).await;
        // A job that needs nobody is taken; one that needs candles is refused once that is known to be in vain.
        partition.taken(&request("Demo")).await;
        let refused = async {
            loop {
                let reply = partition.world.post(BACKTESTS, &Partition::on_exchange()).await;
                if reply.status == 503 {
                    return reply;
                }
                // Each look is one more failure.
                partition.dependency("data-collection").await;
            }
        };
        let refused = tokio::time::timeout(PATIENCE, refused).await.expect("the breaker opens");
        assert!(!refused.header("retry-after").is_empty());
        partition.set(Line::Up);
        until(|| async { partition.dependency("data-collection").await == "up" }).await;
        until(|| async { partition.world.get("/api/v1/strategies").await.json().get("stale").is_none() })
            .await;
        let id = partition.taken(&Partition::on_exchange()).await;
        partition.world.started(id).await;
    }
}

/// For whoever has other instances to send requests to.
#[tokio::test(flavor = "multi_thread")]
async fn fault_x43_a_partition_takes_readiness_down_where_the_settings_say_so() {
    let mut partition = Partition::new().await;
    partition.restart(&[("BACKEND_READY_NEEDS_PEERS", "true")]).await;
    let ready = || partition.world.get("/api/v1/ready");
    assert_eq!(ready().await.json()["status"], "ready");
    partition.set(Line::Cut);
    until(|| async { ready().await.status == 503 }).await;
    let down = ready().await;
    let (_, code, _) = down.problem();
    assert_eq!(
        (code.as_str(), &down.json()["detail"]),
        ("SYS006", &json!("failing: data-collection, strategy-service"))
    );
    assert!(!down.header("retry-after").is_empty());
    assert_eq!(partition.world.get("/api/v1/health").await.status, 200, "it lives");
    partition.set(Line::Up);
    until(|| async { ready().await.status == 200 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_peers_refuse_is_told_and_lets_no_job_pass() {
    let partition = Partition::new().await;
    assert_eq!(partition.dependency("strategy-service").await, "up");
    for status in [401, 403] {
        *partition.stub.lock.lock().unwrap() = Some(status);
        let reply = partition.world.post(BACKTESTS, &request("Nobody")).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "EXT001"), "{}", reply.text);
        assert!(!reply.header("retry-after").is_empty());
        let list = partition.world.get("/api/v1/strategies").await;
        assert_eq!((list.status, list.code().as_str()), (503, "EXT001"), "{}", list.text);
        for told in [reply, list] {
            let detail = told.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("strategy-service does not let the backend in"), "{detail}");
            assert!(!told.text.contains("API_KEY") && !told.text.contains("peer-secret"), "{}", told.text);
        }
    }
    for name in ["strategy-service", "data-collection"] {
        until(|| async { partition.dependency(name).await == "down" }).await;
    }
    *partition.stub.lock.lock().unwrap() = None;
    for name in ["strategy-service", "data-collection"] {
        until(|| async { partition.dependency(name).await == "up" }).await;
    }
    // A viewer may look at strategies; they stage and activate nothing, and collect nothing.
    *partition.stub.lock.lock().unwrap() = Some(200);
    for name in ["strategy-service", "data-collection"] {
        until(|| async { partition.dependency(name).await == "down" }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_service_that_has_no_time_leaves_the_stale_list() {
    let partition = Partition::new().await;
    assert_eq!(partition.world.get("/api/v1/strategies").await.json()["stale"], Value::Null);
    *partition.stub.lock.lock().unwrap() = Some(429);
    let stale = partition.world.get("/api/v1/strategies").await;
    assert_eq!((stale.status, &stale.json()["stale"]), (200, &json!(true)), "{}", stale.text);
    let unknown = partition.world.get("/api/v1/strategies?limit=3").await;
    assert_eq!((unknown.status, unknown.header("retry-after")), (503, "5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_strategies_links_to_the_next() {
    let partition = Partition::new().await;
    let page = partition.world.get("/api/v1/strategies?limit=2").await;
    assert_eq!(page.header("link"), "</api/v1/strategies?limit=2&cursor=more>; rel=\"next\"");
    assert_eq!(partition.world.get("/api/v1/strategies").await.header("link"), "");
}
