//! Faults, retries, time, stopping, and who goes on with runs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tradai_domain::ports::{WorkflowRunner, WorkflowStatus};
use tradai_domain::{Clock, ManualClock, SystemClock};
use tradai_embedded::{Database, SqliteWorkflows, TaskCall, TaskHandlers, WorkflowFault, WorkflowStep};

use super::{driving, ended, output, run, workflows, workflows_at};

/// A task that fails so often with this error before it succeeds; its calls are counted.
fn failing(times: u32, error: &'static str) -> (TaskHandlers, Arc<Mutex<Vec<TaskCall>>>) {
    let calls: Arc<Mutex<Vec<TaskCall>>> = Arc::default();
    let kept = calls.clone();
    let handlers = TaskHandlers::default().with("work", move |call: TaskCall| {
        let count = {
            let mut calls = kept.lock().unwrap();
            calls.push(call);
            u32::try_from(calls.len()).unwrap()
        };
        async move {
            if count > times {
                Ok(json!({"tries": count}))
            } else {
                Err(WorkflowFault::new(error, "not yet"))
            }
        }
    });
    (handlers, calls)
}

fn task(more: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "work", "End": true});
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"StartAt": "Work", "States": {"Work": state, "After": {"Type": "Pass", "End": true}}})
}

/// As [`task`], with a `Catch` that leads to the other state.
fn caught(more: &Value) -> Value {
    let mut document = task(more);
    document["States"]["Work"]["Catch"] =
        json!([{"ErrorEquals": ["Mine"], "ResultPath": "$.fault", "Next": "After"}]);
    document
}

fn without_after(document: &Value) -> Value {
    let mut document = document.clone();
    document["States"].as_object_mut().unwrap().remove("After");
    document
}

