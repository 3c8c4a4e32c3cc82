//! A thread with a connection.

use std::fmt;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;

/// Calls that may wait in line; more callers wait before it.
const WAITING: usize = 256;

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

/// Runs closures on its connection, one after the other. The thread ends with the last handle.
pub(super) struct Lane(mpsc::Sender<Call>);

impl Lane {
    pub(super) fn start(name: &str, mut connection: Connection) -> std::io::Result<Self> {
        let (sender, mut calls) = mpsc::channel::<Call>(WAITING);
        let run = move || {
            while let Some(call) = calls.blocking_recv() {
                call(&mut connection);
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self(sender))
    }

    /// Runs a closure and returns what it returned.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        let (answer, value) = oneshot::channel();
        let call: Call = Box::new(move |connection| {
            // Nobody waits any more when the caller was dropped; what was done stays done.
            drop(answer.send(act(connection)));
        });
        self.0.send(call).await.map_err(|_| stopped())?;
        value.await.map_err(|_| stopped())
    }
}

/// The thread is gone: a closure panicked.
fn stopped() -> PortError {
    PortError::new(ErrorKind::Internal, "the database's thread has stopped")
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}
