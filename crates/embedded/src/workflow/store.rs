//! Runs in the database.
//!
//! A transition is one transaction: what the left state comes to, where the branch is now, and the events that say
//! so. It counts only while the run goes on, so that what was stopped stays stopped, whoever was in the middle of it;
//! and only from the very attempt that it leaves, so that what a driver handed over as it ended, and another one did
//! since, is not done twice.

use std::fmt;

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradai_domain::Millis;
use tradai_domain::ports::{PortError, WorkflowStatus};

use super::fault::WorkflowFault;
use super::history::{WorkflowEvent, WorkflowStep};
use super::limits::MAX_EVENTS;
use crate::Database;
use crate::database::Outcome;
use crate::json;

/// Runs that are taken up in one go.
const MAX_RUNS: i64 = 1_000;

/// A run as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) execution: String,
    pub(super) workflow: String,
    pub(super) name: String,
    pub(super) document: Value,
    pub(super) input: Value,
    /// What chance in it follows from.
    pub(super) seed: String,
    pub(super) status: WorkflowStatus,
    pub(super) started_at: Millis,
    pub(super) ended_at: Option<Millis>,
    /// Its output, or its fault.
    pub(super) result: Option<Value>,
}

/// Where a branch is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Progress {
    At(Cursor),
    Done(Value),
    /// The flag says whether a task reported it.
    Failed(WorkflowFault, bool),
}

/// A state that a branch is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Number of the event of its entry.
    pub(super) entry: u64,
    pub(super) state: String,
    pub(super) input: Value,
    pub(super) entered_at: Millis,
    /// How often each retrier had it tried again.
    pub(super) retries: Vec<u32>,
    /// When it is to be gone on with, after a fault.
    pub(super) resume_at: Option<Millis>,
}

/// One attempt at a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Number of the event of the state's entry.
    pub(super) entry: u64,
    /// How often the state was tried before.
    pub(super) retries: u32,
}

/// What is to be kept of a transition.
#[derive(Debug, Clone)]
pub(super) struct Transition {
    pub(super) branch: String,
    /// The attempt that is left; `None` where the branch begins.
    pub(super) from: Option<Attempt>,
    /// What happened to the state that is left.
    pub(super) left: Option<WorkflowStep>,
    pub(super) to: To,
    pub(super) at: Millis,
}

#[derive(Debug, Clone)]
pub(super) enum To {
    State {
        name: String,
        input: Value,
    },
    /// The same state again.
    Again(Cursor),
    End(Result<Value, (WorkflowFault, bool)>),
}

/// What is new about a workflow's runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Runs to be taken up, oldest first.
    pub(super) started: Vec<String>,
    /// Runs that nobody has to go on with any more.
    pub(super) ended: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Store(pub(super) Database);

/// What starting a run found.
pub(super) enum Started {
    New,
    Known { input: Value },
}

impl Cursor {
    pub(super) fn attempt(&self) -> Attempt {
        Attempt { entry: self.entry, retries: self.retries.iter().sum() }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.entry, self.retries)
    }
}

impl Transition {
    /// Returns how many events tell of it.
    fn events(&self) -> u64 {
        u64::from(self.left.is_some()) + u64::from(matches!(self.to, To::State { .. }))
    }
}

fn status_text(status: WorkflowStatus) -> &'static str {
    match status {
        WorkflowStatus::Running => "running",
        WorkflowStatus::Succeeded => "succeeded",
        WorkflowStatus::Failed => "failed",
        WorkflowStatus::TimedOut => "timed_out",
        WorkflowStatus::Aborted => "aborted",
    }
}

fn status(row: &Row<'_>, index: usize) -> Outcome<WorkflowStatus> {
    let text: String = row.get(index)?;
    let all = [
        WorkflowStatus::Running,
        WorkflowStatus::Succeeded,
        WorkflowStatus::Failed,
        WorkflowStatus::TimedOut,
        WorkflowStatus::Aborted,
    ];
    let known = all.into_iter().find(|status| status_text(*status) == text);
    known.ok_or_else(|| rusqlite::Error::InvalidColumnType(index, text, rusqlite::types::Type::Text))
}

