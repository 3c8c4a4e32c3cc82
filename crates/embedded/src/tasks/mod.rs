//! Tasks as processes of this machine.
//!
//! Each task has a folder with a locked file that is its standard input: the lock belongs to the open file, so it is
//! held exactly as long as the process lives, however it ends, and no other process can be taken for it (a number of
//! a process can). A task goes on when the process that started it ends. Tasks that are part of a process and those that
//! are containers have such a folder too, so that no runner starts what another one did, and [`AnyTasks`] knows whom
//! to ask.

mod any;
mod folder;
mod in_process;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

pub use any::AnyTasks;
#[cfg(not(feature = "docker"))]
use folder::{Claim, TaskFolder};
#[cfg(feature = "docker")]
pub(crate) use folder::{Claim, TaskFolder, last_line};
pub use in_process::{InProcessTasks, Work};

/// How long a process may take to go that cannot refuse to: its disk may be stuck.
const KILL_PATIENCE: Duration = Duration::from_secs(30);
/// How often a process that somebody else started is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What every task of a runner has in common.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments; a task's own follow.
    pub arguments: Vec<String>,
    /// Variables that every task gets; a task's own win.
    pub environment: BTreeMap<String, String>,
    /// Where the folders of tasks are.
    pub folder: PathBuf,
    /// How long a task may take to end after it was asked to.
    pub stop_grace: Duration,
}

/// [`TaskRunner`] that starts processes. Must be used within a tokio runtime.
#[derive(Debug)]
pub struct ProcessTasks {
    settings: ProcessSettings,
    /// Ends of the processes that this one started.
    children: Arc<Mutex<BTreeMap<String, watch::Receiver<Option<TaskEnd>>>>>,
    /// Names that are being started.
    starting: Mutex<BTreeSet<String>>,
}

impl ProcessTasks {
    /// Returns a runner without tasks of its own; it knows those of its folder.
    #[must_use]
    pub fn new(settings: ProcessSettings) -> Self {
        Self { settings, children: Arc::default(), starting: Mutex::default() }
    }

    /// Deletes what is kept of tasks that were started before a moment and have ended, output included, and returns
    /// their number. Their names are free then. Blocks.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the folder cannot be listed.
    pub fn sweep(&self, started_before: DateTime<Utc>) -> Result<usize, crate::Error> {
        let root = &self.settings.folder;
        let io = |source| crate::Error::Io { path: root.clone(), source };
        let mut swept = 0;
        for folder in TaskFolder::all(root).map_err(io)? {
            let is_old = folder.started().is_some_and(|at| DateTime::<Utc>::from(at) < started_before);
            // A folder says of which container nothing is left yet.
            if is_old && folder.container().is_none() && matches!(folder.status(), TaskStatus::Ended(_)) {
                folder.remove();
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn folder(&self, name: &str) -> Option<TaskFolder> {
        TaskFolder::new(&self.settings.folder, name)
    }

    fn children(&self) -> MutexGuard<'_, BTreeMap<String, watch::Receiver<Option<TaskEnd>>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: &TaskSpec, folder: &TaskFolder, lock: File) -> std::io::Result<()> {
        let output = folder.create_output()?;
        let mut command = Command::new(&self.settings.program);
        command
            .args(&self.settings.arguments)
            .args(&task.arguments)
            .env_clear()
            .envs(&self.settings.environment)
            .envs(&task.environment)
            .stdin(Stdio::from(lock))
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(output))
            // A group of its own: a Ctrl-C in our terminal is not for it, and stopping it stops what it started.
            .process_group(0);
        let mut child = command.spawn()?;
        // Its copy of the lock would outlive the process.
        drop(command);
        if let Some(pid) = child.id()
            && let Err(error) = folder.note_pid(pid)
        {
            // A process that nobody could stop must not go on.
            child.start_kill()?;
            return Err(error);
        }
        self.reap(task.name.clone(), folder.clone(), child);
        Ok(())
    }

    /// Waits for a child in a task of its own. If our process ends first, the child's lock tells its end.
    fn reap(&self, name: String, folder: TaskFolder, mut child: Child) {
        let (sender, receiver) = watch::channel(None);
        self.children().insert(name.clone(), receiver);
        let children = self.children.clone();
        tokio::spawn(async move {
            let end = match child.wait().await {
                Ok(status) => end_of(status, folder.last_line()),
                Err(error) => TaskEnd { exit_code: None, reason: format!("was lost: {error}") },
            };
            let noted = folder.note_end(&end);
            sender.send_replace(Some(end));
            match noted {
                // From here on the folder tells it.
                Ok(()) => drop(children.lock().unwrap_or_else(PoisonError::into_inner).remove(&name)),
                Err(error) => {
                    tracing::warn!(%error, task = %name, "the end of a process could not be noted: {error}");
                }
            }
        });
    }
}

fn end_of(status: ExitStatus, last_line: Option<String>) -> TaskEnd {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    };
    let reason = match last_line {
        Some(line) if status.code() != Some(0) => format!("{how}: {line}"),
        _ => how,
    };
    TaskEnd { exit_code: status.code(), reason }
}

