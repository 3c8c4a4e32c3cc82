//! Going on with runs, in one process at a time.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, WorkflowStatus};

use super::document::WorkflowDocument;
use super::fault::WorkflowFault;
use super::handlers::TaskHandlers;
use super::places::{Places, Standing};
use super::run::Running;
use super::runner::SqliteWorkflows;
use super::store::Changes;
use crate::Error;

/// How often runs of other processes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a run is left alone whose database fails.
const PAUSE: Duration = Duration::from_secs(1);

impl SqliteWorkflows {
    /// Goes on with every run of the workflow until it is told to stop; runs are then as they were kept last, and the
    /// next process goes on with them. Only one process does so: the others wait for the file `lock`, which is free
    /// again however its holder ends. Without a file, the caller sees to that.
    ///
    /// No more runs are at work at once than [`at_work`](Self::at_work) says, each in its turn. One that waits for a
    /// moment that is not near is not held in memory; one that waits for a task is, and whoever does tasks sees to how
    /// many there are.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be locked.
    pub async fn drive(
        &self,
        handlers: &TaskHandlers,
        lock: Option<&Path>,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let _held = match lock {
            Some(path) => match held(path, &stop).await? {
                Some(file) => Some(file),
                None => return Ok(()),
            },
            None => None,
        };
        let places = Places::new(self.at_work);
        let mut driver = Driver { runs: BTreeMap::new(), tasks: JoinSet::new(), places: places.clone() };
        loop {
            // Listening before looking: a run that is started in between is not slept through.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let driven: Vec<&String> = driver.runs.keys().collect();
            let (now, room) = (self.clock.now_ms(), places.room());
            let mut are_more = false;
            match self.store.changes(&self.workflow, &driven, now, room).await {
                Ok(changes) => {
                    are_more = changes.started.len() == room;
                    driver.take_up(self, handlers, changes);
                }
                Err(error) => {
                    tracing::warn!(%error, workflow = %self.workflow, "runs cannot be read: {error}")
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = changed => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = places.much_room(), if are_more => {}
                Some(ended) = driver.tasks.join_next() => driver.note(ended),
            }
        }
        driver.tasks.shutdown().await;
        Ok(())
    }

    async fn go_on(
        self,
        execution: String,
        handlers: TaskHandlers,
        places: Places,
        standing: Standing,
    ) -> String {
        let ended = match self.try_go_on(&execution, handlers, places, standing).await {
            // Trying again would find the same, for ever.
            Err(error) if error.kind == ErrorKind::Data => {
                self.fail(&execution, "what is kept of the run cannot be read").await
            }
            ended => ended,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, %execution, "a run waits: {error}");
            tokio::time::sleep(PAUSE).await;
        }
        execution
    }

    async fn try_go_on(
        &self,
        execution: &str,
        handlers: TaskHandlers,
        places: Places,
        standing: Standing,
    ) -> Result<(), PortError> {
        let place = standing.turn(&places).await;
        let Some(run) = self.store.find(execution).await? else { return Ok(()) };
        let document = match WorkflowDocument::parse(&run.document) {
            Ok(document) => document,
            // It was read when the run was started, by a program that knew more.
            Err(faults) => {
                return self.fail(execution, format!("the document cannot be read: {faults}")).await;
            }
        };
        let running = Running {
            run,
            document,
            store: self.store.clone(),
            handlers,
            clock: self.clock.clone(),
            on_event: self.on_event.clone(),
            places,
        };
        running.go_on(place).await
    }

    async fn fail(&self, execution: &str, cause: impl Into<String>) -> Result<(), PortError> {
        let fault = WorkflowFault::runtime(cause);
        let (failed, now) = (WorkflowStatus::Failed, self.clock.now_ms());
        self.store.end(execution, failed, Some(fault.output()), now).await.map(drop)
    }
}

/// Runs that are gone on with, each in a task of its own.
struct Driver {
    runs: BTreeMap<String, AbortHandle>,
    tasks: JoinSet<String>,
    places: Places,
}

impl Driver {
    /// Goes on with runs that are new here, and drops those that were stopped.
    fn take_up(&mut self, workflows: &SqliteWorkflows, handlers: &TaskHandlers, changes: Changes) {
        for execution in &changes.ended {
            if let Some(task) = self.runs.remove(execution) {
                task.abort();
            }
        }
        for execution in changes.started {
            let (places, standing) = (self.places.clone(), self.places.stand());
            let task = workflows.clone().go_on(execution.clone(), handlers.clone(), places, standing);
            self.runs.insert(execution, self.tasks.spawn(task));
        }
    }

    fn note(&mut self, ended: Result<String, tokio::task::JoinError>) {
        match ended {
            Ok(execution) => {
                self.runs.remove(&execution);
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                tracing::error!(%error, "a run's task ended by a fault of ours: {error}");
                self.runs.retain(|_, task| !task.is_finished());
            }
        }
    }
}

/// Waits until the file is this process's to hold; `None` when it was told to stop before.
async fn held(path: &Path, stop: &CancellationToken) -> Result<Option<File>, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(io)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
