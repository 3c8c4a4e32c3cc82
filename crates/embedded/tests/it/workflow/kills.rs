//! A process that is killed at every state of a run: the next one goes on, and nothing is done or told twice.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tradai_domain::ports::{WorkflowRunner, WorkflowStatus};
use tradai_domain::{Clock, SystemClock};
use tradai_embedded::{
    Database, SqliteWorkflows, TaskCall, TaskHandlers, WorkflowEvent, WorkflowFault, WorkflowRun,
    WorkflowStep,
};

use super::{PATIENCE, driving, ended, workflows_at};

/// Twelve states on the way of a backtest, of every kind that goes on.
fn document() -> Value {
    let task = |next: &str| json!({"Type": "Task", "Resource": "work", "ResultPath": "$.last", "Next": next});
    let inner = |name: &str| {
        let state = json!({"Type": "Task", "Resource": "work", "End": true});
        json!({"StartAt": name, "States": {name: state}})
    };
    json!({"StartAt": "Prepare", "States": {
        "Prepare": {"Type": "Pass", "Result": {"pairs": ["A", "B"]}, "ResultPath": "$.plan", "Next": "Validate"},
        "Validate": task("IsValid"),
        "IsValid": {"Type": "Choice", "Choices": [{"Variable": "$.last", "IsNumeric": true, "Next": "Settle"}],
            "Default": "Notify"},
        "Settle": {"Type": "Wait", "Seconds": 0, "Next": "Ensure"},
        "Ensure": {"Type": "Map", "ItemsPath": "$.plan.pairs", "ItemProcessor": inner("EnsureOne"),
            "ResultPath": "$.ensured", "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [inner("Run"), inner("Watch")], "ResultPath": "$.both",
            "Next": "Flaky"},
        "Flaky": {"Type": "Task", "Resource": "flaky", "ResultPath": "$.flaky", "Next": "Notify",
            "Retry": [{"ErrorEquals": ["NotYet"], "IntervalSeconds": 1, "MaxAttempts": 2, "JitterStrategy": "FULL"}]},
        "Notify": task("Done"),
        "Done": {"Type": "Succeed"}}})
}

const STATES: [&str; 12] = [
    "Prepare",
    "Validate",
    "IsValid",
    "Settle",
    "Ensure",
    "EnsureOne",
    "Both",
    "Run",
    "Watch",
    "Flaky",
    "Notify",
    "Done",
];
/// Those that call a handler.
const TASKS: [&str; 6] = ["Validate", "EnsureOne", "Run", "Watch", "Flaky", "Notify"];

/// Does something once under a token: the line in the log is the effect. What it returns follows from the line.
fn effect(folder: &Path, token: &str, line: &str) -> usize {
    let mark = folder.join("effects").join(token.replace('/', "_"));
    if mark.exists() {
        return line.len();
    }
    let mut log = std::fs::OpenOptions::new().append(true).create(true).open(folder.join("log")).unwrap();
    writeln!(log, "{line}").unwrap();
    std::fs::write(mark, "").unwrap();
    line.len()
}

/// The state that called, by the entry that its token names, and the branch that it is in: entries are numbered as they
/// come, and branches come side by side.
async fn caller(folder: &Path, token: &str) -> (String, String) {
    let entry: u64 = token.rsplit_once('/').unwrap().1.split('.').next().unwrap().parse().unwrap();
    let event = open(folder).history(EXECUTION, entry - 1, 1).await.unwrap().remove(0);
    let WorkflowStep::StateEntered { state } = event.what else { panic!("{event:?} is no entry") };
    (event.branch, state)
}

/// Kills the process that calls it, without a word.
fn die() -> ! {
    std::process::abort()
}

/// When the process dies: `entered:Run`, `left:Run`, `done:Run`; never for an empty text.
fn handlers(folder: &Path, fate: &str) -> TaskHandlers {
    let work = |fails_at_first: bool| {
        let (folder, fate) = (folder.to_owned(), fate.to_owned());
        move |call: TaskCall| {
            let (folder, fate) = (folder.clone(), fate.clone());
            async move {
                let (branch, state) = caller(&folder, &call.token).await;
                let attempt = call.token.rsplit_once('.').unwrap().1;
                let number = effect(&folder, &call.token, &format!("{branch} {state}.{attempt}"));
                if fate == format!("done:{state}") {
                    die();
                }
                if fails_at_first && call.token.ends_with(".0") {
                    return Err(WorkflowFault::new("NotYet", "the first attempt"));
                }
                Ok(json!(number))
            }
        }
    };
    TaskHandlers::default().with("work", work(false)).with("flaky", work(true))
}

