//! Jobs over HTTP: taken in, shown, listed, cancelled, deleted, and found again after a restart.

use serde_json::{Value, json};
use tradai_domain::JobId;
use tradai_domain::jobs::JobStatus::{self, Cancelled, Completed, Failed, Pending, Running};
use tradai_domain::jobs::{JobChange, JobFigures, JobRecord, WorkflowType};
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_testkit::MemoryTasks;
use tradai_testkit::sample::new_job;

use crate::support::{BACKTESTS, Reply, World, json_request, request};

async fn with_key(world: &World, key: &str, body: &Value) -> Reply {
    world.send(json_request(Request::post(BACKTESTS).header("idempotency-key", key), body)).await
}

fn path(id: JobId) -> String {
    format!("{BACKTESTS}/{id}")
}

#[tokio::test]
async fn a_completed_backtest_shows_its_figures() {
    let world = World::new();
    let id = world.submit("Demo").await;
    assert_eq!(world.get(&path(id)).await.json()["result"], Value::Null);
    let result = json!({"stake_currency": "USDT",
        "statistics": {"total_trades": 12, "profit_total": 0.034, "sharpe": null, "daily_profit": []}});
    let figures = Some(JobFigures::of_result(result.as_object().unwrap()));
    world.change(id, JobChange { figures, ..JobChange::status(Completed, 7) }).await;
    let shown = world.get(&path(id)).await.json()["result"].clone();
    assert_eq!((&shown["total_trades"], &shown["profit_total"]), (&json!(12), &json!(0.034)));
    assert_eq!((&shown["sharpe"], &shown["stake_currency"]), (&Value::Null, &json!("USDT")));
    assert_eq!(world.get(BACKTESTS).await.json()["items"][0]["result"], shown);
}

#[tokio::test]
async fn a_backtest_is_taken_in_at_once_and_shown() {
    let world = World::new();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let builder = Request::post(BACKTESTS).header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let reply = world.send(json_request(builder, &request("Demo"))).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let body = reply.json();
    let id = body["job_id"].as_str().unwrap();
    assert_eq!(reply.header("location"), format!("{BACKTESTS}/{id}"));
    assert_eq!((&body["ticket_id"], &body["status"]), (&body["job_id"], &json!("pending")));
    assert_eq!(body["trace_id"], trace);
    assert_eq!(body["links"]["cancel"], format!("{BACKTESTS}/{id}/cancel"));
    let id: JobId = id.parse().unwrap();
    world.started(id).await;
    let task = world.tasks.started().remove(0);
    assert_eq!((&*task.environment["STRATEGY"], &*task.environment["TRACE_ID"]), ("Demo", trace));
    world.report(id, Running).await;
    let shown = world.get(&path(id)).await.json();
    assert_eq!(
        (&shown["status"], &shown["progress"], &shown["strategy"]),
        (&json!("running"), &json!(0.0), &json!("Demo"))
    );
    assert!(shown["started_at"].as_str().unwrap().ends_with('Z'), "{shown}");
    world.report(id, Completed).await;
    let shown = world.get(&path(id)).await.json();
    assert_eq!((&shown["status"], &shown["progress"]), (&json!("completed"), &json!(1.0)));
}

#[tokio::test]
async fn every_value_that_is_not_allowed_is_named() {
    let world = World::new();
    let body =
        json!({"strategy": "../x", "symbols": ["BTC/USDT", "nonsense"], "timeframe": "7m", "end": "soon"});
    let (status, code, text) = world.post(BACKTESTS, &body).await.problem();
    assert_eq!((status, &*code), (422, "VAL002"));
    for pointer in ["/strategy ", "/symbols/1 ", "/timeframe ", "/end "] {
        assert!(text.contains(pointer), "{text}");
    }
    let (status, _, text) = world.post(BACKTESTS, &json!({"strategy": "A", "stake": 1})).await.problem();
    assert!(status == 422 && text.starts_with("/stake "), "{text}");
    assert_eq!(world.get(BACKTESTS).await.json()["items"], json!([]));
}

#[tokio::test]
async fn older_addresses_lead_to_the_same() {
    let world = World::new();
    let reply = world.post("/api/v1/backtest", &request("Demo")).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    assert!(!reply.header("deprecation").is_empty());
    assert!(reply.header("link").contains("</api/v1/backtests>; rel=\"successor-version\""));
    for request in [Request::post("/backtests?a=b"), Request::get("/backtests?a=b")] {
        let moved = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((moved.status, moved.header("location")), (308, "/api/v1/backtests?a=b"));
    }
}