/// Lets a run wait on a clock that is moved on by what the history says it waits for.
async fn run_by(clock: &Arc<ManualClock>, document: &Value, handlers: &TaskHandlers) -> (Value, Vec<i64>) {
    let workflows = workflows_at(Database::in_memory().unwrap(), document, clock.clone());
    driving(&workflows, handlers, async {
        let execution = workflows.start("run-1", &json!({})).await.unwrap();
        let mut delays = Vec::new();
        let mut seen = 0;
        loop {
            for event in workflows.history(&execution, seen, 100).await.unwrap() {
                seen = event.seq;
                if let WorkflowStep::StateRetried { retry_at, .. } = event.what {
                    delays.push(retry_at - event.at);
                    clock.advance(retry_at - clock.now_ms());
                }
            }
            if workflows.status(&execution).await.unwrap() != Some(WorkflowStatus::Running) {
                let run = ended(&workflows, &execution).await;
                return (run.result.unwrap(), delays);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_task_is_tried_again_with_growing_delays() {
    let retry = json!({"Retry": [
        {"ErrorEquals": ["Other"], "MaxAttempts": 0},
        {"ErrorEquals": ["Mine"], "IntervalSeconds": 3, "MaxAttempts": 3, "BackoffRate": 2.0, "MaxDelaySeconds": 10}]});
    let document = without_after(&task(&retry));
    let clock = Arc::new(ManualClock::at(1_000));
    let (handlers, calls) = failing(3, "Mine");
    let (result, delays) = run_by(&clock, &document, &handlers).await;
    assert_eq!((result, delays), (json!({"tries": 4}), vec![3_000, 6_000, 10_000]));
    let tokens: Vec<String> = calls.lock().unwrap().iter().map(|call| call.token.clone()).collect();
    assert_eq!(tokens, ["0", "1", "2", "3"].map(|attempt| format!("backtest:run-1/1.{attempt}")));

    let (handlers, calls) = failing(9, "Mine");
    let (result, _) = run_by(&clock, &document, &handlers).await;
    assert_eq!((&result["Error"], calls.lock().unwrap().len()), (&json!("Mine"), 4));
    let (handlers, calls) = failing(9, "Other");
    let (result, _) = run_by(&clock, &document, &handlers).await;
    assert_eq!((&result["Error"], calls.lock().unwrap().len()), (&json!("Other"), 1));
}

#[tokio::test]
async fn a_caught_fault_leads_on_with_its_text_in_the_data() {
    let (handlers, _) = failing(9, "Mine");
    let done = output(&caught(&json!({})), &json!({"a": 1}), &handlers).await;
    assert_eq!(done, json!({"a": 1, "fault": {"Error": "Mine", "Cause": "not yet"}}));
    let (handlers, _) = failing(9, "Other");
    assert_eq!(run(&caught(&json!({})), &json!({}), &handlers).await.status, WorkflowStatus::Failed);
}

#[tokio::test]
async fn names_of_errors_match_as_documented() {
    for (error, name, is_caught) in [
        ("Mine", "States.ALL", true),
        ("Mine", "States.TaskFailed", true),
        ("States.Timeout", "States.TaskFailed", false),
        ("States.Timeout", "States.ALL", true),
        ("States.Runtime", "States.ALL", false),
        ("States.Runtime", "States.Runtime", false),
        ("States.DataLimitExceeded", "States.ALL", false),
        ("Mine", "mine", false),
    ] {
        let mut document = caught(&json!({}));
        document["States"]["Work"]["Catch"][0]["ErrorEquals"] = json!([name]);
        let (handlers, _) = failing(9, error);
        let run = run(&document, &json!({}), &handlers).await;
        assert_eq!(run.status == WorkflowStatus::Succeeded, is_caught, "{error} by {name}");
    }
}

#[tokio::test]
async fn a_fault_in_a_branch_ends_the_others_and_is_caught_outside() {
    // Named as what it does.
    let branch = |resource: &str| {
        json!({"StartAt": resource, "States": {
        resource: {"Type": "Task", "Resource": resource, "End": true}}})
    };
    let document = json!({"StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "Branches": [branch("work"), branch("hang")], "End": true,
            "Retry": [{"ErrorEquals": ["Once"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "After"}]},
        "After": {"Type": "Pass", "End": true}}});
    let (hangs, dropped) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let tokens: Arc<Mutex<Vec<String>>> = Arc::default();
    let (tell, counter, kept) = (hangs.clone(), dropped.clone(), tokens.clone());
    let handlers = TaskHandlers::default()
        .with("work", move |call: TaskCall| {
            let (hangs, kept) = (hangs.clone(), kept.clone());
            async move {
                // Only once the other branch is in the middle of its work.
                hangs.notified().await;
                kept.lock().unwrap().push(call.token);
                Err(WorkflowFault::new("Once", "not yet"))
            }
        })
        .with("hang", move |_| {
            let guard = Counted(counter.clone());
            tell.notify_one();
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        });
    let done = output(&document, &json!({}), &handlers).await;
    assert_eq!(done, json!({"Error": "Once", "Cause": "not yet"}));
    let tokens = tokens.lock().unwrap();
    assert_eq!((tokens.len(), dropped.load(Ordering::SeqCst)), (2, 2));
    assert_ne!(tokens[0], tokens[1], "what is tried again is another attempt");
}

#[tokio::test]
async fn an_item_or_branch_that_fails_is_not_waited_for_behind_slower_ones() {
    let states = |name: &str, input: Value| {
        json!({"StartAt": name, "States": {
        name: {"Type": "Task", "Resource": "work", "Parameters": input, "End": true}}})
    };
    let each = |at_once: u32| {
        let item = states("B", json!({"number.$": "$"}));
        json!({"Type": "Map", "MaxConcurrency": at_once, "ItemProcessor": item})
    };
    let numbered = |number: usize| states(&format!("B{number}"), json!({"number": number}));
    let side = json!({"Type": "Parallel", "Branches": (0..40).map(numbered).collect::<Vec<_>>()});
    // Only once others are done does the last one come to its turn.
    for (mut state, count) in [(each(2), 5), (each(0), 40), (side, 40)] {
        state["End"] = json!(true);
        state["Catch"] = json!([{"ErrorEquals": ["Mine"], "Next": "After"}]);
        let document = json!({"StartAt": "All", "States": {"All": state, "After": {"Type": "Succeed"}}});
        let (dropped, hangs) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let counter = dropped.clone();
        let handlers = TaskHandlers::default().with("work", move |call: TaskCall| {
            let (counter, hangs) = (counter.clone(), hangs.clone());
            async move {
                match call.input["number"].as_u64().unwrap() {
                    0 => {
                        let _guard = Counted(counter);
                        hangs.notify_one();
                        std::future::pending().await
                    }
                    last if last == count - 1 => {
                        hangs.notified().await;
                        Err(WorkflowFault::new("Mine", "the last one"))
                    }
                    other => Ok(json!(other)),
                }
            }
        });
        let items: Vec<u64> = (0..count).collect();
        let done = output(&document, &json!(items), &handlers).await;
        assert_eq!(done, json!({"Error": "Mine", "Cause": "the last one"}));
        assert_eq!(dropped.load(Ordering::SeqCst), 1, "what hangs is dropped");
    }
}

struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A task that says that it was called, and never ends.
fn hanging() -> (TaskHandlers, Arc<Notify>, Arc<AtomicU32>) {
    let (called, dropped) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let (tell, counter) = (called.clone(), dropped.clone());
    let handlers = TaskHandlers::default().with("work", move |_| {
        let guard = Counted(counter.clone());
        tell.notify_one();
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    (handlers, called, dropped)
}

#[tokio::test]
async fn a_run_that_is_stopped_drops_its_task() {
    let (handlers, called, dropped) = hanging();
    let workflows = workflows(&without_after(&task(&json!({}))));
    let run = driving(&workflows, &handlers, async {
        let execution = workflows.start("run-1", &json!({})).await.unwrap();
        called.notified().await;
        workflows.stop(&execution, "not needed").await.unwrap();
        while dropped.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ended(&workflows, &execution).await
    })
    .await;
    assert_eq!(run.status, WorkflowStatus::Aborted);
    assert_eq!(run.result.unwrap()["Cause"], "not needed");
}

#[tokio::test]
async fn time_is_up_for_tasks_and_runs_by_the_given_clock() {
    let in_state = task(&json!({"TimeoutSeconds": 30}));
    let mut of_run = without_after(&task(&json!({})));
    of_run["TimeoutSeconds"] = json!(30);
    for (document, status) in
        [(without_after(&in_state), WorkflowStatus::Failed), (of_run, WorkflowStatus::TimedOut)]
    {
        let clock = Arc::new(ManualClock::at(1_000));
        let (handlers, called, _) = hanging();
        let workflows = workflows_at(Database::in_memory().unwrap(), &document, clock.clone());
        let run = driving(&workflows, &handlers, async {
            let execution = workflows.start("run-1", &json!({})).await.unwrap();
            called.notified().await;
            clock.advance(29_999);
            assert_eq!(workflows.status(&execution).await.unwrap(), Some(WorkflowStatus::Running));
            clock.advance(1);
            ended(&workflows, &execution).await
        })
        .await;
        assert_eq!((run.status, &run.result.unwrap()["Error"]), (status, &json!("States.Timeout")));
        assert_eq!(run.ended_at, Some(31_000));
    }
}

#[tokio::test]
async fn a_wait_lasts_until_its_moment() {
    for (wait, until) in [
        (json!({"Seconds": 60}), 61_000),
        (json!({"SecondsPath": "$.seconds"}), 6_000),
        (json!({"Timestamp": "1970-01-01T00:00:30Z"}), 30_000),
        (json!({"TimestampPath": "$.at"}), 90_000),
    ] {
        let mut state = json!({"Type": "Wait", "End": true});
        state.as_object_mut().unwrap().extend(wait.as_object().unwrap().clone());
        let document = json!({"StartAt": "Wait", "States": {"Wait": state}});
        let clock = Arc::new(ManualClock::at(1_000));
        let workflows = workflows_at(Database::in_memory().unwrap(), &document, clock.clone());
        let input = json!({"seconds": 5, "at": "1970-01-01T01:01:30+01:00"});
        let run = driving(&workflows, &TaskHandlers::default(), async {
            let execution = workflows.start("run-1", &input).await.unwrap();
            while workflows.history(&execution, 0, 1).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            clock.advance(until - 1_000);
            ended(&workflows, &execution).await
        })
        .await;
        assert_eq!((run.status, run.ended_at), (WorkflowStatus::Succeeded, Some(until)), "{wait}");
    }
}

#[tokio::test]
async fn one_process_goes_on_with_runs_and_the_next_one_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let (path, lock) = (folder.path().join("state.db"), folder.path().join("workflows.lock"));
    let document = without_after(&task(&json!({})));
    let open = || workflows_at(Database::open(&path).unwrap(), &document, Arc::new(SystemClock));
    let (first, second) = (open(), open());
    let calls: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let handlers = |who: &'static str| {
        let calls = calls.clone();
        TaskHandlers::default().with("work", move |call| {
            calls.lock().unwrap().push(who);
            async move { Ok(call.input) }
        })
    };
    let (stop_first, stop_second) = (CancellationToken::new(), CancellationToken::new());
    let drive = |workflows: &SqliteWorkflows, who, stop: &CancellationToken| {
        let (workflows, handlers, lock, stop) =
            (workflows.clone(), handlers(who), lock.clone(), stop.clone());
        tokio::spawn(async move { workflows.drive(&handlers, Some(&lock), stop).await })
    };
    let first_task = drive(&first, "first", &stop_first);
    let execution = first.start("run-1", &json!({})).await.unwrap();
    ended(&first, &execution).await;
    let second_task = drive(&second, "second", &stop_second);
    // Started by the process that waits, and gone on with by the one that holds the lock.
    let execution = second.start("run-2", &json!({})).await.unwrap();
    ended(&second, &execution).await;
    stop_first.cancel();
    first_task.await.unwrap().unwrap();
    let execution = first.start("run-3", &json!({})).await.unwrap();
    ended(&first, &execution).await;
    stop_second.cancel();
    second_task.await.unwrap().unwrap();
    assert_eq!(*calls.lock().unwrap(), ["first", "first", "second"]);
}

#[tokio::test]
async fn a_run_keeps_the_document_that_it_was_started_with() {
    let database = Database::in_memory().unwrap();
    let result =
        |text: &str| json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": text, "End": true}}});
    let old = workflows_at(database.clone(), &result("old"), Arc::new(SystemClock));
    let new = workflows_at(database, &result("new"), Arc::new(SystemClock));
    let before = old.start("run-1", &json!({})).await.unwrap();
    let after = new.start("run-2", &json!({})).await.unwrap();
    let (before, after) = driving(&new, &TaskHandlers::default(), async {
        (ended(&new, &before).await, ended(&new, &after).await)
    })
    .await;
    assert_eq!((before.result, after.result), (Some(json!("old")), Some(json!("new"))));
}

#[tokio::test]
async fn names_and_inputs_have_bounds() {
    let workflows = workflows(&without_after(&task(&json!({}))));
    let long = "x".repeat(81);
    for name in ["", "a b", "a/b", long.as_str()] {
        let refused = workflows.start(name, &json!({})).await.unwrap_err();
        assert_eq!(refused.kind, tradai_domain::ErrorKind::Invalid, "{name}");
    }
    let refused = workflows.start("run-1", &json!("x".repeat(300_000))).await.unwrap_err();
    assert!(refused.message.contains("262144 are allowed"), "{refused}");
}
