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
    /// When this attempt's task was called for the first time; noted only where its time is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) called_at: Option<Millis>,
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
    /// Runs to be taken up: those first that could go on first.
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

impl Progress {
    /// Returns whether the branch is in this very attempt.
    fn is_at(&self, attempt: Attempt) -> bool {
        matches!(self, Self::At(cursor) if cursor.attempt() == attempt)
    }
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

pub(super) fn status(row: &Row<'_>, index: usize) -> Outcome<WorkflowStatus> {
    let text: String = row.get(index)?;
    let known = WorkflowStatus::ALL.into_iter().find(|status| status.as_str() == text);
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
            transaction.prepare_cached(sql)?.query_row([&execution], run).optional()
        };
        self.0.read(find).await
    }

    pub(super) async fn status(&self, execution: &str) -> Result<Option<WorkflowStatus>, PortError> {
        let execution = execution.to_owned();
        let find = move |transaction: &Transaction<'_>| {
            let sql = "SELECT status FROM workflow_runs WHERE execution = ?1";
            transaction.prepare_cached(sql)?.query_row([&execution], |row| status(row, 0)).optional()
        };
        self.0.read(find).await
    }

    /// Returns what is new to somebody who goes on with these runs of a workflow, and has room for so many others.
    /// Only runs that are not among them are counted, and none whose moment is still to come: however many wait, newer
    /// ones come to their turn.
    pub(super) async fn changes(
        &self,
        workflow: &str,
        driven: &[&String],
        now: Millis,
        room: usize,
    ) -> Result<Changes, PortError> {
        let (workflow, driven) = (workflow.to_owned(), Value::from_iter(driven.iter().map(|id| id.as_str())));
        let list = move |transaction: &Transaction<'_>| {
            let driven = driven.to_string();
            let started =
                if room > 0 { due(transaction, &workflow, &driven, now, room)? } else { Vec::new() };
            let sql = "SELECT value FROM json_each(?1) WHERE NOT EXISTS
                (SELECT 1 FROM workflow_runs WHERE execution = value AND status = 'running')";
            let mut statement = transaction.prepare_cached(sql)?;
            let ended = statement.query_map([driven], |row| row.get(0))?.collect::<Outcome<_>>()?;
            Ok(Changes { started, ended })
        };
        self.0.read(list).await
    }

    /// Notes that a run waits: nobody has to go on with it before that moment.
    pub(super) async fn park(&self, execution: &str, until: Millis) -> Result<(), PortError> {
        let execution = execution.to_owned();
        let park = move |transaction: &Transaction<'_>| {
            let sql = "UPDATE workflow_runs SET wake_at = ?2 WHERE execution = ?1 AND status = 'running'";
            transaction.prepare_cached(sql)?.execute(params![execution, until]).map(drop)
        };
        self.0.change(park).await
    }

    /// Notes when the task of an attempt is called, and returns when it was for the first time; `None` when the run
    /// does not go on any more, or is not there.
    pub(super) async fn call(
        &self,
        execution: &str,
        branch: &str,
        attempt: Attempt,
        at: Millis,
    ) -> Result<Option<Millis>, PortError> {
        let (execution, branch) = (execution.to_owned(), branch.to_owned());
        let note = move |transaction: &Transaction<'_>| {
            // Where a run was ended, its branches are gone.
            let found = progress(transaction, &execution, &branch)?;
            let Some(Progress::At(mut cursor)) = found.filter(|found| found.is_at(attempt)) else {
                return Ok(None);
            };
            let first = *cursor.called_at.get_or_insert(at);
            store(transaction, &execution, &branch, &Progress::At(cursor), at)?;
            Ok(Some(first))
        };
        self.0.change(note).await
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