#[tokio::test]
async fn a_repeated_request_gets_its_job_also_after_a_restart() {
    let world = World::new();
    let first = with_key(&world, "k-1", &request("Demo")).await;
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = with_key(&world, "k-1", &request("Demo")).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    let (folder, tasks) = world.stop().await;
    let world = World::on(folder, tasks, &[]);
    let later = with_key(&world, "k-1", &request("Demo")).await;
    assert_eq!(later.header("idempotency-replayed"), "true");
    for reply in [&again, &later] {
        assert_eq!(reply.json()["job_id"], first.json()["job_id"]);
    }
    let (status, code, _) = with_key(&world, "k-1", &request("Other")).await.problem();
    assert_eq!((status, &*code), (422, "VAL006"));
    let (status, _, text) = with_key(&world, "", &request("Demo")).await.problem();
    assert!(status == 422 && text.starts_with("/Idempotency-Key"), "{text}");
    assert_eq!(world.get(BACKTESTS).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let world = World::new();
    let mut ids = Vec::new();
    for strategy in ["Alpha", "Beta", "Alpha", "Alpha", "Beta"] {
        ids.push(world.submit(strategy).await.to_string());
    }
    ids.reverse();
    let of = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["job_id"].as_str().unwrap().to_owned()).collect()
    };
    let (mut seen, mut target) = (Vec::new(), format!("{BACKTESTS}?limit=2"));
    loop {
        let reply = world.get(&target).await;
        let page = reply.json();
        seen.extend(of(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        target = format!("{BACKTESTS}?limit=2&cursor={cursor}");
        assert_eq!(reply.header("link"), format!("<{target}>; rel=\"next\""));
    }
    assert_eq!(seen, ids);
    let beta = world.get(&format!("{BACKTESTS}?strategy=Beta&status=PENDING&sort=-created_at")).await.json();
    assert_eq!(of(&beta), [ids[0].clone(), ids[3].clone()]);
    let trace = beta["items"][0]["trace_id"].as_str().unwrap();
    assert_eq!(of(&world.get(&format!("{BACKTESTS}?trace_id={trace}")).await.json()), [ids[0].clone()]);
    for (query, pointer) in [
        ("status=queued", "/status"),
        ("strategy=..", "/strategy"),
        ("trace_id=x", "/trace_id"),
        ("workflow_type=x", "/workflow_type"),
        ("sort=status", "/sort"),
        ("limit=0", "/limit"),
        ("cursor=x", "/cursor"),
        ("page=2", "/page"),
    ] {
        let (status, _, text) = world.get(&format!("{BACKTESTS}?{query}")).await.problem();
        assert!(status == 422 && text.starts_with(pointer), "{query}: {text}");
    }
}

#[tokio::test]
async fn jobs_that_are_not_there_or_of_another_kind_are_not_found() {
    let world = World::new();
    let id: JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
    let record = JobRecord::pending(id, WorkflowType::Train, "Demo".parse().unwrap(), id.into(), 1);
    world.wiring.jobs.create(&new_job(record)).await.unwrap();
    for name in [id.to_string(), "018cc251-f400-7000-8000-000000000002".to_owned(), "latest".to_owned()] {
        let path = format!("{BACKTESTS}/{name}");
        assert_eq!(world.get(&path).await.problem().0, 404);
        assert_eq!(world.post(&format!("{path}/cancel"), &json!({})).await.problem().0, 404);
        assert_eq!(world.delete(&path).await.problem().0, 404);
    }
    assert_ne!(world.wiring.jobs.get(id).await.unwrap().unwrap().status, Cancelled);
}

#[tokio::test]
async fn waiting_ends_with_the_job() {
    let world = World::new();
    let id = world.submit("Demo").await;
    world.started(id).await;
    let waiting = path(id) + "?wait=30";
    let (shown, ()) = tokio::join!(world.get(&waiting), async {
        world.report(id, Running).await;
        world.report(id, Failed).await;
    });
    assert_eq!((&shown.json()["status"], &shown.json()["error"]), (&json!("failed"), &json!("no candles")));
    assert_eq!(world.get(&waiting).await.json()["status"], "failed", "one that has ended is not waited for");
    assert_eq!(world.get(&(path(id) + "?wait=31")).await.problem().0, 422);
    let other = world.submit("Demo").await;
    assert_eq!(world.get(&(path(other) + "?wait=0")).await.json()["status"], "pending");
}

#[tokio::test]
async fn cancelling_works_in_every_state() {
    let world = World::with(&[("BACKEND_PARALLEL_JOBS", "1")]);
    for status in JobStatus::ALL {
        let id = world.submit("Demo").await;
        world.started(id).await;
        match status {
            Pending => {}
            Cancelled => drop(world.post(&(path(id) + "/cancel"), &json!({})).await),
            Running => world.report(id, Running).await,
            Completed | Failed => {
                world.report(id, Running).await;
                world.report(id, status).await;
            }
        }
        let reply = world.post(&(path(id) + "/cancel"), &json!({})).await;
        if matches!(status, Completed | Failed) {
            let (code, text) = (reply.problem().0, reply.problem().2);
            assert!(code == 409 && text.contains(status.as_str()), "{text}");
            assert_eq!(reply.json()["job_id"], id.to_string());
        } else {
            assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("cancelled")));
        }
    }
    // One that waits for its turn is cancelled before it is ever started.
    let [running, waiting] = [world.submit("Demo").await, world.submit("Demo").await];
    world.started(running).await;
    assert_eq!(world.post(&(path(waiting) + "/cancel"), &json!({})).await.status, 200);
    world.post(&(path(running) + "/cancel"), &json!({})).await;
    let next = world.submit("Demo").await;
    world.started(next).await;
    assert!(world.tasks.started().iter().all(|task| task.name != waiting.to_string()));
}

