//! Starting, stopping and looking at runs.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tradai_domain::ports::{PortError, WorkflowRunner, WorkflowStatus};
use tradai_domain::{Clock, ErrorKind, IdSource, Millis};

use super::document::WorkflowDocument;
use super::history::WorkflowEvent;
use super::limits;
use super::run::OnWorkflowEvent;
use super::store::{Run, Started, Store};
use crate::Database;

/// Characters of a run's name.
const MAX_NAME: usize = 80;
/// Runs that are at work at the same time, if nobody says otherwise.
const AT_WORK: usize = 64;

/// [`WorkflowRunner`] in a [`Database`], which may hold the runs of several workflows, by name.
#[derive(Clone)]
pub struct SqliteWorkflows {
    pub(super) store: Store,
    pub(super) workflow: String,
    document: Arc<WorkflowDocument>,
    pub(super) clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    pub(super) on_event: Option<OnWorkflowEvent>,
    pub(super) at_work: usize,
    /// Runs were started or stopped in this process.
    pub(super) changed: Arc<Notify>,
}

/// A run as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowRun {
    /// Its id.
    pub execution: String,
    /// What it was started as.
    pub name: String,
    /// What it was started with.
    pub input: Value,
    /// Where it stands.
    pub status: WorkflowStatus,
    /// When it was started.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
    /// Its output, or `{"Error": ..., "Cause": ...}` of one that did not succeed.
    pub result: Option<Value>,
}

impl SqliteWorkflows {
    /// Returns the workflow of this name. New runs follow the document; those under way follow the one that they were
    /// started with.
    #[must_use]
    pub fn new(
        database: Database,
        workflow: impl Into<String>,
        document: WorkflowDocument,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self {
            store: Store(database),
            workflow: workflow.into(),
            document: Arc::new(document),
            clock,
            ids,
            on_event: None,
            at_work: AT_WORK,
            changed: Arc::default(),
        }
    }

    /// Tells of each event of the runs that this process goes on with, once it is kept.
    #[must_use]
    pub fn on_event(mut self, tell: OnWorkflowEvent) -> Self {
        self.on_event = Some(tell);
        self
    }

    /// Bounds how many runs (or branches of them) this process goes through states of at the same time; 64 otherwise,
    /// at least one. Those that wait for a moment or a task do not count.
    #[must_use]
    pub fn at_work(mut self, most: usize) -> Self {
        self.at_work = most;
        self
    }

    /// Returns a run, or `None` when there is none of this id.
    ///
    /// # Errors
    /// Of the database.
    pub async fn find(&self, execution: &str) -> Result<Option<WorkflowRun>, PortError> {
        let run = self.store.find(execution).await?.filter(|run| run.workflow == self.workflow);
        Ok(run.map(|run| WorkflowRun {
            execution: run.execution,
            name: run.name,
            input: run.input,
            status: run.status,
            started_at: run.started_at,
            ended_at: run.ended_at,
            result: run.result,
        }))
    }

    /// Returns up to `limit` events of a run after a number, oldest first.
    ///
    /// # Errors
    /// Of the database.
    pub async fn history(
        &self,
        execution: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WorkflowEvent>, PortError> {
        self.store.history(execution, after, limit).await
    }

    fn new_run(&self, name: &str, input: &Value) -> Run {
        Run {
            execution: format!("{}:{name}", self.workflow),
            workflow: self.workflow.clone(),
            name: name.to_owned(),
            document: self.document.source.clone(),
            input: input.clone(),
            seed: self.ids.next(&*self.clock).to_string(),
            status: WorkflowStatus::Running,
            started_at: self.clock.now_ms(),
            ended_at: None,
            result: None,
        }
    }
}

fn check(name: &str, input: &Value) -> Result<(), PortError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let text = format!("a run's name has 1 to {MAX_NAME} of the characters a-z, A-Z, 0-9, - and _");
        return Err(PortError::new(ErrorKind::Invalid, text));
    }
    let problem = |problem| PortError::new(ErrorKind::Invalid, format!("the run's input {problem}"));
    limits::bytes(input).map(drop).map_err(problem)
}

#[async_trait]
impl WorkflowRunner for SqliteWorkflows {
    async fn start(&self, name: &str, input: &Value) -> Result<String, PortError> {
        check(name, input)?;
        let run = self.new_run(name, input);
        let execution = run.execution.clone();
        match self.store.start(run).await? {
            Started::Known { input: known } if known != *input => {
                let text = format!("the run {name} was started before, with another input");
                return Err(PortError::new(ErrorKind::Conflict, text));
            }
            Started::Known { .. } => {}
            Started::New => self.changed.notify_waiters(),
        }
        Ok(execution)
    }

    async fn status(&self, execution: &str) -> Result<Option<WorkflowStatus>, PortError> {
        self.store.status(execution).await
    }

    async fn stop(&self, execution: &str, reason: &str) -> Result<(), PortError> {
        let result = json!({"Error": "", "Cause": reason});
        let now = self.clock.now_ms();
        if self.store.end(execution, WorkflowStatus::Aborted, Some(result), now).await? {
            self.changed.notify_waiters();
        }
        Ok(())
    }
}

impl fmt::Debug for SqliteWorkflows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteWorkflows").field("workflow", &self.workflow).finish_non_exhaustive()
    }
}
