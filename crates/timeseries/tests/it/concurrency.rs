//! Writers that race for one symbol.

use std::collections::BTreeSet;
use std::sync::Barrier;

use tradai_domain::{TimeRange, Timeframe};
use tradai_timeseries::{AsOf, CandleStore};

use crate::support::{HOUR, JUNE, candles, key, local, memory};

const WRITERS: i64 = 4;
const APPENDS: i64 = 15;

/// Each writer appends hours of its own, most of them into the file that the others rewrite too.
fn race(store: &CandleStore) {
    let key = key(Timeframe::H1);
    let barrier = Barrier::new(usize::try_from(WRITERS).unwrap());
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, key, barrier) = (store.clone(), &key, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for append in 0..APPENDS {
                    // Hours of the 2020-24 file, and of later ones.
                    let at = append * WRITERS + writer + if append % 5 == 0 { 50_000 } else { 0 };
                    let commit = store.append(key, &candles(JUNE, HOUR, at..at + 1, 0.0), None).unwrap();
                    assert!(commit.changed);
                }
            });
        }
    });
    let versions = store.versions(&key).unwrap();
    assert_eq!(
        i64::try_from(versions.len()).unwrap(),
        WRITERS * APPENDS,
        "one version per acknowledged append"
    );
    assert!(versions.windows(2).all(|pair| pair[0].committed < pair[1].committed));
    let series = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap().series;
    let times: BTreeSet<i64> = series.open_time().iter().copied().collect();
    assert_eq!(i64::try_from(times.len()).unwrap(), WRITERS * APPENDS, "no acknowledged append is lost");
}

#[test]
fn appends_to_one_symbol_in_memory() {
    race(&memory());
}

#[test]
fn appends_to_one_symbol_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    race(&local(dir.path()));
}

#[test]
fn of_conflicting_writers_one_wins_and_the_others_know() {
    let store = memory();
    let key = key(Timeframe::H1);
    let won: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|writer| {
                let (store, key) = (store.clone(), &key);
                scope.spawn(move || {
                    store.append(key, &candles(JUNE, HOUR, 0..5, f64::from(writer)), None).is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|&&won| won).count(), 1);
    assert_eq!(store.versions(&key).unwrap().len(), 1);
}
