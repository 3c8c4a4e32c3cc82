//! Runs of a workflow that exist and do nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, WorkflowRunner, WorkflowStatus};

/// A [`WorkflowRunner`] whose runs go on until they are stopped.
#[derive(Debug, Default)]
pub struct MemoryWorkflows(Mutex<BTreeMap<String, (Value, WorkflowStatus)>>);

impl MemoryWorkflows {
    /// Returns names and inputs of all runs, by name.
    #[must_use]
    pub fn started(&self) -> Vec<(String, Value)> {
        self.with(|runs| runs.iter().map(|(name, (input, _))| (name.clone(), input.clone())).collect())
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, (Value, WorkflowStatus)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const PREFIX: &str = "arn:memory:execution:";

#[async_trait]
impl WorkflowRunner for MemoryWorkflows {
    async fn start(&self, name: &str, input: &Value) -> Result<String, PortError> {
        self.with(|runs| {
            let run = runs.entry(name.to_owned());
            let (first, _) = run.or_insert_with(|| (input.clone(), WorkflowStatus::Running));
            if first != input {
                let text = format!("the workflow's run {name} was started with another input");
                return Err(PortError::new(ErrorKind::Conflict, text));
            }
            Ok(format!("{PREFIX}{name}"))
        })
    }

    async fn status(&self, execution: &str) -> Result<Option<WorkflowStatus>, PortError> {
        let name = execution.strip_prefix(PREFIX).unwrap_or_default();
        Ok(self.with(|runs| runs.get(name).map(|(_, status)| *status)))
    }

    async fn stop(&self, execution: &str, _reason: &str) -> Result<(), PortError> {
        let name = execution.strip_prefix(PREFIX).unwrap_or_default();
        self.with(|runs| {
            if let Some((_, status @ WorkflowStatus::Running)) = runs.get_mut(name) {
                *status = WorkflowStatus::Aborted;
            }
        });
        Ok(())
    }
}
