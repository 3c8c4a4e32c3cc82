//! Tasks as containers of a Docker daemon on this machine.
//!
//! A task's container has a name made of the task's, which the daemon gives to one container only: that is what makes
//! starting idempotent, whoever starts. All state is the daemon's: a task goes on when the process that started it
//! ends, and any other one finds it.

mod failure;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{ContainerState, ContainerStateStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{StreamExt, TryStreamExt};
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

use crate::tasks::{gone, is_name, last_line};
use failure::{failed, not_created, status_of};
use settings::TASK_LABEL;
pub use settings::{DockerMount, DockerSettings};

/// How long the daemon may take to answer, beyond the grace of a stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a task is looked at whose end the daemon does not tell by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many lines of a task's output are looked at for its last one.
const LOG_LINES: &str = "20";
/// Exit codes above this are those of signals, as shells and Docker count.
const SIGNALS: i64 = 128;

/// [`TaskRunner`] that starts containers. Must be used within a tokio runtime.
#[derive(Debug)]
pub struct DockerTasks {
    settings: DockerSettings,
}

impl DockerTasks {
    /// Returns a runner; the daemon is asked for the first time when something is to be done.
    #[must_use]
    pub fn new(settings: DockerSettings) -> Self {
        Self { settings }
    }

    /// Asks the daemon whether it is there.
    ///
    /// # Errors
    /// `Unavailable`, naming the socket.
    pub async fn check(&self) -> Result<(), PortError> {
        let asked = self.docker()?.ping().await;
        asked.map(drop).map_err(|error| failed(&self.settings, "containers cannot be used", &error))
    }

    /// Opening a socket costs nothing until it is used; a daemon that was restarted is found again.
    fn docker(&self) -> Result<Docker, PortError> {
        let patience = PATIENCE.saturating_add(self.settings.stop_grace);
        let socket = self.settings.socket.to_string_lossy();
        Docker::connect_with_unix(&socket, patience.as_secs(), API_DEFAULT_VERSION)
            .map_err(|error| failed(&self.settings, "containers cannot be used", &error))
    }

    /// Makes the container of a task, unless it is there.
    async fn create(&self, docker: &Docker, task: &TaskSpec, container: &str) -> Result<(), PortError> {
        let options = CreateContainerOptionsBuilder::new().name(container).build();
        match docker.create_container(Some(options), self.settings.container(task)).await {
            Ok(_) => Ok(()),
            Err(error) if status_of(&error) == Some(409) => self.check_owner(docker, task, container).await,
            Err(error) => Err(not_created(&self.settings, &error)),
        }
    }

    /// A container of our name that is somebody else's is left alone.
    async fn check_owner(&self, docker: &Docker, task: &TaskSpec, container: &str) -> Result<(), PortError> {
        let found = docker.inspect_container(container, None::<InspectContainerOptions>).await;
        let found = found.map_err(|error| failed(&self.settings, "the task cannot be started", &error))?;
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        if labels.get(TASK_LABEL) == Some(&task.name) {
            return Ok(());
        }
        let text = format!("the container {container} is there and not ours; remove or rename it");
        Err(PortError::new(ErrorKind::Conflict, text))
    }

    /// Starts a container that was made; nothing happens to one that was started before.
    async fn run(&self, docker: &Docker, container: &str) -> Result<(), PortError> {
        let state = self.state(docker, container).await?;
        if state.and_then(|state| state.status) != Some(ContainerStateStatusEnum::CREATED) {
            return Ok(());
        }
        let started = docker.start_container(container, None::<StartContainerOptions>).await;
        let Err(error) = started else { return Ok(()) };
        // A container that cannot be started would keep the name.
        let options = RemoveContainerOptionsBuilder::new().v(true).build();
        if let Err(error) = docker.remove_container(container, Some(options)).await {
            tracing::warn!(%error, container, "a container that does not start stays: {error}");
        }
        Err(failed(&self.settings, "the task cannot be started", &error))
    }