impl Store {
    pub(super) async fn start(&self, run: Run) -> Result<Started, PortError> {
        let start = move |transaction: &Transaction<'_>| {
            let sql = "SELECT input FROM workflow_runs WHERE workflow = ?1 AND name = ?2";
            let known = transaction
                .prepare_cached(sql)?
                .query_row([&run.workflow, &run.name], |row| json::column(row, 0))
                .optional()?;
            if let Some(input) = known {
                return Ok(Started::Known { input });
            }
            let sql = "INSERT INTO workflow_runs
                    (execution, workflow, name, document, input, seed, status, started_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running', ?7)";
            transaction.prepare_cached(sql)?.execute(params![
                run.execution,
                run.workflow,
                run.name,
                json::text(&run.document)?,
                json::text(&run.input)?,
                run.seed,
                run.started_at,
            ])?;
            Ok(Started::New)
        };
        self.0.change(start).await
    }

    pub(super) async fn find(&self, execution: &str) -> Result<Option<Run>, PortError> {
        let execution = execution.to_owned();
        let find = move |transaction: &Transaction<'_>| {
            let sql = "SELECT execution, workflow, name, document, input, seed, status, started_at, ended_at, result
                FROM workflow_runs WHERE execution = ?1";
            transaction.prepare_cached(sql)?.query_row([execution], run).optional()
        };
        self.0.read(find).await
    }

    pub(super) async fn status(&self, execution: &str) -> Result<Option<WorkflowStatus>, PortError> {
        let execution = execution.to_owned();
        let find = move |transaction: &Transaction<'_>| {
            let sql = "SELECT status FROM workflow_runs WHERE execution = ?1";
            transaction.prepare_cached(sql)?.query_row([execution], |row| status(row, 0)).optional()
        };
        self.0.read(find).await
    }

    /// Returns what is new to somebody who goes on with these runs of a workflow. Only runs that are not among them are
    /// counted: however many wait, newer ones come to their turn.
    pub(super) async fn changes(&self, workflow: &str, driven: &[&String]) -> Result<Changes, PortError> {
        let (workflow, driven) = (workflow.to_owned(), Value::from_iter(driven.iter().map(|id| id.as_str())));
        let list = move |transaction: &Transaction<'_>| {
            let driven = driven.to_string();
            let sql = "SELECT execution FROM workflow_runs
                WHERE workflow = ?1 AND status = 'running'
                    AND execution NOT IN (SELECT value FROM json_each(?2))
                ORDER BY started_at, execution LIMIT ?3";
            let mut statement = transaction.prepare_cached(sql)?;
            let started = statement.query_map(params![workflow, driven, MAX_RUNS], |row| row.get(0))?;
            let started = started.collect::<Outcome<_>>()?;
            let sql = "SELECT value FROM json_each(?1) WHERE NOT EXISTS
                (SELECT 1 FROM workflow_runs WHERE execution = value AND status = 'running')";
            let mut statement = transaction.prepare_cached(sql)?;
            let ended = statement.query_map([driven], |row| row.get(0))?.collect::<Outcome<_>>()?;
            Ok(Changes { started, ended })
        };
        self.0.read(list).await
    }

    pub(super) async fn progress(
        &self,
        execution: &str,
        branch: &str,
    ) -> Result<Option<Progress>, PortError> {
        let (execution, branch) = (execution.to_owned(), branch.to_owned());
        self.0.read(move |transaction| progress(transaction, &execution, &branch)).await
    }

    /// Keeps a transition; `None` when nothing was kept: the run does not go on any more, or not from where the
    /// transition says, or it has too many events and fails.
    pub(super) async fn keep(
        &self,
        execution: &str,
        transition: Transition,
    ) -> Result<Option<(Progress, Vec<WorkflowEvent>)>, PortError> {
        let execution = execution.to_owned();
        let keep = move |transaction: &Transaction<'_>| keep(transaction, &execution, &transition);
        self.0.change(keep).await
    }

    /// Ends a run that goes on; returns whether it did.
    pub(super) async fn end(
        &self,
        execution: &str,
        how: WorkflowStatus,
        result: Option<Value>,
        at: Millis,
    ) -> Result<bool, PortError> {
        let execution = execution.to_owned();
        let end = move |transaction: &Transaction<'_>| end(transaction, &execution, how, result.as_ref(), at);
        self.0.change(end).await
    }

    pub(super) async fn history(
        &self,
        execution: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WorkflowEvent>, PortError> {
        let execution = execution.to_owned();
        let list = move |transaction: &Transaction<'_>| {
            let sql =
                "SELECT event FROM workflow_history WHERE execution = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
            let mut statement = transaction.prepare_cached(sql)?;
            let events = statement
                .query_map(params![execution, json::integer(after), json::integer(limit)], |row| {
                    json::column(row, 0)
                })?;
            events.collect()
        };
        self.0.read(list).await
    }
}