pub(crate) fn misnamed(task: &TaskSpec) -> PortError {
    let text = format!("a task cannot be named {:?}", task.name.chars().take(60).collect::<String>());
    PortError::new(ErrorKind::Invalid, text)
}

pub(crate) fn unstartable(error: &std::io::Error) -> PortError {
    PortError::new(ErrorKind::Unavailable, format!("the task cannot be started: {error}"))
}

/// Does something with a task's folder, which blocks.
pub(crate) async fn with_folder<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PortError> {
    let done = tokio::task::spawn_blocking(act).await;
    done.map_err(|_| PortError::new(ErrorKind::Internal, "the call was stopped"))
}

/// Returns where a task stands that no runner of this process started.
async fn status_of(folder: Option<TaskFolder>) -> Result<TaskStatus, PortError> {
    let status = with_folder(move || folder.map(|folder| folder.status())).await?;
    Ok(status.unwrap_or_else(|| TaskStatus::Ended(folder::gone())))
}

/// Takes a name out of the names being started.
struct Starting<'a>(&'a Mutex<BTreeSet<String>>, String);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

#[async_trait]
impl TaskRunner for ProcessTasks {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        let folder = self.folder(&task.name).ok_or_else(|| misnamed(task))?;
        let handle = TaskHandle(task.name.clone());
        let first = self.starting.lock().unwrap_or_else(PoisonError::into_inner).insert(task.name.clone());
        if !first {
            return Ok(handle);
        }
        let starting = Starting(&self.starting, task.name.clone());
        let claimed = {
            let folder = folder.clone();
            with_folder(move || folder.claim()).await?
        };
        let refused = |error: std::io::Error| {
            let text = format!("the task cannot be started: {}: {error}", self.settings.program.display());
            PortError::new(ErrorKind::Unavailable, text)
        };
        if let Claim::Free(lock) = claimed.map_err(refused)?
            && let Err(error) = self.spawn(task, &folder, lock)
        {
            folder.remove();
            return Err(refused(error));
        }
        drop(starting);
        Ok(handle)
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        if let Some(end) = self.children().get(&task.0) {
            return Ok(end.borrow().clone().map_or(TaskStatus::Running, TaskStatus::Ended));
        }
        status_of(self.folder(&task.0)).await
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        let child = self.children().get(&task.0).cloned();
        if let Some(mut child) = child
            && let Ok(end) = child.wait_for(Option::is_some).await
            && let Some(end) = end.clone()
        {
            return Ok(end);
        }
        loop {
            if let TaskStatus::Ended(end) = self.status(task).await? {
                return Ok(end);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        for (signal, patience) in
            [(Signal::SIGTERM, self.settings.stop_grace), (Signal::SIGKILL, KILL_PATIENCE)]
        {
            if matches!(self.status(task).await?, TaskStatus::Ended(_)) {
                return Ok(());
            }
            let folder = self.folder(&task.0);
            if folder.as_ref().is_some_and(TaskFolder::is_hosted) {
                // Its process does more than this; the task ends when it finds that nobody wants it.
                return Ok(());
            }
            let Some(pid) = folder.and_then(|folder| folder.pid()) else {
                return Err(PortError::new(ErrorKind::Unavailable, "the task's process is not known yet"));
            };
            if let Err(error) = killpg(Pid::from_raw(pid), signal) {
                // It ended just now, which is what was asked for; whether it did, the wait below tells.
                tracing::debug!(%error, task = %task.0, "a process was not told {signal}: {error}");
            }
            if tokio::time::timeout(patience, self.wait(task)).await.is_ok() {
                return Ok(());
            }
        }
        Err(PortError::new(ErrorKind::Unavailable, "the task does not end"))
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        let (Some(folder), TaskStatus::Ended(_)) = (self.folder(&task.0), self.status(task).await?) else {
            return Ok(());
        };
        let removed = with_folder(move || folder.remove()).await;
        self.children().remove(&task.0);
        removed
    }
}
