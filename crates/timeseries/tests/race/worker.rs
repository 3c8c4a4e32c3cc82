//! A process that writes until it is killed, and says on its standard output what it was promised.

use std::io::Write;

use tradai_timeseries::store::MIN_GRACE_MS;
use tradai_timeseries::{CandleStore, Error, Retention};

use crate::{candles, number, open, series};

/// Rows that one life of a worker may write.
pub(crate) const ROWS_PER_LIFE: i64 = 1_000;
pub(crate) const WORKERS: i64 = 4;

/// The symbol that all workers write to.
pub(crate) const SHARED: &str = "SHARED";

/// The symbol that only one worker writes to.
pub(crate) fn own(worker: i64) -> String {
    format!("OWN{worker}")
}

/// Says one thing: `try` before a row is asked for, `ack` after the call has returned. A pipe takes a line whole.
fn say(what: &str, base: &str, minute: i64, value: f64) {
    let line = format!("race {what} {base} {minute} {value}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

fn promise(base: &str, minute: i64, value: f64, write: impl FnOnce() -> Result<(), Error>) {
    say("try", base, minute, value);
    write().unwrap_or_else(|error| panic!("{base} {minute}: {error}"));
    say("ack", base, minute, value);
}

fn append(store: &CandleStore, base: &str, minute: i64, value: f64) {
    promise(base, minute, value, || store.append(&series(base), &candles([(minute, value)]), None).map(drop));
}

fn upsert(store: &CandleStore, base: &str, minute: i64, value: f64) {
    promise(base, minute, value, || store.upsert(&series(base), &candles([(minute, value)]), None).map(drop));
}

/// Started by [`crate::kill`], which kills it.
#[test]
#[ignore = "a process that other tests start"]
fn worker() {
    let Some(dir) = std::env::var_os("TRADAI_RACE_DIR") else { return };
    let (worker, life) = (number("TRADAI_RACE_WORKER").unwrap(), number("TRADAI_RACE_LIFE").unwrap());
    let (worker, life) = (worker.cast_signed(), life.cast_signed());
    let store = open(dir.as_ref());
    for row in life * ROWS_PER_LIFE..(life + 1) * ROWS_PER_LIFE {
        let minute = row * WORKERS + worker;
        append(&store, SHARED, minute, 1.0);
        match row % 5 {
            0 => upsert(&store, SHARED, minute, 2.0),
            1 => append(&store, &own(worker), minute, 1.0),
            2 if row % 2 == 0 => {
                let retention = Retention { grace: MIN_GRACE_MS, ..Retention::newest(5) };
                let pruning = store.prune(Some(&[series(SHARED)]), retention, &|_, _| ()).unwrap();
                assert!(pruning.failed.is_empty(), "{:?}", pruning.failed);
            }
            _ => {}
        }
    }
}