fn progress(transaction: &Transaction<'_>, execution: &str, branch: &str) -> Outcome<Option<Progress>> {
    let sql = "SELECT progress FROM workflow_branches WHERE execution = ?1 AND branch = ?2";
    transaction.prepare_cached(sql)?.query_row([execution, branch], |row| json::column(row, 0)).optional()
}

fn run(row: &Row<'_>) -> Outcome<Run> {
    let result: Option<String> = row.get(9)?;
    Ok(Run {
        execution: row.get(0)?,
        workflow: row.get(1)?,
        name: row.get(2)?,
        document: json::column(row, 3)?,
        input: json::column(row, 4)?,
        seed: row.get(5)?,
        status: status(row, 6)?,
        started_at: row.get(7)?,
        ended_at: row.get(8)?,
        result: if result.is_some() { Some(json::column(row, 9)?) } else { None },
    })
}

fn end(
    transaction: &Transaction<'_>,
    execution: &str,
    how: WorkflowStatus,
    result: Option<&Value>,
    at: Millis,
) -> Outcome<bool> {
    let sql = "UPDATE workflow_runs SET status = ?2, result = ?3, ended_at = ?4
        WHERE execution = ?1 AND status = 'running'";
    let result = result.map(json::text).transpose()?;
    let changed =
        transaction.prepare_cached(sql)?.execute(params![execution, status_text(how), result, at])?;
    if changed > 0 {
        // Where the branches were is nothing that anybody goes on from.
        transaction
            .prepare_cached("DELETE FROM workflow_branches WHERE execution = ?1")?
            .execute([execution])?;
    }
    Ok(changed > 0)
}

fn keep(
    transaction: &Transaction<'_>,
    execution: &str,
    transition: &Transition,
) -> Outcome<Option<(Progress, Vec<WorkflowEvent>)>> {
    let sql =
        "SELECT status = 'running', (SELECT coalesce(max(seq), 0) FROM workflow_history WHERE execution = ?1)
        FROM workflow_runs WHERE execution = ?1";
    let found = transaction
        .prepare_cached(sql)?
        .query_row([execution], |row| Ok((row.get::<_, bool>(0)?, json::number(row, 1)?)))
        .optional()?;
    let Some((true, mut seq)) = found else { return Ok(None) };
    let is_where_left = match (progress(transaction, execution, &transition.branch)?, transition.from) {
        (None, None) => true,
        (Some(Progress::At(cursor)), Some(from)) => cursor.attempt() == from,
        _ => false,
    };
    if !is_where_left {
        return Ok(None);
    }
    if seq + transition.events() > MAX_EVENTS {
        let fault = WorkflowFault::runtime(format!("the run has more than {MAX_EVENTS} events"));
        end(transaction, execution, WorkflowStatus::Failed, Some(&fault.output()), transition.at)?;
        return Ok(None);
    }
    let mut events = Vec::new();
    let mut tell = |what: WorkflowStep| -> Outcome<u64> {
        seq += 1;
        let event = WorkflowEvent { seq, at: transition.at, branch: transition.branch.clone(), what };
        let sql = "INSERT INTO workflow_history (execution, seq, event) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute(params![
            execution,
            json::integer(seq),
            json::text(&event)?
        ])?;
        events.push(event);
        Ok(seq)
    };
    if let Some(left) = &transition.left {
        tell(left.clone())?;
    }
    let progress = match &transition.to {
        To::State { name, input } => Progress::At(Cursor {
            entry: tell(WorkflowStep::StateEntered { state: name.clone() })?,
            state: name.clone(),
            input: input.clone(),
            entered_at: transition.at,
            retries: Vec::new(),
            resume_at: None,
        }),
        To::Again(cursor) => Progress::At(cursor.clone()),
        To::End(Ok(output)) => Progress::Done(output.clone()),
        To::End(Err((fault, of_task))) => Progress::Failed(fault.clone(), *of_task),
    };
    store(transaction, execution, &transition.branch, &progress, transition.at)?;
    Ok(Some((progress, events)))
}

