//! States one after the other.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;

use super::{Halt, Running};
use crate::workflow::document::{State, States};
use crate::workflow::history::WorkflowStep;
use crate::workflow::places::Place;
use crate::workflow::store::{Attempt, Cursor, Progress, To, Transition};

/// Where a branch is, and what its states see.
pub(super) struct Spot<'a> {
    pub(super) branch: &'a str,
    pub(super) cursor: &'a Cursor,
    /// What a map's states see of their item.
    pub(super) item: Option<&'a Value>,
}

impl Running {
    /// Goes through the states of a branch, from where it was left, and returns its output. `item` is what a map's
    /// states see of their item. The place is the branch's own.
    pub(super) fn branch<'a>(
        &'a self,
        branch: String,
        states: &'a States,
        input: Value,
        item: Option<&'a Value>,
        place: Place,
    ) -> BoxFuture<'a, Result<Value, Halt>> {
        let mut place = place;
        async move {
            let kept = self.store.progress(&self.run.execution, &branch).await?;
            let mut progress = match kept {
                Some(progress) => progress,
                None => {
                    self.keep(&branch, None, None, To::State { name: states.start.clone(), input }).await?
                }
            };
            loop {
                let cursor = match progress {
                    Progress::At(cursor) => cursor,
                    Progress::Done(output) => return Ok(output),
                    Progress::Failed(fault, of_task) => return Err(Halt::Fault(fault, of_task)),
                };
                let spot = Spot { branch: &branch, cursor: &cursor, item };
                progress = self.step(states, spot, &mut place).await?;
                if matches!(progress, Progress::At(_)) {
                    place.pass_on().await;
                }
            }
        }
        .boxed()
    }

    /// Does what a state says, and keeps what comes of it.
    async fn step(&self, states: &States, spot: Spot<'_>, place: &mut Place) -> Result<Progress, Halt> {
        let (branch, name) = (spot.branch, spot.cursor.state.clone());
        let from = spot.cursor.attempt();
        let state = states.states.get(&name).ok_or_else(|| {
            PortError::new(
                ErrorKind::Data,
                format!("the run is at `{name}`, which is no state of its document"),
            )
        })?;
        let (left, to) = match self.visit(state, &spot, place).await {
            Ok((output, Some(next))) => {
                (WorkflowStep::StateExited { state: name }, To::State { name: next, input: output })
            }
            Ok((output, None)) => (WorkflowStep::StateExited { state: name }, To::End(Ok(output))),
            Err(Halt::Fault(fault, of_task)) => self.recover(state, spot.cursor.clone(), fault, of_task),
            Err(halt) => return Err(halt),
        };
        self.keep(branch, Some(from), Some(left), to).await
    }

    /// Waits for the state's turn, and returns its output and the name of what comes next.
    async fn visit(
        &self,
        state: &State,
        spot: &Spot<'_>,
        place: &mut Place,
    ) -> Result<(Value, Option<String>), Halt> {
        if let Some(at) = spot.cursor.resume_at {
            self.rest(at, place).await?;
        }
        self.execute(state, spot, place).await
    }

    async fn keep(
        &self,
        branch: &str,
        from: Option<Attempt>,
        left: Option<WorkflowStep>,
        to: To,
    ) -> Result<Progress, Halt> {
        let transition = Transition { branch: branch.to_owned(), from, left, to, at: self.clock.now_ms() };
        let kept = self.store.keep(&self.run.execution, transition).await?;
        let (progress, events) = kept.ok_or(Halt::Stopped)?;
        for event in &events {
            tracing::debug!(execution = %self.run.execution, seq = event.seq, "{:?}", event.what);
            if let Some(tell) = &self.on_event {
                tell(&self.run.execution, event);
            }
        }
        Ok(progress)
    }
}