#[tokio::test]
async fn only_jobs_that_have_ended_are_deleted() {
    let world = World::new();
    let id = world.submit("Demo").await;
    let (status, _, text) = world.delete(&path(id)).await.problem();
    assert!(status == 409 && text.contains("cancel it first"), "{text}");
    world.post(&(path(id) + "/cancel"), &json!({})).await;
    assert_eq!(world.delete(&path(id)).await.status, 204);
    assert_eq!(world.get(&path(id)).await.problem().0, 404);
}

#[tokio::test]
async fn a_restart_in_the_middle_loses_no_job() {
    let world = World::with(&[("BACKEND_PARALLEL_JOBS", "2")]);
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(world.submit("Demo").await);
    }
    for id in &ids[..2] {
        world.started(*id).await;
    }
    world.report(ids[0], Running).await;
    let (folder, tasks) = world.stop().await;
    // The program of the second dies while nobody watches.
    tasks.end(&ids[1].to_string(), None, "was killed by signal 9");
    // Room for all: which of those that wait comes first is nobody's promise.
    let world = World::on(folder, tasks, &[("BACKEND_PARALLEL_JOBS", "10")]);
    for id in &ids {
        if *id != ids[1] {
            world.started(*id).await;
            world.report(*id, Running).await;
            world.report(*id, Completed).await;
        }
        let shown = world.get(&(path(*id) + "?wait=25")).await.json();
        let expected = if *id == ids[1] { "failed" } else { "completed" };
        assert_eq!(shown["status"], expected, "{shown}");
    }
    let killed = world.get(&path(ids[1])).await.json();
    assert!(killed["error"].as_str().unwrap().contains("signal 9"), "{killed}");
}

#[tokio::test]
async fn who_may_do_what() {
    let keys = ["viewer", "trader", "admin"]
        .map(|role| format!("{role}:{role}:{}", blake3::hash(format!("key-{role}").as_bytes()).to_hex()));
    let world = World::with(&[("BACKEND_API_KEYS", &keys.join(","))]);
    let call = async |method: &str, target: String, role: &str| {
        let builder =
            Request::builder().method(method).uri(target).header("x-api-key", format!("key-{role}"));
        world.send(json_request(builder, &request("Demo"))).await
    };
    assert_eq!(world.get(BACKTESTS).await.problem().0, 401);
    assert_eq!(call("POST", BACKTESTS.to_owned(), "viewer").await.problem().0, 403);
    let submitted = call("POST", BACKTESTS.to_owned(), "trader").await.json();
    let this = format!("{BACKTESTS}/{}", submitted["job_id"].as_str().unwrap());
    assert_eq!(call("GET", this.clone(), "viewer").await.status, 200);
    assert_eq!(call("POST", format!("{this}/cancel"), "viewer").await.status, 403);
    assert_eq!(call("POST", format!("{this}/cancel"), "trader").await.status, 200);
    assert_eq!(call("DELETE", this.clone(), "trader").await.status, 403);
    assert_eq!(call("DELETE", this, "admin").await.status, 204);
}

#[tokio::test]
async fn without_an_executor_jobs_are_shown_and_none_are_taken() {
    let tasks = MemoryTasks::default();
    let world = World::on(tempfile::tempdir().unwrap(), tasks, &[]).without_executor();
    assert_eq!(world.get(BACKTESTS).await.status, 200);
    let (status, _, text) = world.post(BACKTESTS, &request("Demo")).await.problem();
    assert!(status == 503 && text.contains("no executor"), "{text}");
}

#[tokio::test]
async fn a_request_that_waits_keeps_nobody_out() {
    let world = World::with(&[("BACKEND_MAX_CONCURRENT_REQUESTS", "1")]);
    let id = world.submit("Demo").await;
    world.started(id).await;
    let wanted = format!("{}?wait=20", path(id));
    let meanwhile = async {
        let shown = world.get(&path(id)).await;
        world.report(id, Running).await;
        world.report(id, Completed).await;
        shown
    };
    let (waited, shown) = tokio::join!(world.get(&wanted), meanwhile);
    assert_eq!((shown.status, &shown.json()["status"]), (200, &json!("pending")), "{}", shown.text);
    assert_eq!(waited.json()["status"], "completed");
}
