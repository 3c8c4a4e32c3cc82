//! Batches over HTTP.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tradai_domain::JobId;
use tradai_domain::jobs::{BatchChange, BatchId, BatchRecord, BatchState, JobChange, JobFigures, JobStatus};
use tradai_domain::ports::NewBatch;
use tradai_service::axum::http::Request;

use crate::submission::{exchanges, strategies};
use crate::support::{World, json_request};

const BATCHES: &str = "/api/v1/batches";

fn grid() -> Value {
    json!({
        "name": "lengths",
        "backtest": {"strategy": "EmaCross", "timerange": "20240101-20240201"},
        "axes": {"symbols": [["BTC/USDT"], ["ETH/USDT"]], "parameters": {"fast": [5, 9]}},
    })
}

fn jobs(batch: &Value) -> Vec<JobId> {
    let id = |job: &Value| job["job_id"].as_str().unwrap().parse().unwrap();
    batch["jobs"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn a_batch_is_taken_in_shown_sorted_and_cancelled() {
    let world = World::new();
    let reply = world.post(BATCHES, &grid()).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let batch = reply.json();
    let address = reply.header("location").to_owned();
    assert_eq!(batch["links"]["self"], address);
    assert_eq!(
        (&batch["state"], &batch["job_count"], &batch["name"]),
        (&json!("submitted"), &json!(4), &json!("lengths"))
    );
    let apart = [
        json!({"symbols": ["BTC/USDT"], "parameters": {"fast": 5}}),
        json!({"symbols": ["BTC/USDT"], "parameters": {"fast": 9}}),
        json!({"symbols": ["ETH/USDT"], "parameters": {"fast": 5}}),
        json!({"symbols": ["ETH/USDT"], "parameters": {"fast": 9}}),
    ];
    for (job, values) in batch["jobs"].as_array().unwrap().iter().zip(&apart) {
        assert_eq!(job["values"], *values);
    }
    let ids = jobs(&batch);
    for (id, profit) in ids.iter().zip([0.1, 0.3]) {
        let result = json!({"statistics": {"profit_total": profit}});
        let figures = Some(JobFigures::of_result(result.as_object().unwrap()));
        world.change(*id, JobChange { figures, ..JobChange::status(JobStatus::Completed, 9) }).await;
    }
    world.change(ids[2], JobChange::failed("no candles", 9)).await;
    let shown = world.get(&format!("{address}?sort=-profit_total")).await.json();
    let counts = (&shown["counts"]["completed"], &shown["counts"]["failed"]);
    assert_eq!(counts, (&json!(2), &json!(1)), "{shown}");
    assert_eq!(jobs(&shown), [ids[1], ids[0], ids[2], ids[3]]);
    assert_eq!(shown["jobs"][0]["result"]["profit_total"], 0.3);
    assert_eq!(shown["jobs"][2]["error"], "no candles");
    assert_eq!(world.get(&format!("{address}?sort=nonsense")).await.status, 422);

    let cancelled = world.post(&format!("{address}/cancel"), &Value::Null).await;
    assert_eq!((cancelled.status, &cancelled.json()["counts"]["cancelled"]), (200, &json!(1)));
    assert_eq!(cancelled.json()["state"], "cancelled");
    let list = world.get(BATCHES).await.json();
    assert_eq!(
        (list["items"].as_array().unwrap().len(), &list["items"][0]["batch_id"]),
        (1, &batch["batch_id"])
    );
    for path in [format!("{BATCHES}/x"), format!("{BATCHES}/{}", ids[0])] {
        assert_eq!(world.get(&path).await.status, 404);
        assert_eq!(world.post(&format!("{path}/cancel"), &Value::Null).await.status, 404);
    }
}

/// Why a job could not be made is told beside it: there is no other record of it.
#[tokio::test]
async fn a_job_that_could_not_be_made_says_why() {
    let world = World::new();
    let ids: Vec<JobId> = (0..4).map(|_| JobId(world.wiring.ids.next(world.wiring.clock.as_ref()))).collect();
    let record = BatchRecord {
        batch_id: BatchId(ids[0].0),
        name: None,
        strategy_name: "EmaCross".parse().unwrap(),
        trace_id: ids[0].into(),
        jobs: ids.clone(),
        state: BatchState::Submitting,
        // Of now: the service goes on with one that nobody has had in hand for a while.
        created_at: world.wiring.clock.now_ms(),
        created_by: "ann".to_owned(),
        via: None,
        ttl: None,
        cancellation: None,
        error: None,
        refused: BTreeMap::new(),
    };
    let (batch, request) = (record.batch_id, grid());
    let new = NewBatch { record, request, key: None, quota: None };
    world.wiring.batches.create(&new).await.unwrap();
    let refused = BTreeMap::from([(ids[2], "too many candles".to_owned())]);
    let change = BatchChange::Submitted { error: Some("too many candles".to_owned()), refused };
    world.wiring.batches.advance(batch, &change).await.unwrap();
    let shown = world.get(&format!("{BATCHES}/{batch}")).await.json();
    assert_eq!((&shown["counts"]["refused"], &shown["counts"]["absent"]), (&json!(1), &json!(3)), "{shown}");
    let told = |n: usize| (shown["jobs"][n]["status"].clone(), shown["jobs"][n]["error"].clone());
    assert_eq!(told(2), (json!("refused"), json!("too many candles")));
    assert_eq!(told(1), (json!("absent"), Value::Null));
    assert_eq!((&shown["jobs"][2]["progress"], &shown["progress"]), (&json!(1.0), &json!(0.25)));
}

#[tokio::test]
async fn lists_have_pages_and_a_key_makes_one_batch() {
    let world = World::new();
    for _ in 0..3 {
        assert_eq!(world.post(BATCHES, &grid()).await.status, 202);
    }
    let first = world.get(&format!("{BATCHES}?limit=2")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("{BATCHES}?limit=2&cursor={cursor}")).await.json();
    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&rest), &rest["next_cursor"]), (2, 1, &Value::Null));
    let keyed = async |body: &Value| {
        world.send(json_request(Request::post(BATCHES).header("idempotency-key", "once"), body)).await
    };
    let (one, again) = (keyed(&grid()).await, keyed(&grid()).await);
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"), "{}", again.text);
    assert_eq!(jobs(&one.json()), jobs(&again.json()));
    let mut other = grid();
    other["name"] = json!("other");
    assert_eq!(keyed(&other).await.code(), "VAL006", "the key was used for another request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_points_at_the_value_that_it_comes_of_and_nothing_is_taken_in() {
    let ((strategies, _folder), collected) = (strategies().await, exchanges().await);
    let world = World::with(&[
        ("BACKEND_STRATEGY_SERVICE_URL", &strategies),
        ("BACKEND_DATA_COLLECTION_URL", &collected),
        ("BACKEND_MAX_WAITING_JOBS_PER_CALLER", "3"),
    ]);
    let body = json!({
        "backtest": {"strategy": "EmaCross", "timerange": "20240101-20240201", "exchange": "kraken"},
        "axes": {
            "symbols": [["BTC/USDT"], ["ETH/USDT", "nonsense"]],
            "timeframe": ["1h", "7m"],
            "settings": {"stoploss": [-0.1, 5]},
            "parameters": {"fast": [9, 9999], "nope": [1]},
        },
    });
    let reply = world.post(BATCHES, &body).await;
    assert_eq!(reply.status, 422, "{}", reply.text);
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    let mut pointers: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    let expected = [
        "/axes/parameters/fast/1",
        "/axes/parameters/nope/0",
        "/axes/settings/stoploss/1",
        "/axes/symbols/1/1",
        "/axes/timeframe/1",
        "/backtest/exchange",
    ];
    assert_eq!(pointers, expected, "{errors:?}");
    let refused = world.post(BATCHES, &grid()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "30"), "{}", refused.text);
    for (axes, pointer) in [
        (json!({}), "/axes"),
        (json!({"parameters": {"fast": []}}), "/axes/parameters/fast"),
        (json!({"timeframe": [5]}), "/axes/timeframe/0"),
        (json!({"speed": [1]}), "/axes/speed"),
        (json!({"parameters": {"fast": (0..300).collect::<Vec<_>>()}}), "/axes/parameters/fast"),
    ] {
        let body = json!({"backtest": {"strategy": "EmaCross"}, "axes": axes});
        let reply = world.post(BATCHES, &body).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{axes}");
    }
    assert_eq!(world.get("/api/v1/backtests").await.json()["items"], json!([]));
    assert_eq!(world.get(BATCHES).await.json()["items"], json!([]));
}
