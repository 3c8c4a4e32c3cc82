//! Containers that have ended: how, what they said, and that nothing is left of them.

use bollard::Docker;
use bollard::models::{ContainerState, ContainerStateStatusEnum};
use bollard::query_parameters::LogsOptionsBuilder;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner as _, TaskStatus};

use super::failure::{failed, status_of};
use super::{DockerTasks, container_of, removed};
use crate::tasks::{TaskFolder, last_line, with_folder};

/// How much of a container's output is kept once it has ended: its end.
const OUTPUT: usize = 1024 * 1024;
/// How much of it is looked at for its last line.
const TAIL: usize = 4_096;
/// Bytes that a line has at least, on the average.
const LINE: usize = 16;
/// Exit codes above this are those of signals, as shells and Docker count.
const SIGNALS: i64 = 128;

impl DockerTasks {
    /// Returns the end of what a task has said that has a container, at most so many bytes; `None` for any other, whose
    /// output is in its folder if anywhere.
    ///
    /// # Errors
    /// `Unavailable`, naming the socket.
    pub async fn output(&self, task: &str, bytes: usize) -> Result<Option<Vec<u8>>, PortError> {
        let Some(folder) = self.folder(task) else { return Ok(None) };
        if with_folder(move || folder.container()).await?.is_none() {
            return Ok(None);
        }
        match self.tail(&self.docker()?, &container_of(task), bytes).await {
            Err(error) if is_removed(&error) => Ok(None),
            Err(error) => Err(failed(&self.settings, "the output of the task cannot be read", &error)),
            Ok(output) => Ok(Some(output)),
        }
    }

    /// Removes containers whose tasks ended while nobody looked, and returns their number. What was to be started before
    /// a moment, and never was, is noted to be gone.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be listed.
    pub async fn sweep(&self, started_before: DateTime<Utc>) -> Result<usize, PortError> {
        let root = self.settings.folder.clone();
        let listed = with_folder(move || {
            let all = TaskFolder::all(&root)?.into_iter();
            Ok(all.filter(|folder| folder.container().is_some()).collect::<Vec<_>>())
        });
        let unread = |error: std::io::Error| {
            PortError::new(ErrorKind::Unavailable, format!("tasks cannot be listed: {error}"))
        };
        let mut swept = 0;
        for folder in listed.await?.map_err(unread)? {
            let name = folder.name();
            let is_old = folder.started().is_some_and(|at| DateTime::<Utc>::from(at) < started_before);
            let was_started = folder.container().is_some_and(|id| !id.is_empty());
            if (is_old || was_started)
                && matches!(self.status(&TaskHandle(name.clone())).await?, TaskStatus::Ended(_))
            {
                self.tidy(&name).await;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Returns how a task ended; `None` while it runs.
    pub(super) async fn look(&self, name: &str, folder: &TaskFolder) -> Result<Option<TaskEnd>, PortError> {
        use ContainerStateStatusEnum::{CREATED, DEAD, EXITED};
        if let Some(end) = noted(folder).await? {
            return Ok(Some(end));
        }
        let (docker, container) = (self.docker()?, container_of(name));
        let Some(state) = self.state(&docker, &container).await? else {
            // Somebody else may have removed it since, and noted its end before.
            return Ok(Some(noted(folder).await?.unwrap_or_else(removed)));
        };
        Ok(match state.status {
            // Whoever made it ended before it could start it; starting the task again does.
            Some(CREATED) => {
                let reason = "was not started: its starter was interrupted".to_owned();
                Some(TaskEnd { exit_code: None, reason })
            }
            Some(EXITED | DEAD) => Some(self.end(&docker, &container, &state).await),
            _ => None,
        })
    }

    /// Notes a task's end and output in its folder and removes its container, if the task has ended. What does not work
    /// is tried again by [`DockerTasks::sweep`].
    pub(super) async fn tidy(&self, name: &str) {
        if let Err(error) = self.try_tidy(name).await {
            tracing::warn!(%error, task = %name, "the container of a task stays for now: {error}");
        }
    }

    async fn try_tidy(&self, name: &str) -> Result<(), PortError> {
        let Some(folder) = self.folder(name) else { return Ok(()) };
        let made = folder.clone();
        if with_folder(move || made.container()).await?.is_none() {
            return Ok(());
        }
        let Some(end) = self.look(name, &folder).await? else { return Ok(()) };
        let (docker, container) = (self.docker()?, container_of(name));
        let output = match self.tail(&docker, &container, OUTPUT).await {
            Err(error) if is_removed(&error) => None,
            output => {
                Some(output.map_err(|error| failed(&self.settings, "its output cannot be read", &error))?)
            }
        };
        let noting = {
            let folder = folder.clone();
            move || {
                output.map_or(Ok(()), |output| folder.keep_output(&output))?;
                folder.note_end(&end)
            }
        };
        with_folder(noting).await?.map_err(|error| unnoted(&error))?;
        self.remove(&docker, &container).await?;
        with_folder(move || folder.note_removed()).await?.map_err(|error| unnoted(&error))
    }

    /// The end of a task that cannot be asked after any more.
    pub(super) fn lost(&self, error: &PortError) -> TaskEnd {
        let seconds = self.settings.lost_after.as_secs();
        let reason = format!("is lost: for {seconds} seconds, {error}");
        TaskEnd { exit_code: None, reason }
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
        if exit_code == Some(0) {
            return TaskEnd { exit_code, reason: how };
        }
        // Programs say last why they failed.
        let said = self.tail(docker, container, TAIL).await.ok();
        let said = said.and_then(|said| last_line(&String::from_utf8_lossy(&said)));
        TaskEnd { exit_code, reason: said.map_or(how.clone(), |line| format!("{how}: {line}")) }
    }

    /// Reads the end of a container's output, of which no more than twice so many bytes are in memory.
    async fn tail(
        &self,
        docker: &Docker,
        container: &str,
        bytes: usize,
    ) -> Result<Vec<u8>, bollard::errors::Error> {
        let lines = (bytes / LINE).max(1).to_string();
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&lines).build();
        let (mut logs, mut end) = (docker.logs(container, Some(options)), Vec::new());
        while let Some(piece) = logs.next().await {
            end.extend_from_slice(&piece?.into_bytes());
            if end.len() > bytes.saturating_mul(2) {
                end.drain(..end.len() - bytes);
            }
        }
        end.drain(..end.len().saturating_sub(bytes));
        Ok(end)
    }
}

/// Whether there is no container, or it is just being removed: what it said is in its folder by then.
fn is_removed(error: &bollard::errors::Error) -> bool {
    matches!(status_of(error), Some(404 | 409))
}

async fn noted(folder: &TaskFolder) -> Result<Option<TaskEnd>, PortError> {
    let folder = folder.clone();
    with_folder(move || folder.noted_end()).await
}

fn unnoted(error: &std::io::Error) -> PortError {
    let text = format!("its end cannot be noted: {error}");
    PortError::new(ErrorKind::Unavailable, text)
}
