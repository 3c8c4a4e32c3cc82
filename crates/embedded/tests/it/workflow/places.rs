//! Many runs at once: how many are at work, who comes to their turn, and what of one that waits is held.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tradai_domain::ports::{WorkflowRunner, WorkflowStatus};
use tradai_domain::{Clock, ManualClock, SystemClock};
use tradai_embedded::{Database, SqliteWorkflows, TaskCall, TaskHandlers};
use tradai_testkit::until;

use super::{driving, ended, workflows, workflows_at};

/// A document of one state, which ends.
fn single(name: &str, state: Value) -> Value {
    let mut state = state;
    state["End"] = json!(true);
    json!({"StartAt": name, "States": {name: state}})
}

fn task(name: &str) -> Value {
    single(name, json!({"Type": "Task", "Resource": "work"}))
}

/// More than stand in line or are at work, all in the middle of their tasks.
#[tokio::test]
async fn runs_that_wait_for_tasks_keep_nobody_from_their_turn() {
    const RUNS: usize = 400;
    let document = json!({"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "BooleanEquals": true, "Next": "Work"}],
            "Default": "Done"},
        "Work": {"Type": "Task", "Resource": "work", "End": true},
        "Done": {"Type": "Succeed"}}});
    let workflows = workflows(&document).at_work(1);
    let (go_on, called) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (waits, tells) = (go_on.clone(), called.clone());
    let handlers = TaskHandlers::default().with("work", move |call: TaskCall| {
        tells.add_permits(1);
        let waits = waits.clone();
        async move {
            drop(waits.acquire().await);
            Ok(call.input)
        }
    });
    for number in 0..RUNS {
        workflows.start(&format!("waits-{number}"), &json!(true)).await.unwrap();
    }
    driving(&workflows, &handlers, async {
        drop(called.acquire_many(u32::try_from(RUNS).unwrap()).await.unwrap());
        let newest = workflows.start("newest", &json!(false)).await.unwrap();
        assert_eq!(ended(&workflows, &newest).await.status, WorkflowStatus::Succeeded);
        go_on.add_permits(RUNS);
        for number in 0..RUNS {
            let run = ended(&workflows, &format!("backtest:waits-{number}")).await;
            assert_eq!(run.status, WorkflowStatus::Succeeded);
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_that_goes_round_in_circles_lets_others_have_their_turn() {
    let document = json!({"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "BooleanEquals": true, "Next": "Round"}],
            "Default": "Done"},
        "Round": {"Type": "Pass", "Next": "Which"},
        "Done": {"Type": "Succeed"}}});
    let workflows = workflows(&document).at_work(1);
    driving(&workflows, &TaskHandlers::default(), async {
        let circle = workflows.start("circle", &json!(true)).await.unwrap();
        until(|| async { !workflows.history(&circle, 10, 1).await.unwrap().is_empty() }).await;
        let other = workflows.start("other", &json!(false)).await.unwrap();
        assert_eq!(ended(&workflows, &other).await.status, WorkflowStatus::Succeeded);
        assert_eq!(workflows.status(&circle).await.unwrap(), Some(WorkflowStatus::Running));
    })
    .await;
}

/// Branches have places of their own, and what they are branches of has none meanwhile.
#[tokio::test]
async fn branches_in_branches_need_no_more_than_one_place() {
    let inner = single("Each", json!({"Type": "Map", "ItemProcessor": task("Item")}));
    let document = single("Both", json!({"Type": "Parallel", "Branches": [inner, task("Whole")]}));
    let workflows = workflows(&document).at_work(1);
    let handlers = TaskHandlers::default().with("work", |call: TaskCall| async move {
        tokio::task::yield_now().await;
        Ok(call.input)
    });
    let run = driving(&workflows, &handlers, async {
        let execution = workflows.start("run-1", &json!([1, 2, 3])).await.unwrap();
        ended(&workflows, &execution).await
    })
    .await;
    assert_eq!(run.result, Some(json!([[1, 2, 3], [1, 2, 3]])));
}

/// What the database says of when a run has to be gone on with.
fn wakes_at(path: &Path, execution: &str) -> Option<i64> {
    let sql = "SELECT wake_at FROM workflow_runs WHERE execution = ?1";
    rusqlite::Connection::open(path).unwrap().query_row(sql, [execution], |row| row.get(0)).unwrap()
}

fn open(path: &Path, document: &Value, clock: &Arc<ManualClock>) -> SqliteWorkflows {
    workflows_at(Database::open(path).unwrap(), document, clock.clone())
}

/// A run in which nothing but moments is waited for is put down until the first of them; branches wait apart.
#[tokio::test]
async fn a_run_of_which_all_parts_wait_is_put_down_until_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let once = json!({"StartAt": "A", "States": {
        "A": {"Type": "Wait", "Seconds": 60, "Next": "B"}, "B": {"Type": "Pass", "Result": "a", "End": true}}});
    let twice = json!({"StartAt": "C", "States": {
        "C": {"Type": "Wait", "Seconds": 20, "Next": "D"}, "D": {"Type": "Wait", "Seconds": 50, "End": true}}});
    let document = single("All", json!({"Type": "Parallel", "Branches": [once, twice, task("E")]}));
    let (go_on, called) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (waits, tells) = (go_on.clone(), called.clone());
    let handlers = TaskHandlers::default().with("work", move |_| {
        tells.add_permits(1);
        let waits = waits.clone();
        async move {
            drop(waits.acquire().await);
            Ok(json!("b"))
        }
    });
    let clock = Arc::new(ManualClock::at(1_000));
    let workflows = open(&path, &document, &clock);
    let run = driving(&workflows, &handlers, async {
        let execution = workflows.start("run-1", &json!({})).await.unwrap();
        drop(called.acquire().await.unwrap());
        assert_eq!(wakes_at(&path, &execution), None, "its task is not done");
        go_on.add_permits(1);
        until(|| async { wakes_at(&path, &execution) == Some(21_000) }).await;
        clock.advance(20_000);
        // The second branch goes on, and waits again.
        until(|| async { wakes_at(&path, &execution) == Some(61_000) }).await;
        clock.advance(40_000);
        until(|| async { wakes_at(&path, &execution) == Some(71_000) }).await;
        clock.advance(10_000);
        ended(&workflows, &execution).await
    })
    .await;
    assert_eq!(run.result, Some(json!(["a", {}, "b"])));
    assert_eq!((run.ended_at, called.available_permits()), (Some(71_000), 1), "the task is not done again");
}

