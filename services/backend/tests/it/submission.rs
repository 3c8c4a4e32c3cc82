//! What is refused before it is taken in, beside a strategy service that knows.

use serde_json::{Value, json};
use tradai_platform::settings::{Inputs, load};
use tradai_service::Shutdown;
use tradai_service::axum::http::Request;
use tradai_service::axum::routing::get;
use tradai_service::axum::{Json, Router};

use crate::support::{BACKTESTS, World, json_request, request};

pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
    url
}

/// The strategy service, over the strategies that ship.
pub(crate) async fn strategies() -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let inputs = Inputs::default().variable("TRADAI_DATA_DIR", folder.path().to_str().unwrap());
    let settings = load::<tradai_strategy_service::Settings>(&inputs).unwrap().settings;
    let app = tradai_strategy_service::start(&settings, &Shutdown::manual()).await.unwrap();
    (serve(app.router).await, folder)
}

pub(crate) async fn exchanges() -> String {
    let known = json!({"items": [{"exchange": "binance"}, {"exchange": "binance_futures"}]});
    serve(Router::new().route("/api/v1/exchanges", get(move || async move { Json(known) }))).await
}

/// Pointers and reasons of a refusal.
async fn refused(world: &World, body: &Value) -> Vec<(String, String)> {
    let reply = world.post(BACKTESTS, body).await;
    assert_eq!(reply.status, 422, "{body}: {}", reply.text);
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    errors.iter().map(|error| (text(error, "pointer"), text(error, "reason"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_run_is_refused_with_one_pointer_for_each_field() {
    let (strategies, _folder) = strategies().await;
    let collected = exchanges().await;
    let world = World::with(&[
        ("BACKEND_STRATEGY_SERVICE_URL", &strategies),
        ("BACKEND_DATA_COLLECTION_URL", &collected),
    ]);
    let cases = [
        (json!({"settings": {"stake_amnt": 1}}), "/settings/stake_amnt", "stake_amount"),
        (json!({"settings": {"stoploss": 5}}), "/settings/stoploss", "at least -1"),
        (json!({"settings": {"pair_whitelist": "x"}}), "/settings/pair_whitelist", "list"),
        (json!({"parameters": {"nope": 1}}), "/parameters/nope", "nope"),
        (json!({"config_id": "v99-00000000"}), "/config_id", "no config version v99-00000000"),
        (json!({"strategy_version": "9.9"}), "/strategy_version", "there is "),
        (json!({"exchange": "kraken"}), "/exchange", "allowed are binance, binance_futures"),
    ];
    let mut all = request("EmaCross");
    for (part, pointer, reason) in &cases {
        let mut body = request("EmaCross");
        for (name, value) in part.as_object().unwrap() {
            body[name] = value.clone();
            match (all[name].as_object_mut(), value.as_object()) {
                (Some(there), Some(more)) => there.extend(more.clone()),
                _ => all[name] = value.clone(),
            }
        }
        let found = refused(&world, &body).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == *pointer && found[0].1.contains(reason), "{found:?}");
    }
    let mut pointers: Vec<String> =
        refused(&world, &all).await.into_iter().map(|(pointer, _)| pointer).collect();
    let mut expected: Vec<&str> = cases.iter().map(|(_, pointer, _)| *pointer).collect();
    pointers.sort_unstable();
    expected.sort_unstable();
    assert_eq!(pointers, expected, "all at once");
    assert_eq!(world.get(BACKTESTS).await.json()["items"], json!([]));
    let mut fine = request("EmaCross");
    fine["settings"] = json!({"stake_amount": 100, "stoploss": -0.05});
    fine["exchange"] = json!("binance");
    assert_eq!(world.post(BACKTESTS, &fine).await.status, 202);
}

/// The strategy's own timeframe counts as well as one that is named.
#[tokio::test(flavor = "multi_thread")]
async fn fault_x39_a_huge_request_is_refused_by_what_it_comes_to() {
    let (strategies, _folder) = strategies().await;
    let world = World::with(&[("BACKEND_STRATEGY_SERVICE_URL", &strategies)]);
    let pairs: Vec<String> = (0..500).map(|n| format!("A{n}/USDT")).collect();
    let huge = json!({"strategy": "EmaCross", "symbols": pairs, "start": "1980-01-01"});
    let found = refused(&world, &huge).await;
    assert!(found[0].0 == "/symbols" && found[0].1.contains("at most 200000000 are allowed"), "{found:?}");
}

#[tokio::test]
async fn a_repeated_request_gets_its_job_whatever_is_away_or_gone() {
    let world = World::new();
    let send = async |world: &World, body: &Value, key: &str| {
        let request = Request::post(BACKTESTS).header("idempotency-key", key);
        world.send(json_request(request, body)).await
    };
    let mut body = request("Gone");
    body["exchange"] = json!("binance");
    let first = send(&world, &body, "k").await;
    assert_eq!(first.status, 202, "{}", first.text);
    // Nobody answers for data-collection, which the next one that needs it is told.
    let (folder, tasks) = world.stop().await;
    let (strategies, _folder) = strategies().await;
    let world = World::on(folder, tasks, &[("BACKEND_STRATEGY_SERVICE_URL", &strategies)]);
    assert_eq!(send(&world, &body, "other").await.status, 422, "the strategy is not there any more");
    let again = send(&world, &body, "k").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"), "{}", again.text);
    assert_eq!(again.json()["job_id"], first.json()["job_id"]);
}

#[tokio::test]
async fn no_more_jobs_are_taken_than_may_wait() {
    let world = World::with(&[("BACKEND_MAX_WAITING_JOBS_PER_CALLER", "2"), ("BACKEND_PARALLEL_JOBS", "1")]);
    for _ in 0..2 {
        world.submit("Demo").await;
    }
    let refused = world.post(BACKTESTS, &request("Demo")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "30"), "{}", refused.text);
    assert!(refused.text.contains("BACKEND_MAX_WAITING_JOBS_PER_CALLER"), "{}", refused.text);
}