/// Notes where a branch is. The end of the run's own is the run's.
fn store(
    transaction: &Transaction<'_>,
    execution: &str,
    branch: &str,
    progress: &Progress,
    at: Millis,
) -> Outcome<()> {
    match progress {
        Progress::Done(output) if branch.is_empty() => {
            end(transaction, execution, WorkflowStatus::Succeeded, Some(output), at).map(drop)
        }
        Progress::Failed(fault, _) if branch.is_empty() => {
            end(transaction, execution, WorkflowStatus::Failed, Some(&fault.output()), at).map(drop)
        }
        progress => {
            let sql = "INSERT INTO workflow_branches (execution, branch, progress) VALUES (?1, ?2, ?3)
                ON CONFLICT (execution, branch) DO UPDATE SET progress = excluded.progress";
            transaction.prepare_cached(sql)?.execute([execution, branch, &json::text(progress)?])?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn started() -> Store {
        let store = Store(Database::in_memory().unwrap());
        let run = Run {
            execution: "w:one".to_owned(),
            workflow: "w".to_owned(),
            name: "one".to_owned(),
            document: json!({}),
            input: json!({}),
            seed: "s".to_owned(),
            status: WorkflowStatus::Running,
            started_at: 0,
            ended_at: None,
            result: None,
        };
        store.start(run).await.unwrap();
        store
    }

    fn transition(from: Option<Attempt>, to: To) -> Transition {
        let left = from.map(|_| WorkflowStep::StateExited { state: "A".to_owned() });
        Transition { branch: String::new(), from, left, to, at: 0 }
    }

    fn enter(name: &str) -> To {
        To::State { name: name.to_owned(), input: json!({}) }
    }

    async fn kept(store: &Store, transition: Transition) -> Option<Progress> {
        store.keep("w:one", transition).await.unwrap().map(|(progress, _)| progress)
    }

    #[tokio::test]
    async fn a_transition_that_comes_again_is_not_kept_twice() {
        let store = started().await;
        let Some(Progress::At(first)) = kept(&store, transition(None, enter("A"))).await else { panic!() };
        assert_eq!(kept(&store, transition(None, enter("A"))).await, None);

        let mut again = first.clone();
        again.retries = vec![1];
        assert!(kept(&store, transition(Some(first.attempt()), To::Again(again.clone()))).await.is_some());
        assert_eq!(kept(&store, transition(Some(first.attempt()), To::Again(again.clone()))).await, None);
        assert_eq!(
            kept(&store, transition(Some(first.attempt()), enter("B"))).await,
            None,
            "it is tried again"
        );

        assert!(kept(&store, transition(Some(again.attempt()), enter("B"))).await.is_some());
        assert_eq!(kept(&store, transition(Some(again.attempt()), enter("B"))).await, None);
        let history = store.history("w:one", 0, 100).await.unwrap();
        assert_eq!(history.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn only_news_of_runs_are_looked_at() {
        let store = started().await;
        let one = "w:one".to_owned();
        let news = |started: &[&String], ended: &[&String]| Changes {
            started: started.iter().map(ToString::to_string).collect(),
            ended: ended.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(store.changes("w", &[]).await.unwrap(), news(&[&one], &[]));
        assert_eq!(store.changes("w", &[&one]).await.unwrap(), news(&[], &[]));
        store.end(&one, WorkflowStatus::Aborted, None, 1).await.unwrap();
        assert_eq!(store.changes("w", &[&one]).await.unwrap(), news(&[], &[&one]));
    }
}