/// A branch whose moment comes goes on beside one that is in the middle of its task.
#[tokio::test]
async fn a_moment_in_a_branch_is_not_slept_through_behind_a_task() {
    let document = single(
        "Each",
        json!({"Type": "Map", "MaxConcurrency": 2, "ItemProcessor": {"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "Work"}],
            "Default": "Wait"},
        "Wait": {"Type": "Wait", "SecondsPath": "$", "End": true},
        "Work": {"Type": "Task", "Resource": "work", "End": true}}}}),
    );
    let go_on = Arc::new(Semaphore::new(0));
    let waits = go_on.clone();
    let handlers = TaskHandlers::default().with("work", move |call: TaskCall| {
        let waits = waits.clone();
        async move {
            drop(waits.acquire().await);
            Ok(call.input)
        }
    });
    let clock = Arc::new(ManualClock::at(1_000));
    let workflows = workflows_at(Database::in_memory().unwrap(), &document, clock.clone());
    let run = driving(&workflows, &handlers, async {
        let execution = workflows.start("run-1", &json!([0, 10, 20])).await.unwrap();
        let exits = async || {
            let events = workflows.history(&execution, 0, 100).await.unwrap();
            events
                .iter()
                .filter(|event| format!("{:?}", event.what).contains("Exited { state: \"Wait\""))
                .count()
        };
        let entered = async || {
            let events = workflows.history(&execution, 0, 100).await.unwrap();
            events
                .iter()
                .filter(|event| format!("{:?}", event.what).contains("Entered { state: \"Wait\""))
                .count()
        };
        until(|| async { entered().await == 1 }).await;
        clock.advance(10_000);
        until(|| async { exits().await == 1 && entered().await == 2 }).await;
        clock.advance(20_000);
        until(|| async { exits().await == 2 }).await;
        go_on.add_permits(1);
        ended(&workflows, &execution).await
    })
    .await;
    assert_eq!(run.result, Some(json!([0, 10, 20])));
}

