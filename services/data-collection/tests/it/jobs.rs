//! Syncs that take longer than a client waits.

use serde_json::{Value, json};

use crate::support::{World, settings};

const LONG: &str = r#"{"symbols": ["BTC/USDT:USDT"], "timeframe": "1h", "start": "2020-01-01"}"#;

#[tokio::test]
async fn a_long_sync_is_a_job_that_can_be_watched() {
    let world = World::new();
    world.exchange.allow(2);
    let accepted = world.post("/api/v1/sync?wait=0", LONG).await;
    assert_eq!(accepted.status, 202);
    let job = accepted.json();
    let path = accepted.header("location").to_owned();
    assert_eq!(path, format!("/api/v1/sync/{}", job["job_id"].as_str().unwrap()));
    assert_eq!((&job["ticket_id"], &job["links"]["self"]), (&job["job_id"], &json!(path)));
    let half = world.until(&path, |job| job["progress"]["candles_answered"] == 1_000).await;
    assert_eq!((&half["status"], &half["finished_at"]), (&json!("running"), &json!(null)));
    // 36064 hours from 2020-01-01 to 1000 hours after 2024-01-01.
    assert_eq!(half["progress"]["candles_expected"], 36_064);
    world.exchange.permits.add_permits(1_000);
    let done = world.get(&format!("{path}?wait=25")).await.json();
    assert_eq!((&done["status"], &done["rows_synced"]), (&json!("completed"), &json!(36_064)));
    assert!(done["finished_at"].is_string());
}

#[tokio::test]
async fn a_cancelled_job_keeps_what_it_fetched() {
    let world = World::new();
    world.exchange.allow(3);
    let path = world.post("/api/v1/sync?wait=0", LONG).await.header("location").to_owned();
    world.until(&path, |job| job["progress"]["candles_answered"] == 1_500).await;
    let cancelled = world.post(&format!("{path}/cancel"), "").await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")));
    let stored = world.get("/api/v1/symbols").await.json();
    assert_eq!(stored["items"][0]["rows"], 1_500);
    // Again changes nothing.
    assert_eq!(world.post(&format!("{path}/cancel"), "").await.status, 200);
    let unknown = world.post("/api/v1/sync/018d0000-0000-7000-8000-000000000000/cancel", "").await;
    assert_eq!(unknown.problem().0, 404);
}

/// Backends wait for candles side by side; what one of them gives up the other one gets.
#[tokio::test]
async fn whoever_asks_for_the_same_candles_has_a_job_of_their_own() {
    let world = World::new();
    world.exchange.allow(3);
    let ensure = || world.post("/api/v1/ensure?wait=0", LONG);
    let one = ensure().await.header("location").to_owned();
    world.until(&one, |job| job["progress"]["candles_answered"] == 1_500).await;
    let other = ensure().await;
    assert_eq!(other.status, 202, "{}", other.text);
    let other = other.header("location").to_owned();
    assert_ne!(one, other);
    let cancelled = world.post(&format!("{one}/cancel"), "").await.json();
    assert_eq!(cancelled["status"], "cancelled");
    world.exchange.permits.add_permits(1_000);
    let done = world.get(&format!("{other}?wait=25")).await.json();
    assert_eq!((&done["status"], &done["rows_synced"]), (&json!("completed"), &json!(36_064 - 1_500)));
}

#[tokio::test]
async fn jobs_are_listed_and_limited() {
    let world = World::with(&settings(&[("DATA_COLLECTION_MAX_JOBS", "2")]));
    world.exchange.allow(0);
    for _ in 0..2 {
        assert_eq!(world.post("/api/v1/sync?wait=0", LONG).await.status, 202);
    }
    let refused = world.post("/api/v1/sync?wait=0", LONG).await;
    let problem = refused.problem();
    assert_eq!((problem.0, problem.1.as_str(), refused.header("retry-after")), (503, "SYS003", "30"));
    assert!(problem.2.contains("2 sync jobs are under way"), "{problem:?}");
    let page = world.get("/api/v1/sync?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = world.get(&format!("/api/v1/sync?limit=1&cursor={cursor}")).await.json();
    assert!(page["items"][0]["job_id"].as_str() > next["items"][0]["job_id"].as_str(), "the newest first");
    assert_eq!(next["next_cursor"], json!(null));
}

#[tokio::test]
async fn stopping_the_service_ends_jobs_and_keeps_what_they_fetched() {
    let world = World::new();
    world.exchange.allow(3);
    let path = world.post("/api/v1/sync?wait=0", LONG).await.header("location").to_owned();
    world.until(&path, |job| job["progress"]["candles_answered"] == 1_500).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = tokio::spawn(tradai_service::serve(listener, world.app.clone(), world.shutdown.clone()));
    world.shutdown.stop();
    tokio::time::timeout(std::time::Duration::from_secs(30), serving).await.unwrap().unwrap().unwrap();
    assert_eq!(world.get(&path).await.json()["status"], "cancelled");
    assert_eq!(world.get("/api/v1/symbols").await.json()["items"][0]["rows"], 1_500);
    assert_eq!(world.post("/api/v1/sync", LONG).await.problem().1, "SYS006");
}

/// A service that answers two requests at a time goes on while three wait for their candles.
#[tokio::test]
async fn who_waits_for_candles_keeps_nobody_out() {
    let world = World::with(&settings(&[("DATA_COLLECTION_MAX_CONCURRENT_REQUESTS", "2")]));
    world.exchange.allow(0);
    let incremental = r#"{"symbols": ["ETH/USDT:USDT"], "timeframe": "1h", "start": "2020-01-01"}"#;
    let mut waiting = Vec::new();
    for (path, body) in [("sync", LONG), ("ensure", LONG), ("sync/incremental", incremental)] {
        let path = format!("/api/v1/{path}?wait=25");
        let world = &world;
        let mut reply = Box::pin(async move { world.post(&path, body).await });
        let count = waiting.len() + 1;
        let is_begun = |page: &Value| page["items"].as_array().is_some_and(|jobs| jobs.len() == count);
        tokio::select! {
            reply = &mut reply => panic!("it was not waited for: {}", reply.text),
            _ = world.until("/api/v1/sync", is_begun) => waiting.push(reply),
        }
    }
    world.exchange.permits.add_permits(1_000);
    for reply in waiting {
        let reply = reply.await;
        assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("completed")), "{}", reply.text);
    }
}
