//! One run: from where it was left to its end.

mod branch;
mod execute;
mod recover;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use tradai_domain::ports::PortError;
use tradai_domain::{Clock, Millis};

use super::document::WorkflowDocument;
use super::fault::WorkflowFault;
use super::handlers::TaskHandlers;
use super::history::WorkflowEvent;
use super::places::{Place, Places};
use super::store::{Cursor, Run, Store};

/// How long a clock is trusted to go on as ours does: it may be set, or be a test's.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A run that waits for a moment farther away is not held in memory until then.
const NEAR: Millis = 1_000;

/// Is told of each event once it is kept.
pub type OnWorkflowEvent = Arc<dyn Fn(&str, &WorkflowEvent) + Send + Sync>;

/// A run that is gone on with.
pub(super) struct Running {
    pub(super) run: Run,
    pub(super) document: WorkflowDocument,
    pub(super) store: Store,
    pub(super) handlers: TaskHandlers,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_event: Option<OnWorkflowEvent>,
    pub(super) places: Places,
}

/// Why a branch does not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// A state failed. The flag says whether a task reported it.
    Fault(WorkflowFault, bool),
    /// The run was stopped, or ended otherwise.
    Stopped,
    /// There is nothing to do before this moment.
    Waits(Millis),
    /// The state cannot be kept; the run is taken up later.
    Port(PortError),
}

impl From<PortError> for Halt {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<WorkflowFault> for Halt {
    fn from(fault: WorkflowFault) -> Self {
        Self::Fault(fault, false)
    }
}

impl Running {
    /// Goes on until the run ends, or has nothing to do for a while. What it came to is kept.
    ///
    /// # Errors
    /// Of the database; the run is as it was kept last.
    pub(super) async fn go_on(&self, place: Place) -> Result<(), PortError> {
        let (execution, states) = (&self.run.execution, &self.document.states);
        let whole = self.branch(String::new(), states, self.run.input.clone(), None, place);
        let time = self.document.timeout.map(|timeout| self.run.started_at.saturating_add(millis(timeout)));
        let ended = tokio::select! {
            // First, so that a run whose time is up does not wait on.
            biased;
            () = until(&*self.clock, time) => {
                let fault = WorkflowFault::timeout("the run took longer than its TimeoutSeconds");
                let how = tradai_domain::ports::WorkflowStatus::TimedOut;
                let now = self.clock.now_ms();
                self.store.end(execution, how, Some(fault.output()), now).await?;
                return Ok(());
            }
            ended = whole => ended,
        };
        match ended {
            Err(Halt::Port(error)) => Err(error),
            Err(Halt::Waits(moment)) => {
                self.store.park(execution, time.map_or(moment, |time| time.min(moment))).await
            }
            Ok(_) | Err(Halt::Fault(..) | Halt::Stopped) => Ok(()),
        }
    }

    /// Waits for a moment, without a place, if it is near.
    async fn rest(&self, moment: Millis, place: &mut Place) -> Result<(), Halt> {
        let left = moment.saturating_sub(self.clock.now_ms());
        if left > NEAR {
            return Err(Halt::Waits(moment));
        }
        if left > 0 {
            place.without(until(&*self.clock, Some(moment))).await;
        }
        Ok(())
    }

    /// The context object of a state.
    fn context(&self, cursor: &Cursor, item: Option<&Value>) -> Value {
        let mut context = json!({
            "Execution": {
                "Id": self.run.execution,
                "Name": self.run.name,
                "Input": self.run.input,
                "StartTime": time(self.run.started_at),
            },
            "State": {
                "Name": cursor.state,
                "EnteredTime": time(cursor.entered_at),
                "RetryCount": cursor.attempt().retries,
            },
            "StateMachine": {"Id": self.run.workflow, "Name": self.run.workflow},
        });
        if let Some(item) = item {
            context["Map"] = json!({"Item": item});
        }
        context
    }
}

fn millis(duration: Duration) -> Millis {
    crate::json::integer(duration.as_millis())
}

fn time(at: Millis) -> String {
    let at = DateTime::from_timestamp_millis(at).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Waits for a moment of the clock; forever for none.
async fn until(clock: &dyn Clock, moment: Option<Millis>) {
    let Some(moment) = moment else { return std::future::pending().await };
    loop {
        let left = moment.saturating_sub(clock.now_ms());
        let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
        tokio::time::sleep(Duration::from_millis(left).min(LOOK_EVERY)).await;
    }
}
