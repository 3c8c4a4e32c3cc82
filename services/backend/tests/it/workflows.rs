//! Runs of workflows over HTTP.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tradai_domain::ports::WorkflowRunner as _;
use tradai_domain::{RandomIds, SystemClock};
use tradai_embedded::{Database, SqliteWorkflows, TaskHandlers, WorkflowDocument};

use crate::support::{World, until};

const RUNS: &str = "/api/v1/workflows";

/// A workflow on the state of a world, whose runs go through one state and wait for an hour in the next.
fn workflow(world: &World) -> SqliteWorkflows {
    let document = json!({"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Next": "Waits"},
        "Waits": {"Type": "Wait", "Seconds": 3_600, "End": true}}});
    let database = Database::open(&world.folder.path().join("state.db")).unwrap();
    let document = WorkflowDocument::parse(&document).unwrap();
    SqliteWorkflows::new(database, "backtest", document, Arc::new(SystemClock), Arc::new(RandomIds))
}

#[tokio::test]
async fn runs_are_listed_shown_told_and_stopped() {
    let world = World::new();
    assert_eq!(world.get(RUNS).await.json(), json!({"items": [], "next_cursor": null}));
    let (workflow, stop) = (workflow(&world), CancellationToken::new());
    let mut runs = Vec::new();
    for name in ["a", "b", "c"] {
        runs.push(workflow.start(name, &json!({"name": name})).await.unwrap());
    }
    let driving = {
        let (workflow, stop) = (workflow.clone(), stop.clone());
        tokio::spawn(async move { workflow.drive(&TaskHandlers::default(), None, stop).await })
    };
    let history = format!("{RUNS}/{}/history", runs[0]);
    let events = async || world.get(&history).await.json()["items"].as_array().unwrap().clone();
    until(|| async { events().await.len() == 3 }).await;
    let told: Vec<(String, String)> = events()
        .await
        .iter()
        .map(|event| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&event["type"]), text(&event["details"]["state"]))
        })
        .collect();
    let expected = [("state_entered", "First"), ("state_exited", "First"), ("state_entered", "Waits")];
    assert_eq!(told, expected.map(|(kind, state)| (kind.to_owned(), state.to_owned())));
    let page = world.get(&format!("{history}?limit=2")).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("{history}?limit=2&cursor={cursor}")).await.json();
    assert_eq!((&rest["items"][0]["seq"], &rest["next_cursor"]), (&json!(3), &Value::Null));

    let shown = world.get(&format!("{RUNS}/{}", runs[0])).await.json();
    assert_eq!((&shown["workflow"], &shown["status"]), (&json!("backtest"), &json!("running")));
    assert_eq!(shown["input"], json!({"name": "a"}));
    let path = format!("{RUNS}/{}/stop", runs[0]);
    for _ in 0..2 {
        let stopped = world.post(&path, &Value::Null).await;
        assert_eq!((stopped.status, &stopped.json()["status"]), (200, &json!("aborted")), "{}", stopped.text);
        assert_eq!(stopped.json()["result"]["Cause"], "stopped by local");
    }
    let ids = async |query: &str| {
        let page = world.get(&format!("{RUNS}?{query}")).await.json();
        let ids = page["items"].as_array().unwrap().iter().map(|run| run["execution"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("status=aborted").await, [json!(runs[0])]);
    assert_eq!(ids("workflow=another").await, Vec::<Value>::new());
    assert_eq!(ids("status=running&workflow=backtest").await.len(), 2);
    let first = world.get(&format!("{RUNS}?limit=2")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&format!("limit=2&cursor={cursor}")).await.len(), 1);
    assert_eq!(world.get(&format!("{RUNS}?status=nonsense")).await.status, 422);
    for path in ["nobody", "nobody/history"] {
        assert_eq!(world.get(&format!("{RUNS}/{path}")).await.status, 404);
    }
    assert_eq!(world.post(&format!("{RUNS}/nobody/stop"), &Value::Null).await.status, 404);
    let audit = world.get("/api/v1/audit").await.json();
    assert_eq!(
        (&audit["items"][0]["action"], &audit["items"][0]["subject"]),
        (&json!("workflow.stop"), &json!(runs[0]))
    );
    stop.cancel();
    driving.await.unwrap().unwrap();
}
