//! Deleting runs that ended long ago.
//!
//! A run may have thousands of events, and there may be thousands of runs: they go in steps, each a transaction that
//! others wait for no longer than for a few others.

use rusqlite::{Transaction, params};
use tradai_domain::Millis;

use crate::database::Outcome;

/// Runs and events that a step deletes at most; a run that has ended has no branches.
const ROWS: usize = 1_000;

/// What a step did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Runs that are gone.
    pub(super) runs: u64,
    /// Whether nothing is left to be deleted.
    pub(super) is_last: bool,
}

/// Deletes runs that ended before a moment, those first that ended first, until so many rows are gone. A run goes after
/// its history, of which the beginning goes first: what is left of one is found by the next step, whoever does it.
pub(super) fn step(transaction: &Transaction<'_>, before: Millis) -> Outcome<Step> {
    let sql = "SELECT execution FROM workflow_runs WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2";
    let mut ended = transaction.prepare_cached(sql)?;
    let ended: Vec<String> =
        ended.query_map(params![before, rows(ROWS)], |row| row.get(0))?.collect::<Outcome<_>>()?;
    let mut room = ROWS;
    let mut runs = 0;
    for execution in ended {
        let sql = "DELETE FROM workflow_history WHERE execution = ?1 AND seq IN
            (SELECT seq FROM workflow_history WHERE execution = ?1 ORDER BY seq LIMIT ?2)";
        room -= transaction.prepare_cached(sql)?.execute(params![execution, rows(room)])?;
        if room == 0 {
            return Ok(Step { runs, is_last: false });
        }
        transaction
            .prepare_cached("DELETE FROM workflow_runs WHERE execution = ?1")?
            .execute([&execution])?;
        room -= 1;
        runs += 1;
        if room == 0 {
            return Ok(Step { runs, is_last: false });
        }
    }
    Ok(Step { runs, is_last: true })
}

fn rows(number: usize) -> i64 {
    crate::json::integer(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    /// Stores a run, with so many events, that ended then.
    async fn store(database: &Database, name: &'static str, events: usize, ended_at: Option<Millis>) {
        let store = move |transaction: &Transaction<'_>| {
            let sql = "INSERT INTO workflow_runs
                (execution, workflow, name, document, input, seed, status, started_at, ended_at)
                VALUES (?1, 'w', ?1, '{}', '{}', 's', 'failed', 0, ?2)";
            transaction.execute(sql, params![name, ended_at])?;
            for seq in 1..=events {
                transaction.execute(
                    "INSERT INTO workflow_history VALUES (?1, ?2, '{}')",
                    params![name, rows(seq)],
                )?;
            }
            Ok(())
        };
        database.change(store).await.unwrap();
    }

    /// Returns the runs with the numbers of their events.
    async fn left(database: &Database) -> Vec<(String, usize)> {
        let list = |transaction: &Transaction<'_>| {
            let sql = "SELECT execution, (SELECT count(*) FROM workflow_history AS history
                WHERE history.execution = runs.execution) FROM workflow_runs AS runs ORDER BY execution";
            let mut statement = transaction.prepare(sql)?;
            let runs = statement.query_map([], |row| Ok((row.get(0)?, crate::json::number(row, 1)?)))?;
            runs.map(|run| run.map(|(name, events): (String, u64)| (name, usize::try_from(events).unwrap())))
                .collect()
        };
        database.read(list).await.unwrap()
    }

    #[tokio::test]
    async fn no_step_deletes_more_rows_than_it_may() {
        let database = Database::in_memory().unwrap();
        store(&database, "long", 2_500, Some(1)).await;
        store(&database, "short", 3, Some(2)).await;
        store(&database, "recent", 3, Some(10)).await;
        store(&database, "running", 3, None).await;
        let step = async || database.change(|transaction| step(transaction, 10)).await.unwrap();
        let kept = [("recent".to_owned(), 3), ("running".to_owned(), 3)];
        let of = |events: usize| {
            [vec![("long".to_owned(), events)], kept.to_vec(), vec![("short".to_owned(), 3)]].concat()
        };
        for events in [1_500, 500] {
            assert_eq!(step().await, Step { runs: 0, is_last: false });
            assert_eq!(left(&database).await, of(events));
        }
        assert_eq!(step().await, Step { runs: 2, is_last: true });
        assert_eq!(left(&database).await, kept);
        assert_eq!(step().await, Step { runs: 0, is_last: true });
    }

    #[tokio::test]
    async fn they_are_found_by_their_end() {
        let database = Database::in_memory().unwrap();
        let plan = |transaction: &Transaction<'_>| {
            let sql = "EXPLAIN QUERY PLAN SELECT execution FROM workflow_runs WHERE ended_at < 1
                ORDER BY ended_at LIMIT 10";
            transaction.query_row(sql, [], |row| row.get::<_, String>(3))
        };
        let plan = database.read(plan).await.unwrap();
        assert_eq!(plan, "SEARCH workflow_runs USING INDEX workflow_runs_by_end (ended_at<?)");
    }
}