#[tokio::test]
async fn time_is_up_for_a_run_that_waits_longer() {
    let mut document = single("Wait", json!({"Type": "Wait", "Seconds": 1_000}));
    document["TimeoutSeconds"] = json!(30);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let clock = Arc::new(ManualClock::at(1_000));
    let workflows = open(&path, &document, &clock);
    let run = driving(&workflows, &TaskHandlers::default(), async {
        let execution = workflows.start("run-1", &json!({})).await.unwrap();
        until(|| async { wakes_at(&path, &execution) == Some(31_000) }).await;
        clock.advance(30_000);
        ended(&workflows, &execution).await
    })
    .await;
    assert_eq!((run.status, run.ended_at), (WorkflowStatus::TimedOut, Some(31_000)));
}

/// The host of a task is gone for a while: its time is counted from its first call, and each attempt has its own.
#[tokio::test]
async fn the_time_of_a_task_goes_on_while_nobody_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let document = single(
        "Work",
        json!({"Type": "Task", "Resource": "work", "TimeoutSeconds": 60,
        "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 5, "MaxAttempts": 1}]}),
    );
    let clock = Arc::new(ManualClock::at(1_000));
    let called = Arc::new(Semaphore::new(0));
    let tells = called.clone();
    let handlers = TaskHandlers::default().with("work", move |_| {
        tells.add_permits(1);
        std::future::pending()
    });
    let call = async || called.acquire().await.unwrap().forget();

    let first = open(&path, &document, &clock);
    let execution = driving(&first, &handlers, async {
        let execution = first.start("run-1", &json!({})).await.unwrap();
        call().await;
        execution
    })
    .await;
    // Half of its time is left for the second host, and nothing of it for the third.
    clock.advance(30_000);
    let second = open(&path, &document, &clock);
    driving(&second, &handlers, async {
        call().await;
        clock.advance(29_999);
        assert_eq!(second.status(&execution).await.unwrap(), Some(WorkflowStatus::Running));
    })
    .await;
    clock.advance(1_000_000);
    let third = open(&path, &document, &clock);
    let run = driving(&third, &handlers, async {
        // It is tried again, once its pause is over, and has all of its time again.
        until(|| async { wakes_at(&path, &execution) == Some(1_065_999) }).await;
        assert_eq!(called.available_permits(), 0, "what has no time left is not called");
        clock.advance(500_000);
        call().await;
        clock.advance(60_000);
        ended(&third, &execution).await
    })
    .await;
    assert_eq!(
        (run.status, &run.result.unwrap()["Error"]),
        (WorkflowStatus::Failed, &json!("States.Timeout"))
    );
    assert_eq!(run.ended_at, Some(clock.now_ms()));
}

/// As many runs as a busy day brings: nobody waits for more than its turn, and all end.
#[tokio::test]
async fn a_thousand_runs_end() {
    let document = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Task", "Resource": "work", "End": true}}});
    let workflows = workflows_at(Database::in_memory().unwrap(), &document, Arc::new(SystemClock)).at_work(3);
    let handlers = TaskHandlers::default().with("work", |call: TaskCall| async move { Ok(call.input) });
    for number in 0..1_000 {
        workflows.start(&format!("run-{number}"), &json!(number)).await.unwrap();
    }
    driving(&workflows, &handlers, async {
        for number in 0..1_000 {
            assert_eq!(
                ended(&workflows, &format!("backtest:run-{number}")).await.result,
                Some(json!(number))
            );
        }
    })
    .await;
}
