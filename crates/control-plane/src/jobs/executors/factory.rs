//! Which way jobs go, by the settings.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tradai_domain::jobs::{ExecutorMode, LocalExecutionMode};
use tradai_domain::ports::{Queue, TaskRunner, WorkflowRunner};

use super::{BacktestJobSubmitter, SqsSubmitter, StepFunctionsSubmitter, TaskSubmitter};
use crate::Error;

/// What the environment says about executors. A value that is empty counts as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorSettings {
    /// `BACKEND_EXECUTOR_MODE`.
    pub mode: ExecutorMode,
    /// `BACKEND_LOCAL_EXECUTION_MODE`.
    pub local_mode: LocalExecutionMode,
    /// `BACKEND_ECS_CLUSTER`.
    pub ecs_cluster: Option<String>,
    /// `BACKEND_ECS_SUBNETS`.
    pub ecs_subnets: Vec<String>,
    /// `BACKEND_ECS_SECURITY_GROUPS`.
    pub ecs_security_groups: Vec<String>,
    /// `BACKEND_BACKTEST_QUEUE_URL`.
    pub queue_url: Option<String>,
    /// `BACKEND_STEPFUNCTIONS_STATE_MACHINE_ARN`.
    pub state_machine_arn: Option<String>,
}

impl Default for ExecutorSettings {
    /// A process of this machine per job.
    fn default() -> Self {
        Self {
            mode: ExecutorMode::Local,
            local_mode: LocalExecutionMode::Subprocess,
            ecs_cluster: None,
            ecs_subnets: Vec::new(),
            ecs_security_groups: Vec::new(),
            queue_url: None,
            state_machine_arn: None,
        }
    }
}

impl ExecutorSettings {
    /// Returns the names of the variables that the mode needs and that are missing.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let has = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.trim().is_empty());
        let has_items = |values: &[String]| values.iter().any(|value| !value.trim().is_empty());
        let needed: &[(&str, bool)] = &match self.mode {
            ExecutorMode::Local => vec![],
            ExecutorMode::Ecs => vec![
                ("BACKEND_ECS_CLUSTER", has(&self.ecs_cluster)),
                ("BACKEND_ECS_SUBNETS", has_items(&self.ecs_subnets)),
                ("BACKEND_ECS_SECURITY_GROUPS", has_items(&self.ecs_security_groups)),
            ],
            ExecutorMode::Sqs => vec![("BACKEND_BACKTEST_QUEUE_URL", has(&self.queue_url))],
            ExecutorMode::StepFunctions => {
                vec![("BACKEND_STEPFUNCTIONS_STATE_MACHINE_ARN", has(&self.state_machine_arn))]
            }
        };
        needed.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect()
    }
}

/// What a host has to hand jobs over with. It offers only what works there: no containers without a daemon.
#[derive(Clone, Default)]
pub struct ExecutorPorts {
    /// Tasks of this machine, by how they run.
    pub local: BTreeMap<LocalExecutionMode, Arc<dyn TaskRunner>>,
    /// Tasks of the cluster.
    pub ecs: Option<Arc<dyn TaskRunner>>,
    /// The queue.
    pub queue: Option<Arc<dyn Queue>>,
    /// The workflow.
    pub workflows: Option<Arc<dyn WorkflowRunner>>,
    /// Variables that every task gets, such as `MLFLOW_TRACKING_URI`.
    pub environment: BTreeMap<String, String>,
}

impl fmt::Debug for ExecutorPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorPorts")
            .field("local", &self.local.keys().collect::<Vec<_>>())
            .field("ecs", &self.ecs.is_some())
            .field("queue", &self.queue.is_some())
            .field("workflows", &self.workflows.is_some())
            .finish_non_exhaustive()
    }
}

/// Makes submitters.
#[derive(Debug, Clone, Copy)]
pub struct ExecutorFactory;

impl ExecutorFactory {
    /// Returns the submitter that the settings ask for.
    ///
    /// # Errors
    /// [`Error::Executor`] naming every variable that is missing, or what this host cannot do.
    pub fn create(
        settings: &ExecutorSettings,
        ports: &ExecutorPorts,
    ) -> Result<Arc<dyn BacktestJobSubmitter>, Error> {
        let mode = settings.mode;
        let refused = |problem: String| Error::Executor { mode, problem };
        let missing = settings.missing();
        if !missing.is_empty() {
            return Err(refused(format!("set {}", missing.join(", "))));
        }
        let absent = || refused("this program was built without it".to_owned());
        let shared = ports.environment.clone();
        Ok(match mode {
            ExecutorMode::Local => {
                let tasks = ports.local.get(&settings.local_mode).ok_or_else(|| {
                    refused(no_local_mode(settings.local_mode, ports.local.keys().copied()))
                })?;
                Arc::new(TaskSubmitter::local(tasks.clone(), shared))
            }
            ExecutorMode::Ecs => Arc::new(TaskSubmitter::ecs(ports.ecs.clone().ok_or_else(absent)?, shared)),
            ExecutorMode::Sqs => Arc::new(SqsSubmitter::new(ports.queue.clone().ok_or_else(absent)?)),
            ExecutorMode::StepFunctions => {
                Arc::new(StepFunctionsSubmitter::new(ports.workflows.clone().ok_or_else(absent)?))
            }
        })
    }

    /// As [`ExecutorFactory::create`], but with `allow_none`, for development, a host without an executor goes on and
    /// says so once: it shows jobs and takes none.
    ///
    /// # Errors
    /// Those of [`ExecutorFactory::create`], without `allow_none`.
    pub fn create_with_fallback(
        settings: &ExecutorSettings,
        ports: &ExecutorPorts,
        allow_none: bool,
    ) -> Result<Option<Arc<dyn BacktestJobSubmitter>>, Error> {
        match Self::create(settings, ports) {
            Ok(executor) => Ok(Some(executor)),
            Err(error) if allow_none => {
                tracing::warn!(%error, executor_mode = %settings.mode, "no jobs are taken: {error}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn no_local_mode(mode: LocalExecutionMode, there: impl Iterator<Item = LocalExecutionMode>) -> String {
    let there: Vec<&str> = there.map(LocalExecutionMode::as_str).collect();
    let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
    format!("BACKEND_LOCAL_EXECUTION_MODE={mode} does not work here; {there} does")
}