    async fn state(&self, docker: &Docker, container: &str) -> Result<Option<ContainerState>, PortError> {
        match docker.inspect_container(container, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(found.state),
            Err(error) if status_of(&error) == Some(404) => Ok(None),
            Err(error) => Err(failed(&self.settings, "the task cannot be asked for", &error)),
        }
    }

    async fn end(&self, docker: &Docker, container: &str, state: &ContainerState) -> TaskEnd {
        let code = state.exit_code.unwrap_or_default();
        let signal = (code > SIGNALS && code <= SIGNALS + 64).then_some(code - SIGNALS);
        let exit_code = if signal.is_none() { i32::try_from(code).ok() } else { None };
        let how = match (state.oom_killed, signal, exit_code) {
            (Some(true), ..) => "was killed: it took more memory than it may".to_owned(),
            (_, Some(signal), _) => format!("was killed by signal {signal}"),
            (_, _, Some(code)) => format!("ended with exit code {code}"),
            _ => "ended".to_owned(),
        };
        let said = if exit_code == Some(0) { None } else { self.last_line(docker, container).await };
        TaskEnd { exit_code, reason: said.map_or(how.clone(), |line| format!("{how}: {line}")) }
    }

    /// Returns the last thing that a task said; programs say last why they failed.
    async fn last_line(&self, docker: &Docker, container: &str) -> Option<String> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LOG_LINES).build();
        let lines: Vec<_> = docker.logs(container, Some(options)).try_collect().await.ok()?;
        let text: String = lines.iter().map(ToString::to_string).collect();
        last_line(&text)
    }
}

/// Returns the container's name, or `None` when the task's cannot be part of one.
fn container_of(name: &str) -> Option<String> {
    is_name(name).then(|| format!("tradai-task-{name}"))
}

#[async_trait]
impl TaskRunner for DockerTasks {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        let Some(container) = container_of(&task.name) else {
            let text = format!("a task cannot be named {:?}", task.name.chars().take(60).collect::<String>());
            return Err(PortError::new(ErrorKind::Invalid, text));
        };
        let docker = self.docker()?;
        self.create(&docker, task, &container).await?;
        self.run(&docker, &container).await?;
        Ok(TaskHandle(task.name.clone()))
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        use ContainerStateStatusEnum::{CREATED, DEAD, EXITED};
        let Some(container) = container_of(&task.0) else { return Ok(TaskStatus::Ended(gone())) };
        let docker = self.docker()?;
        let Some(state) = self.state(&docker, &container).await? else {
            return Ok(TaskStatus::Ended(gone()));
        };
        Ok(match state.status {
            // Whoever made it ended before it could start it; starting the task again does.
            Some(CREATED) => {
                let reason = "was not started: its starter was interrupted".to_owned();
                TaskStatus::Ended(TaskEnd { exit_code: None, reason })
            }
            Some(EXITED | DEAD) => TaskStatus::Ended(self.end(&docker, &container, &state).await),
            _ => TaskStatus::Running,
        })
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        loop {
            if let TaskStatus::Ended(end) = self.status(task).await? {
                return Ok(end);
            }
            let Some(container) = container_of(&task.0) else { return Ok(gone()) };
            let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
            let docker = self.docker()?;
            let told = docker.wait_container(&container, Some(options)).next().await;
            // What is told is that it ended, or that the connection did: its state says which.
            if !matches!(told, Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. }))) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        let Some(container) = container_of(&task.0) else { return Ok(()) };
        let grace = i32::try_from(self.settings.stop_grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(grace).build();
        match self.docker()?.stop_container(&container, Some(options)).await {
            Err(error) if status_of(&error) != Some(404) => {
                Err(failed(&self.settings, "the task cannot be stopped", &error))
            }
            _ => Ok(()),
        }
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        let (Some(container), TaskStatus::Ended(_)) = (container_of(&task.0), self.status(task).await?)
        else {
            return Ok(());
        };
        let options = RemoveContainerOptionsBuilder::new().v(true).build();
        match self.docker()?.remove_container(&container, Some(options)).await {
            Err(error) if !matches!(status_of(&error), Some(404 | 409)) => {
                Err(failed(&self.settings, "what is kept of the task cannot be deleted", &error))
            }
            _ => Ok(()),
        }
    }
}