const EXECUTION: &str = "backtest:run-1";

/// A hundred times as fast as ours: what waits for a second waits for the next look at the clock.
struct FastClock;

impl Clock for FastClock {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        let now = SystemClock.now();
        now + (now - chrono::DateTime::UNIX_EPOCH) * 99
    }
}

fn open(folder: &Path) -> SqliteWorkflows {
    workflows_at(Database::open(&folder.join("state.db")).unwrap(), &document(), Arc::new(FastClock))
}

/// Goes on with the run to where the process dies, or to its end if it is not to die.
async fn live(folder: &Path, fate: &str) -> WorkflowRun {
    let told = fate.to_owned();
    let workflows = open(folder).on_event(Arc::new(move |_, event: &WorkflowEvent| {
        let at = match &event.what {
            WorkflowStep::StateEntered { state } => format!("entered:{state}"),
            WorkflowStep::StateExited { state } => format!("left:{state}"),
            _ => return,
        };
        if at == told {
            die();
        }
    }));
    driving(&workflows, &handlers(folder, fate), async {
        let execution = workflows.start("run-1", &json!({"job": 1})).await.unwrap();
        if !fate.is_empty() {
            // The end of a run is kept before it is told, and who stops at its end is not told any more. A fate that never
            // comes is the test's to see.
            tokio::time::sleep(PATIENCE / 2).await;
        }
        ended(&workflows, &execution).await
    })
    .await
}

/// Started by the test below, which tells it when to die.
#[tokio::test]
#[ignore = "a process that another test starts"]
async fn worker() {
    let Some(folder) = std::env::var_os("TRADAI_WORKFLOW_FOLDER") else { return };
    live(Path::new(&folder), &std::env::var("TRADAI_WORKFLOW_FATE").unwrap()).await;
}

fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("effects")).unwrap();
    folder
}

/// What a run did and told, without what depends on the moment: branches run side by side.
async fn account(folder: &Path, run: &WorkflowRun) -> (Value, Vec<String>, Vec<String>) {
    let mut events: Vec<String> = open(folder)
        .history(EXECUTION, 0, 1_000)
        .await
        .unwrap()
        .into_iter()
        .map(|event| match event.what {
            WorkflowStep::StateRetried { state, fault, .. } => format!("{state} retried: {fault}"),
            what => format!("{} {what:?}", event.branch),
        })
        .collect();
    events.sort();
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    let mut effects: Vec<String> =
        log.lines().map(|token| token.rsplit('/').next().unwrap().to_owned()).collect();
    effects.sort();
    (run.result.clone().unwrap(), events, effects)
}

/// X01 for workflows: killed after each state was entered, after it was left, and for tasks also after their work was
/// done and before that was kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_x01_a_run_killed_at_any_state_goes_on_and_does_nothing_twice() {
    let undisturbed = prepared();
    let run = live(undisturbed.path(), "").await;
    assert_eq!(run.status, WorkflowStatus::Succeeded, "{:?}", run.result);
    let expected = account(undisturbed.path(), &run).await;
    assert_eq!(expected.2.len(), 8, "{:?}", expected.2);

    let fates = ["entered", "left"].iter().flat_map(|when| STATES.map(|state| format!("{when}:{state}")));
    let fates: BTreeSet<String> = fates.chain(TASKS.map(|state| format!("done:{state}"))).collect();
    for fate in fates {
        let folder = prepared();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["workflow::kills::worker", "--exact", "--ignored", "--test-threads=1"])
            .env("TRADAI_WORKFLOW_FOLDER", folder.path())
            .env("TRADAI_WORKFLOW_FATE", &fate)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), None, "{fate}: it was not killed");
        let run = live(folder.path(), "").await;
        assert_eq!(run.status, WorkflowStatus::Succeeded, "{fate}: {:?}", run.result);
        let found = account(folder.path(), &run).await;
        assert_eq!(found.0, expected.0, "{fate}");
        assert_eq!(found.1, expected.1, "{fate}: told");
        assert_eq!(found.2, expected.2, "{fate}: done");
    }
}
