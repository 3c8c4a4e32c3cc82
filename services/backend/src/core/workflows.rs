//! Runs of workflows, as whoever looks at them sees them.

use std::sync::Arc;

use tradai_control_plane::jobs::Requester;
use tradai_control_plane::{Audit, Error};
use tradai_domain::ports::{
    WorkflowRunDetail, WorkflowRunEvent, WorkflowRunFilter, WorkflowRunPlace, WorkflowRunSummary,
    WorkflowRuns, WorkflowStatus,
};

/// Shows runs and stops them.
#[derive(Clone)]
pub(crate) struct Workflows {
    runs: Arc<dyn WorkflowRuns>,
    audit: Audit,
}

/// Part of a list.
#[derive(Debug)]
pub(crate) struct RunPage {
    /// The runs, the latest start first.
    pub(crate) runs: Vec<WorkflowRunSummary>,
    /// The place of the last of them, when there are more.
    pub(crate) more_after: Option<WorkflowRunPlace>,
}

impl Workflows {
    pub(crate) fn new(runs: Arc<dyn WorkflowRuns>, audit: Audit) -> Self {
        Self { runs, audit }
    }

    /// Returns runs that fit, the latest start first.
    pub(crate) async fn list(
        &self,
        filter: &WorkflowRunFilter,
        after: Option<&WorkflowRunPlace>,
        limit: usize,
    ) -> Result<RunPage, Error> {
        let mut runs = self.runs.list(filter, after, limit.saturating_add(1)).await?;
        let has_more = runs.len() > limit;
        runs.truncate(limit);
        let place = |run: &WorkflowRunSummary| WorkflowRunPlace {
            started_at: run.started_at,
            execution: run.execution.clone(),
        };
        let more_after = runs.last().filter(|_| has_more).map(place);
        Ok(RunPage { runs, more_after })
    }

    /// Returns a run.
    pub(crate) async fn get(&self, execution: &str) -> Result<WorkflowRunDetail, Error> {
        self.runs.get(execution).await?.ok_or_else(|| no_such(execution))
    }

    /// Returns events of a run with numbers above `after`, and the number to go on after when there are more.
    pub(crate) async fn history(
        &self,
        execution: &str,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<WorkflowRunEvent>, Option<u64>), Error> {
        self.get(execution).await?;
        let mut events = self.runs.history(execution, after, limit.saturating_add(1)).await?;
        let has_more = events.len() > limit;
        events.truncate(limit);
        let more_after = events.last().map(|event| event.seq).filter(|_| has_more);
        Ok((events, more_after))
    }

    /// Stops a run. Repeating it changes nothing.
    pub(crate) async fn stop(
        &self,
        execution: &str,
        requester: &Requester,
    ) -> Result<WorkflowRunDetail, Error> {
        // What is not there leaves no entry behind, whatever it is called.
        self.get(execution).await?;
        self.audit.note(requester, "workflow.stop", execution.to_owned()).await?;
        let reason = format!("stopped by {}", requester.actor);
        match self.runs.stop(execution, &reason).await? {
            None => Err(no_such(execution)),
            Some(WorkflowStatus::Aborted) => self.get(execution).await,
            Some(status) => Err(Error::WorkflowRunEnded { execution: execution.to_owned(), status }),
        }
    }
}

fn no_such(execution: &str) -> Error {
    Error::NoSuchWorkflowRun { execution: execution.to_owned() }
}
