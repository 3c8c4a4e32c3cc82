//! States one after the other.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;

use super::{Halt, Running};
use crate::workflow::document::{State, States};
use crate::workflow::history::WorkflowStep;
use crate::workflow::store::{Attempt, Cursor, Progress, To, Transition};

impl Running {
    /// Goes through the states of a branch, from where it was left, and returns its output. `item` is what a map's
    /// states see of their item.
    pub(super) fn branch<'a>(
        &'a self,
        branch: String,
        states: &'a States,
        input: Value,
        item: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Value, Halt>> {
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
                progress = self.step(&branch, states, cursor, item).await?;
            }
        }
        .boxed()
    }

    /// Does what a state says, and keeps what comes of it.
    async fn step(
        &self,
        branch: &str,
        states: &States,
        cursor: Cursor,
        item: Option<&Value>,
    ) -> Result<Progress, Halt> {
        let name = cursor.state.clone();
        let from = cursor.attempt();
        let state = states.states.get(&name).ok_or_else(|| {
            PortError::new(
                ErrorKind::Data,
                format!("the run is at `{name}`, which is no state of its document"),
            )
        })?;
        let (left, to) = match self.visit(state, &cursor, item).await {
            Ok((output, Some(next))) => {
                (WorkflowStep::StateExited { state: name }, To::State { name: next, input: output })
            }
            Ok((output, None)) => (WorkflowStep::StateExited { state: name }, To::End(Ok(output))),
            Err(Halt::Fault(fault, of_task)) => self.recover(state, cursor, fault, of_task),
            Err(halt) => return Err(halt),
        };
        self.keep(branch, Some(from), Some(left), to).await
    }

    /// Waits for the state's turn, and returns its output and the name of what comes next.
    async fn visit(
        &self,
        state: &State,
        cursor: &Cursor,
        item: Option<&Value>,
    ) -> Result<(Value, Option<String>), Halt> {
        if let Some(at) = cursor.resume_at {
            super::until(&*self.clock, Some(at)).await;
        }
        self.execute(state, cursor, item).await
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
