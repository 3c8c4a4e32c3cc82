//! A thread with a connection, which runs the calls that wait for it together.
//!
//! Invariant: a call is answered after the transaction it ran in has ended, and with what became of it: who is told of
//! a success finds it on the disk.

use std::fmt;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;

use super::Outcome;
use crate::error::port_error;

/// Calls that may wait in line; more callers wait before it.
const WAITING: usize = 256;

/// Runs closures on its connection, one after the other. The thread ends with the last handle.
pub(super) struct Lane(mpsc::Sender<Box<dyn Call>>);

/// How a lane's transactions are.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// How each begins.
    pub(super) behavior: TransactionBehavior,
    /// Calls that one takes in at most. They share the commit, which takes as long as all of them: it waits for the
    /// disk.
    pub(super) most: usize,
}

impl Lane {
    pub(super) fn start(name: &str, mut connection: Connection, manner: Manner) -> std::io::Result<Self> {
        let (sender, mut waiting) = mpsc::channel::<Box<dyn Call>>(WAITING);
        let run = move || {
            let mut calls = Vec::with_capacity(manner.most);
            while waiting.blocking_recv_many(&mut calls, manner.most) > 0 {
                answer_all(&mut connection, manner.behavior, &mut calls);
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self(sender))
    }

    /// Runs a closure in a transaction, which others may share, and returns what it returned. What a closure did that
    /// fails does not count. It runs once more where another one fails.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        act: impl Fn(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let (answer, value) = oneshot::channel();
        let call = Box::new(Waiting { act, value: None, answer });
        self.0.send(call).await.map_err(|_| stopped())?;
        value.await.map_err(|_| stopped())?
    }
}

/// Runs calls in one transaction and answers them. Where one fails, each has a transaction of its own: that is rare, and
/// a savepoint for each call, which would spare the others, costs nearly as much as the call.
fn answer_all(connection: &mut Connection, behavior: TransactionBehavior, calls: &mut Vec<Box<dyn Call>>) {
    let is_shared = calls.len() > 1;
    let together = run_all(connection, behavior, calls);
    for mut call in calls.drain(..) {
        let ended = match &together {
            Ok(false) if is_shared => run_all(connection, behavior, std::slice::from_mut(&mut call)),
            together => together.clone(),
        };
        call.answer(ended.map(drop));
    }
}

/// Runs calls in one transaction; false when one of them fails. Then, and when the transaction does, nothing of any of
/// them counts.
fn run_all(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    calls: &mut [Box<dyn Call>],
) -> Result<bool, PortError> {
    let failed = |error| port_error(&error);
    let transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
    for call in calls {
        if !call.run(&transaction) {
            return Ok(false);
        }
        if transaction.is_autocommit() {
            return Err(failed(rusqlite::Error::InvalidQuery));
        }
    }
    transaction.commit().map(|()| true).map_err(failed)
}

/// A closure, and whoever waits for what it returns.
trait Call: Send {
    /// Runs the closure; false when it fails.
    fn run(&mut self, transaction: &Transaction<'_>) -> bool;
    /// Tells what became of it, now that the transaction has ended.
    fn answer(self: Box<Self>, ended: Result<(), PortError>);
}

struct Waiting<A, T> {
    act: A,
    value: Option<Result<T, PortError>>,
    answer: oneshot::Sender<Result<T, PortError>>,
}

impl<T, A> Call for Waiting<A, T>
where
    T: Send,
    A: Fn(&Transaction<'_>) -> Outcome<T> + Send,
{
    fn run(&mut self, transaction: &Transaction<'_>) -> bool {
        let value = (self.act)(transaction).map_err(|error| port_error(&error));
        self.value.insert(value).is_ok()
    }

    fn answer(self: Box<Self>, ended: Result<(), PortError>) {
        let value = match (self.value, ended) {
            // Its own reason says more than that of the transaction.
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(stopped()),
        };
        // Nobody waits any more when the caller was dropped; what was done stays done.
        drop(self.answer.send(value));
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;

    use futures_util::future::join_all;

    use super::*;
    use crate::Database;

    type Closure = Box<dyn Fn(&Transaction<'_>) -> Outcome<()> + Send>;

    /// Runs closures that all wait while another one is at work, and so share a transaction.
    async fn together(database: &Database, closures: Vec<Closure>) -> Vec<Result<(), PortError>> {
        let (go, gone) = mpsc::channel::<()>();
        let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let blocker = database.change(move |_| {
            begin.send(()).unwrap();
            gone.recv().unwrap();
            Ok(())
        });
        let closures = async {
            begun.recv().await.unwrap();
            let waiting = join_all(closures.into_iter().map(|closure| database.change(closure)));
            // Polled in this order, so that all are in line before the one at work goes on.
            let release = async { go.send(()).unwrap() };
            tokio::join!(waiting, release).0
        };
        let (blocked, results) = tokio::join!(blocker, closures);
        blocked.unwrap();
        results
    }

    fn insert(name: &'static str) -> Closure {
        Box::new(move |transaction| transaction.execute("INSERT INTO notes VALUES (?1)", [name]).map(drop))
    }

    fn count(connection: &Connection) -> Outcome<u64> {
        connection.query_row("SELECT count(*) FROM notes", [], |row| crate::json::number(row, 0))
    }

    async fn notes(path: &Path) -> Database {
        let database = Database::open(path).unwrap();
        let table = "CREATE TABLE notes (name TEXT NOT NULL UNIQUE)";
        database.change(move |transaction| transaction.execute(table, [])).await.unwrap();
        database
    }

    #[tokio::test]
    async fn calls_that_wait_share_a_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let database = notes(&path).await;
        let look = Box::new(move |transaction: &Transaction<'_>| {
            assert_eq!(count(transaction)?, 1, "the one before it ran in this transaction");
            assert_eq!(count(&Connection::open(&path)?)?, 0, "which is not committed");
            Ok(())
        });
        let results = together(&database, vec![insert("a"), look, insert("b")]).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(database.read(|transaction| count(transaction)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_call_that_fails_takes_only_its_own_back() {
        let folder = tempfile::tempdir().unwrap();
        let database = notes(&folder.path().join("state.db")).await;
        let twice = Box::new(|transaction: &Transaction<'_>| {
            insert("b")(transaction)?;
            insert("a")(transaction)
        });
        let results = together(&database, vec![insert("a"), twice, insert("c")]).await;
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        let names = database
            .read(|transaction| {
                let mut names = transaction.prepare("SELECT name FROM notes ORDER BY name")?;
                names.query_map([], |row| row.get(0))?.collect::<Outcome<Vec<String>>>()
            })
            .await;
        assert_eq!(names.unwrap(), ["a", "c"]);
    }

    #[tokio::test]
    async fn a_transaction_that_is_lost_is_nobodys_success() {
        let folder = tempfile::tempdir().unwrap();
        let database = notes(&folder.path().join("state.db")).await;
        let lose = || -> Closure { Box::new(|transaction| transaction.execute_batch("ROLLBACK")) };
        let results = together(&database, vec![insert("a"), lose(), insert("b")]).await;
        assert!(results.iter().all(Result::is_err), "{results:?}");
        assert_eq!(database.read(|transaction| count(transaction)).await.unwrap(), 0);
        database.change(insert("c")).await.unwrap();
        assert_eq!(database.read(|transaction| count(transaction)).await.unwrap(), 1);
    }
}
