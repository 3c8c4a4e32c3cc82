//! Workflows: what documents come to, what is wrong with them, and runs whose process is killed.

mod documents;
mod kills;
mod limits;
mod places;
mod recovery;
mod states;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tradai_domain::ports::{WorkflowRunner, WorkflowStatus};
use tradai_domain::{Clock, RandomIds, SystemClock};
use tradai_embedded::{Database, SqliteWorkflows, TaskHandlers, WorkflowDocument, WorkflowRun};

/// Longer than any run here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn workflows_at(database: Database, document: &Value, clock: Arc<dyn Clock>) -> SqliteWorkflows {
    let document = WorkflowDocument::parse(document).unwrap();
    SqliteWorkflows::new(database, "backtest", document, clock, Arc::new(RandomIds))
}

fn workflows(document: &Value) -> SqliteWorkflows {
    workflows_at(Database::in_memory().unwrap(), document, Arc::new(SystemClock))
}

/// Drives a workflow while something else goes on.
async fn driving<T>(workflows: &SqliteWorkflows, handlers: &TaskHandlers, act: impl Future<Output = T>) -> T {
    let stop = CancellationToken::new();
    let drive = workflows.drive(handlers, None, stop.clone());
    let act = async {
        let done = tokio::time::timeout(PATIENCE, act).await.unwrap();
        stop.cancel();
        done
    };
    let (driven, done) = tokio::join!(drive, act);
    driven.unwrap();
    done
}

/// Waits for a run to end.
async fn ended(workflows: &SqliteWorkflows, execution: &str) -> WorkflowRun {
    loop {
        let run = workflows.find(execution).await.unwrap().unwrap();
        if run.status != WorkflowStatus::Running {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a document to its end.
async fn run(document: &Value, input: &Value, handlers: &TaskHandlers) -> WorkflowRun {
    let workflows = workflows(document);
    driving(&workflows, handlers, async {
        let execution = workflows.start("run-1", input).await.unwrap();
        ended(&workflows, &execution).await
    })
    .await
}

/// Runs a document that succeeds, and returns its output.
async fn output(document: &Value, input: &Value, handlers: &TaskHandlers) -> Value {
    let run = run(document, input, handlers).await;
    assert_eq!(run.status, WorkflowStatus::Succeeded, "{:?}", run.result);
    run.result.unwrap()
}
