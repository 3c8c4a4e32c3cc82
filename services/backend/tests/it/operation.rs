//! What operators ask: how jobs are run, who did what, what shares a trace, how many there were.

use serde_json::{Value, json};
use tradai_domain::jobs::JobStatus::{Completed, Running};
use tradai_service::axum::http::Request;

use crate::support::{BACKTESTS, World, json_request, request, until};

#[tokio::test]
async fn executors_say_what_other_ways_would_need() {
    let world =
        World::with(&[("BACKEND_BACKTEST_QUEUE_URL", "https://queue"), ("BACKEND_PARALLEL_JOBS", "3")]);
    let body = world.get("/api/v1/executors").await.json();
    assert_eq!(
        (&body["mode"], &body["takes_jobs"], &body["parallel_jobs"]),
        (&json!("local"), &json!(true), &json!(3))
    );
    let missing: Vec<(&Value, usize)> = body["modes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mode| (&mode["mode"], mode["missing"].as_array().unwrap().len()))
        .collect();
    let expected = [("local", 0), ("ecs", 3), ("sqs", 0), ("stepfunctions", 1)];
    assert!(missing.iter().zip(expected).all(|(found, (mode, count))| *found.0 == mode && found.1 == count));
    assert_eq!(world.without_executor().get("/api/v1/executors").await.json()["takes_jobs"], false);
}

#[tokio::test]
async fn whoever_changes_something_is_in_the_audit_log_which_admins_read() {
    let keys = ["trader", "admin"]
        .map(|role| format!("{role}:{role}:{}", blake3::hash(format!("key-{role}").as_bytes()).to_hex()));
    let world = World::with(&[("BACKEND_API_KEYS", &keys.join(","))]);
    let call = async |method: &str, target: &str, role: &str| {
        let builder =
            Request::builder().method(method).uri(target).header("x-api-key", format!("key-{role}"));
        world.send(json_request(builder, &request("Demo"))).await
    };
    let id = call("POST", BACKTESTS, "trader").await.json()["job_id"].as_str().unwrap().to_owned();
    call("POST", &format!("{BACKTESTS}/{id}/cancel"), "trader").await;
    call("DELETE", &format!("{BACKTESTS}/{id}"), "admin").await;
    assert_eq!(call("GET", "/api/v1/audit", "trader").await.problem().0, 403);
    let first = call("GET", "/api/v1/audit?limit=2", "admin").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = call("GET", &format!("/api/v1/audit?limit=2&cursor={cursor}"), "admin").await.json();
    assert_eq!(rest["next_cursor"], Value::Null);
    let all: Vec<String> = [&first, &rest]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .inspect(|entry| assert_eq!(entry["subject"], id))
        .map(|entry| format!("{} {}", entry["actor"].as_str().unwrap(), entry["action"].as_str().unwrap()))
        .collect();
    assert_eq!(all, ["admin job.delete", "trader job.cancel", "trader job.submit"]);
}

#[tokio::test]
async fn a_trace_shows_its_jobs_and_what_happened_to_them() {
    let world = World::new();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut ids = Vec::new();
    for _ in 0..2 {
        let builder =
            Request::post(BACKTESTS).header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
        let reply = world.send(json_request(builder, &request("Demo"))).await.json();
        ids.push(reply["job_id"].as_str().unwrap().parse().unwrap());
    }
    world.submit("Other").await;
    world.started(ids[0]).await;
    world.report(ids[0], Running).await;
    world.report(ids[0], Completed).await;
    let body = world.get(&format!("/api/v1/traces/{trace}")).await.json();
    assert_eq!(body["jobs"].as_array().unwrap().len(), 2);
    let statuses: Vec<&str> = body["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["new_status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["pending", "pending", "running", "completed"]);
    assert_eq!(world.get("/api/v1/traces/nonsense").await.problem().0, 422);
    let none = world.get("/api/v1/traces/018cc251f40070008000000000000001").await.json();
    assert_eq!(none["jobs"], json!([]));
    // Counted by what was told, once each.
    let counted = || async {
        world.get("/metrics").await.text.contains("tradai_jobs_reached_total{status=\"completed\"} 1")
    };
    until(counted).await;
    assert!(world.get("/metrics").await.text.contains("tradai_jobs_submitted_total 3"));
}

/// At the edge: too many bytes, and too many candles.
#[tokio::test]
async fn fault_x39_a_huge_request_is_refused_with_the_limit() {
    let world = World::new();
    let mut huge = request("Demo");
    let symbols: Vec<String> = (0..500).map(|n| format!("A{n}/USDT")).collect();
    (huge["symbols"], huge["timeframe"], huge["timerange"]) =
        (json!(symbols), json!("1m"), json!("20140101-20240101"));
    let (status, _, text) = world.post(BACKTESTS, &huge).await.problem();
    assert!(status == 422 && text.contains("2629440000 candles; at most 200000000 are allowed"), "{text}");
    let symbols: Vec<String> = (0..501).map(|n| format!("A{n}/USDT")).collect();
    (huge["symbols"], huge["timerange"]) = (json!(symbols), json!("20240101-20240102"));
    let (status, _, text) = world.post(BACKTESTS, &huge).await.problem();
    assert!(status == 422 && text.contains("501 pairs; at most 500 are allowed"), "{text}");
    huge["settings"] = json!({"x": "y".repeat(2 * 1024 * 1024)});
    let (status, code, _) = world.post(BACKTESTS, &huge).await.problem();
    assert_eq!((status, &*code), (413, "VAL004"));
    assert_eq!(world.get(BACKTESTS).await.json()["items"], json!([]));
}

/// Reports that come late, or twice, over the same path that a job's program takes.
#[tokio::test]
async fn fault_x06_a_late_report_changes_nothing_that_clients_see() {
    let world = World::new();
    let id = world.submit("Demo").await;
    world.started(id).await;
    world.report(id, Running).await;
    world.report(id, Completed).await;
    let path = format!("{BACKTESTS}/{id}");
    let ended = world.get(&path).await.json();
    for late in [Running, Completed, tradai_domain::jobs::JobStatus::Failed] {
        world.report(id, late).await;
        assert_eq!(world.get(&path).await.json(), ended, "after {late}");
    }
}