/// Lists runs that can go on and are not among the driven ones: those first that could go on first.
fn due(
    transaction: &Transaction<'_>,
    workflow: &str,
    driven: &str,
    now: Millis,
    room: usize,
) -> Outcome<Vec<String>> {
    // Each part takes its rows from the front of an index, whatever else waits behind.
    let sql = "SELECT execution FROM (
            SELECT * FROM (
                SELECT execution, started_at AS since FROM workflow_runs
                WHERE workflow = ?1 AND status = 'running' AND wake_at IS NULL
                    AND execution NOT IN (SELECT value FROM json_each(?2))
                ORDER BY started_at, execution LIMIT ?4)
            UNION ALL SELECT * FROM (
                SELECT execution, wake_at AS since FROM workflow_runs
                WHERE workflow = ?1 AND status = 'running' AND wake_at <= ?3
                    AND execution NOT IN (SELECT value FROM json_each(?2))
                ORDER BY wake_at, started_at, execution LIMIT ?4))
        ORDER BY since, execution LIMIT ?4";
    let mut statement = transaction.prepare_cached(sql)?;
    let started =
        statement.query_map(params![workflow, driven, now, json::integer(room)], |row| row.get(0))?;
    started.collect()
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
    let changed = transaction.prepare_cached(sql)?.execute(params![execution, how.as_str(), result, at])?;
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
        (Some(progress), Some(from)) => progress.is_at(from),
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
            called_at: None,
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

    fn run(name: &str, started_at: Millis) -> Run {
        Run {
            execution: format!("w:{name}"),
            workflow: "w".to_owned(),
            name: name.to_owned(),
            document: json!({}),
            input: json!({}),
            seed: "s".to_owned(),
            status: WorkflowStatus::Running,
            started_at,
            ended_at: None,
            result: None,
        }
    }

    async fn started() -> Store {
        let store = Store(Database::in_memory().unwrap());
        store.start(run("one", 0)).await.unwrap();
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
        let changes = async |driven: &[&String]| store.changes("w", driven, 10, 100).await.unwrap();
        assert_eq!(changes(&[]).await, news(&[&one], &[]));
        assert_eq!(changes(&[&one]).await, news(&[], &[]));
        assert_eq!(store.changes("w", &[], 10, 0).await.unwrap(), news(&[], &[]), "there is no room");
        store.end(&one, WorkflowStatus::Aborted, None, 1).await.unwrap();
        assert_eq!(changes(&[&one]).await, news(&[], &[&one]));
        store.park(&one, 2).await.unwrap();
        assert_eq!(changes(&[]).await, news(&[], &[]), "what has ended does not wake");
    }

    #[tokio::test]
    async fn runs_come_in_the_order_in_which_they_could_go_on() {
        let store = Store(Database::in_memory().unwrap());
        for (name, started_at, wakes) in
            [("a", 5, None), ("b", 1, Some(7)), ("c", 2, Some(9)), ("d", 8, None), ("e", 5, Some(6))]
        {
            store.start(run(name, started_at)).await.unwrap();
            if let Some(moment) = wakes {
                store.park(&format!("w:{name}"), moment).await.unwrap();
            }
        }
        let due =
            async |now, room| store.changes("w", &[&"w:e".to_owned()], now, room).await.unwrap().started;
        assert_eq!(due(8, 100).await, ["w:a", "w:b", "w:d"]);
        assert_eq!(due(9, 100).await, ["w:a", "w:b", "w:d", "w:c"]);
        assert_eq!(due(9, 2).await, ["w:a", "w:b"]);
        assert_eq!(due(0, 100).await, ["w:a", "w:d"], "a clock that is set back holds up no new run");
    }

    #[tokio::test]
    async fn a_task_is_called_for_the_first_time_once_for_each_attempt() {
        let store = started().await;
        let Some(Progress::At(first)) = kept(&store, transition(None, enter("A"))).await else { panic!() };
        let call = async |attempt, at| store.call("w:one", "", attempt, at).await.unwrap();
        assert_eq!(call(first.attempt(), 5).await, Some(5));
        assert_eq!(call(first.attempt(), 9).await, Some(5));
        let mut again = first.clone();
        again.retries = vec![1];
        assert_eq!(call(again.attempt(), 9).await, None, "the branch is not there yet");
        kept(&store, transition(Some(first.attempt()), To::Again(again.clone()))).await.unwrap();
        assert_eq!(call(again.attempt(), 12).await, Some(12));
        assert_eq!(call(first.attempt(), 13).await, None);
        store.end("w:one", WorkflowStatus::Aborted, None, 14).await.unwrap();
        assert_eq!(call(again.attempt(), 15).await, None);
    }
}
