//! What no run may hold more of, and what becomes of one that does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use serde_json::{Value, json};
use tradai_domain::ports::{WorkflowRunner, WorkflowStatus};
use tradai_domain::{Clock, ErrorKind, SystemClock};
use tradai_embedded::{Database, TaskCall, TaskHandlers, WorkflowFault};

use super::{driving, ended, run, workflows, workflows_at};

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!("x"), |inside, _| json!([inside]))
}

fn task(more: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "work", "End": true});
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"StartAt": "Work", "States": {"Work": state}})
}

async fn error(document: &Value, input: &Value, handlers: &TaskHandlers) -> Value {
    run(document, input, handlers).await.result.unwrap()
}

#[tokio::test]
async fn outputs_of_items_are_bounded_together_while_they_come() {
    let called = Arc::new(AtomicU32::new(0));
    let counted = called.clone();
    let handlers = TaskHandlers::default().with("work", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(Value::from("x".repeat(100_000))) }
    });
    let document = json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 1, "End": true,
        "ResultPath": null, "ItemProcessor": task(&json!({}))}}});
    let items: Vec<u32> = (0..100).collect();
    let failed = error(&document, &json!(items), &handlers).await;
    assert_eq!(failed["Error"], "States.DataLimitExceeded");
    assert_eq!(failed["Cause"], "the data has 300010 bytes of JSON; 262144 are allowed");
    assert_eq!(called.load(Ordering::SeqCst), 3, "the other items are not begun");
}

#[tokio::test]
async fn what_is_too_deep_to_be_read_again_is_not_kept() {
    let too_deep = "the data is nested deeper than 100 levels";
    let handlers = TaskHandlers::default()
        .with("work", |_| async { Ok(nested(101)) })
        .with("fails", |_| async { Err(WorkflowFault::new("Mine", "")) })
        .with("echo", |call: TaskCall| async move { Ok(call.input) });
    assert_eq!(error(&task(&json!({})), &json!({}), &handlers).await["Cause"], too_deep);

    let path = format!("${}", ".a".repeat(100));
    let catch = json!([{"ErrorEquals": ["Mine"], "ResultPath": path, "Next": "After"}]);
    let mut caught = task(&json!({"Resource": "fails", "Catch": catch}));
    caught["States"]["After"] = json!({"Type": "Succeed"});
    for (document, input) in [
        (task(&json!({"Resource": "echo", "Parameters": {"a": {"b.$": "$"}}})), nested(99)),
        (task(&json!({"Resource": "echo", "ResultPath": path})), json!({})),
        (caught, json!({})),
    ] {
        assert_eq!(error(&document, &input, &handlers).await["Cause"], too_deep, "{document}");
    }

    let refused = workflows(&task(&json!({}))).start("run-1", &nested(101)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert_eq!(refused.message, "the run's input is nested deeper than 100 levels");
}

#[tokio::test]
async fn a_run_whose_place_cannot_be_read_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let document = task(&json!({}));
    let workflows = workflows_at(Database::open(&path).unwrap(), &document, Arc::new(SystemClock));
    let execution = workflows.start("run-1", &json!({})).await.unwrap();
    let sql = "INSERT INTO workflow_branches (execution, branch, progress) VALUES (?1, '', ?2)";
    let progress = json!({"At": {"entry": 1, "state": "Work", "input": nested(200), "entered_at": 0,
        "retries": [], "resume_at": null}});
    rusqlite::Connection::open(&path).unwrap().execute(sql, [&execution, &progress.to_string()]).unwrap();

    let failed = driving(&workflows, &TaskHandlers::default(), ended(&workflows, &execution)).await;
    assert_eq!(failed.status, WorkflowStatus::Failed);
    let told = json!({"Error": "States.Runtime", "Cause": "what is kept of the run cannot be read"});
    assert_eq!(failed.result.unwrap(), told);
}

/// An hour passes between any two looks at it.
struct LeapingClock(AtomicI64);

impl Clock for LeapingClock {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        let hours = self.0.fetch_add(1, Ordering::SeqCst);
        chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hours)
    }
}

#[tokio::test]
async fn what_is_tried_again_for_ever_ends_with_the_events_of_a_run() {
    let document =
        task(&json!({"Retry": [{"ErrorEquals": ["Mine"], "IntervalSeconds": 1, "BackoffRate": 1.0,
        "MaxAttempts": 99_999_999}]}));
    let handlers = TaskHandlers::default().with("work", |_| async { Err(WorkflowFault::new("Mine", "")) });
    let clock = Arc::new(LeapingClock(AtomicI64::new(0)));
    let workflows = workflows_at(Database::in_memory().unwrap(), &document, clock);
    let (failed, events) = driving(&workflows, &handlers, async {
        let execution = workflows.start("run-1", &json!({})).await.unwrap();
        let failed = ended(&workflows, &execution).await;
        (failed, workflows.history(&execution, 24_990, 100).await.unwrap().len())
    })
    .await;
    assert_eq!((failed.status, events), (WorkflowStatus::Failed, 10));
    let told = json!({"Error": "States.Runtime", "Cause": "the run has more than 25000 events"});
    assert_eq!(failed.result.unwrap(), told);
}

#[tokio::test]
async fn texts_of_a_handlers_fault_are_cut() {
    let handlers = TaskHandlers::default()
        .with("work", |_| async { Err(WorkflowFault::new("ä".repeat(1_000), "ö".repeat(1_000_000))) });
    let failed = error(&task(&json!({})), &json!({}), &handlers).await;
    let lengths = ["Error", "Cause"].map(|field| failed[field].as_str().unwrap().len());
    assert_eq!(lengths, [256, 32_768]);
}

#[tokio::test]
async fn runs_that_wait_do_not_keep_newer_ones_from_their_turn() {
    let document = json!({"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "BooleanEquals": true, "Next": "Wait"}],
            "Default": "Done"},
        "Wait": {"Type": "Wait", "Seconds": 99_999, "End": true},
        "Done": {"Type": "Succeed"}}});
    let workflows = workflows(&document);
    // Their names come first too, should the newest be started in the same millisecond.
    for number in 0..1_000 {
        workflows.start(&format!("waits-{number}"), &json!(true)).await.unwrap();
    }
    let newest = driving(&workflows, &TaskHandlers::default(), async {
        let execution = workflows.start("y-newest", &json!(false)).await.unwrap();
        ended(&workflows, &execution).await
    })
    .await;
    assert_eq!(newest.status, WorkflowStatus::Succeeded);
    let first = workflows.find("backtest:waits-0").await.unwrap().unwrap();
    assert_eq!((first.status, first.result), (WorkflowStatus::Running, None));
}
