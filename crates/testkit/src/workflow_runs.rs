//! Laws of [`WorkflowRuns`], beside the runner that starts what it shows.

use std::sync::Arc;

use serde_json::json;
use tradai_domain::ports::{
    WorkflowRunFilter, WorkflowRunPlace, WorkflowRunSummary, WorkflowRunner, WorkflowRuns, WorkflowStatus,
};
use tradai_domain::{Clock as _, ManualClock, Millis};

/// What is held to the laws, the runner of one of its workflows, and the clock of both.
pub type Port = (Arc<dyn WorkflowRuns>, Arc<dyn WorkflowRunner>, Arc<ManualClock>);

/// Starts runs a second apart and returns their ids, the latest first.
async fn started((_, runner, clock): &Port, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        clock.advance(1_000);
        ids.push(runner.start(name, &json!({"name": name})).await.unwrap());
    }
    ids.reverse();
    ids
}

fn ids(runs: &[WorkflowRunSummary]) -> Vec<String> {
    runs.iter().map(|run| run.execution.clone()).collect()
}

/// A list has the latest start first, and goes on after a place in it.
pub async fn lists_the_latest_first(port: Port) {
    let expected = started(&port, &["a", "c", "b"]).await;
    // At the same moment as the one before.
    let same = port.1.start("d", &json!({})).await.unwrap();
    let all = port.0.list(&WorkflowRunFilter::default(), None, 10).await.unwrap();
    let mut first_two = vec![same, expected[0].clone()];
    first_two.sort_by(|one, other| other.cmp(one));
    assert_eq!(ids(&all), [first_two, expected[1..].to_vec()].concat());
    for at in 0..all.len() {
        let place = WorkflowRunPlace { started_at: all[at].started_at, execution: all[at].execution.clone() };
        let rest = port.0.list(&WorkflowRunFilter::default(), Some(&place), 2).await.unwrap();
        assert_eq!(rest, all[at + 1..].iter().take(2).cloned().collect::<Vec<_>>());
    }
}

/// A filter keeps exactly what fits every field of it.
pub async fn filters_by_every_field(port: Port) {
    let runs = started(&port, &["a", "b"]).await;
    port.0.stop(&runs[1], "not needed").await.unwrap();
    let list = async |workflow: Option<&str>, status| {
        let filter = WorkflowRunFilter { workflow: workflow.map(str::to_owned), status };
        ids(&port.0.list(&filter, None, 10).await.unwrap())
    };
    let workflow = port.0.get(&runs[0]).await.unwrap().unwrap().summary.workflow;
    assert_eq!(list(Some(&workflow), None).await, runs);
    assert_eq!(list(Some("another"), None).await, Vec::<String>::new());
    assert_eq!(list(None, Some(WorkflowStatus::Aborted)).await, runs[1..]);
    assert_eq!(list(Some(&workflow), Some(WorkflowStatus::Running)).await, runs[..1]);
}

/// A run is shown with what it was started with; one that is stopped stays so, with the reason.
pub async fn shows_and_stops(port: Port) {
    let run = started(&port, &["a"]).await.remove(0);
    let shown = port.0.get(&run).await.unwrap().unwrap();
    assert_eq!((shown.summary.name.as_str(), &shown.input), ("a", &json!({"name": "a"})));
    assert_eq!((shown.summary.status, shown.summary.ended_at), (WorkflowStatus::Running, None));
    port.2.advance(500);
    for _ in 0..2 {
        let stopped = port.0.stop(&run, "not needed").await.unwrap();
        assert_eq!(stopped, Some(WorkflowStatus::Aborted));
    }
    let shown = port.0.get(&run).await.unwrap().unwrap();
    assert_eq!(shown.summary.ended_at, Some(shown.summary.started_at + 500));
    assert_eq!(shown.result.unwrap()["Cause"], "not needed");
    assert_eq!(port.1.status(&run).await.unwrap(), Some(WorkflowStatus::Aborted));
    assert_eq!(port.0.get("nobody-knows").await.unwrap(), None);
    assert_eq!(port.0.stop("nobody-knows", "").await.unwrap(), None);
    assert_eq!(port.0.history("nobody-knows", 0, 10).await.unwrap(), []);
}

/// What ended before a moment goes, with its history and its name; what ended then or goes on stays.
pub async fn deletes_what_has_ended(port: Port) {
    let runs = started(&port, &["a", "b", "c"]).await;
    for run in &runs[1..] {
        port.2.advance(1_000);
        port.0.stop(run, "not needed").await.unwrap();
    }
    let list = async || ids(&port.0.list(&WorkflowRunFilter::default(), None, 10).await.unwrap());
    let last_end = port.2.now_ms();
    port.0.delete_ended(last_end - 1_000).await.unwrap();
    assert_eq!(list().await, runs);
    port.0.delete_ended(last_end).await.unwrap();
    assert_eq!(list().await, [runs[0].clone(), runs[2].clone()]);
    assert_eq!(port.0.get(&runs[1]).await.unwrap(), None);
    assert_eq!(port.0.history(&runs[1], 0, 10).await.unwrap(), []);
    port.0.delete_ended(Millis::MAX).await.unwrap();
    assert_eq!(list().await, runs[..1]);
    port.1.start("a", &json!({"another": "input"})).await.unwrap();
}
