//! Tasks as containers of a Docker daemon on this machine.
//!
//! A task's container has a name made of the task's, which the daemon gives to one container only: that is what makes
//! starting idempotent, whoever starts. While it runs, all state is the daemon's: a task goes on when the process that
//! started it ends, and any other one finds it. Once it has ended, its end and output are noted in the task's folder,
//! as those of processes are, and the container is removed.

mod ended;
mod failure;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{ContainerState, ContainerStateStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, RemoveContainerOptionsBuilder,
    StartContainerOptions, StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt;
use tokio::time::Instant;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

use crate::tasks::{Claim, TaskFolder, misnamed, unstartable, with_folder};
use failure::{failed, no_image, not_created, status_of};
use settings::TASK_LABEL;
pub use settings::{DockerMount, DockerSettings};

/// How long the daemon may take to answer, beyond the grace of a stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a task is looked at whose end the daemon does not tell by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);

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

    /// Asks the daemon whether it is there, and has the image.
    ///
    /// # Errors
    /// `Unavailable`, naming the socket; `NotFound`, naming the image.
    pub async fn check(&self) -> Result<(), PortError> {
        let docker = self.docker()?;
        let unusable = |error| failed(&self.settings, "containers cannot be used", &error);
        docker.ping().await.map_err(unusable)?;
        match docker.inspect_image(&self.settings.image).await {
            Err(error) if status_of(&error) == Some(404) => {
                Err(no_image(&self.settings, "containers cannot be used"))
            }
            found => found.map(drop).map_err(unusable),
        }
    }

    /// Opening a socket costs nothing until it is used; a daemon that was restarted is found again.
    fn docker(&self) -> Result<Docker, PortError> {
        let patience = PATIENCE.saturating_add(self.settings.stop_grace);
        let socket = self.settings.socket.to_string_lossy();
        Docker::connect_with_unix(&socket, patience.as_secs(), API_DEFAULT_VERSION)
            .map_err(|error| failed(&self.settings, "containers cannot be used", &error))
    }

    fn folder(&self, name: &str) -> Option<TaskFolder> {
        TaskFolder::new(&self.settings.folder, name)
    }

    /// Makes and starts the container of a task whose name was taken for it.
    async fn launch(&self, docker: &Docker, task: &TaskSpec, folder: &TaskFolder) -> Result<(), PortError> {
        let container = container_of(&task.name);
        self.create(docker, task, &container).await?;
        let id = self.run(docker, &container).await?;
        let noted = with_folder({
            let folder = folder.clone();
            move || folder.note_container(&id)
        });
        // Without a note, the next one who starts it finds it started.
        noted.await?.map_err(|error| unstartable(&error))
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

    /// Starts a container that was made, and returns its id; nothing happens to one that was started before.
    async fn run(&self, docker: &Docker, container: &str) -> Result<String, PortError> {
        let refused = |error| failed(&self.settings, "the task cannot be started", &error);
        let found =
            docker.inspect_container(container, None::<InspectContainerOptions>).await.map_err(refused)?;
        let id = found.id.unwrap_or_else(|| container.to_owned());
        if found.state.and_then(|state| state.status) != Some(ContainerStateStatusEnum::CREATED) {
            return Ok(id);
        }
        let started = docker.start_container(container, None::<StartContainerOptions>).await;
        let Err(error) = started else { return Ok(id) };
        // A container that cannot be started would keep the name.
        if let Err(error) = self.remove(docker, container).await {
            tracing::warn!(%error, container, "a container that does not start stays: {error}");
        }
        Err(refused(error))
    }

    /// Removes a container that does not run, if it is there.
    async fn remove(&self, docker: &Docker, container: &str) -> Result<(), PortError> {
        let options = RemoveContainerOptionsBuilder::new().v(true).build();
        match docker.remove_container(container, Some(options)).await {
            Err(error) if !matches!(status_of(&error), Some(404 | 409)) => {
                Err(failed(&self.settings, "what is kept of the task cannot be deleted", &error))
            }
            _ => Ok(()),
        }
    }

    async fn state(&self, docker: &Docker, container: &str) -> Result<Option<ContainerState>, PortError> {
        match docker.inspect_container(container, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(found.state),
            Err(error) if status_of(&error) == Some(404) => Ok(None),
            Err(error) => Err(failed(&self.settings, "the task cannot be asked for", &error)),
        }
    }

    /// Returns once the daemon says that a container does not run, or nothing any more.
    async fn until_told(&self, name: &str) -> Result<(), PortError> {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let docker = self.docker()?;
        let told = docker.wait_container(&container_of(name), Some(options)).next().await;
        // What is told is that it ended, or that the connection did: its state says which.
        if !matches!(told, Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. }))) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// The container's name.
fn container_of(task: &str) -> String {
    format!("tradai-task-{task}")
}

#[async_trait]
impl TaskRunner for DockerTasks {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        let folder = self.folder(&task.name).ok_or_else(|| misnamed(task))?;
        let handle = TaskHandle(task.name.clone());
        let docker = self.docker()?;
        let claim = {
            let folder = folder.clone();
            // Noted before anything is made, so that nobody else starts the task in another way.
            move || match folder.claim()? {
                Claim::Free(_lock) => folder.note_container("").map(|()| true),
                Claim::Taken => Ok(folder.noted_end().is_none() && folder.container().as_deref() == Some("")),
            }
        };
        if !with_folder(claim).await?.map_err(|error| unstartable(&error))? {
            return Ok(handle);
        }
        if let Err(error) = self.launch(&docker, task, &folder).await {
            // A daemon that is away may have made it: whoever starts it next goes on there.
            if error.kind != ErrorKind::Unavailable {
                with_folder(move || folder.remove()).await?;
            }
            return Err(error);
        }
        Ok(handle)
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        let Some(folder) = self.folder(&task.0) else { return Ok(TaskStatus::Ended(removed())) };
        self.look(&task.0, &folder).await.map(|found| found.map_or(TaskStatus::Running, TaskStatus::Ended))
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        let mut silent_since = None;
        loop {
            let looked = match self.status(task).await {
                Ok(TaskStatus::Ended(end)) => {
                    self.tidy(&task.0).await;
                    return Ok(end);
                }
                Ok(TaskStatus::Running) => self.until_told(&task.0).await,
                Err(error) => Err(error),
            };
            match looked {
                Ok(()) => silent_since = None,
                Err(error) if error.kind == ErrorKind::Unavailable => {
                    let since = *silent_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.settings.lost_after {
                        return Ok(self.lost(&error));
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        if !matches!(self.status(task).await?, TaskStatus::Running) {
            return Ok(());
        }
        let grace = i32::try_from(self.settings.stop_grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(grace).build();
        match self.docker()?.stop_container(&container_of(&task.0), Some(options)).await {
            Err(error) if status_of(&error) != Some(404) => {
                return Err(failed(&self.settings, "the task cannot be stopped", &error));
            }
            _ => {}
        }
        self.tidy(&task.0).await;
        Ok(())
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        let (Some(folder), TaskStatus::Ended(_)) = (self.folder(&task.0), self.status(task).await?) else {
            return Ok(());
        };
        let made = folder.clone();
        if with_folder(move || made.container()).await?.is_some() {
            self.remove(&self.docker()?, &container_of(&task.0)).await?;
        }
        with_folder(move || folder.remove()).await
    }
}

/// The end of a container that nobody saw end.
fn removed() -> TaskEnd {
    TaskEnd { exit_code: None, reason: "is gone: its container was removed".to_owned() }
}
