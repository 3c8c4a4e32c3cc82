//! Processes that update days of their own of one symbol: the race that ArcticDB is measured by
//! (`arcticdb_bench.py race`). Of 60 updates it acknowledges 58 to 60 and keeps 15 to 27, in LMDB and in S3.
//!
//! `TRADAI_TEST_S3` is a server (`cargo xtask s3`) to race at as well.

use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tradai_domain::{CandleSeries, RandomIds, SeriesKey, SystemClock, TimeRange, Timeframe};
use tradai_timeseries::{AsOf, CandleStore, Location};

use crate::{START, number};

const WORKERS: i64 = 4;
const UPDATES: i64 = 15;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn key() -> SeriesKey {
    SeriesKey::traded(&"RACE/USDT".parse().unwrap(), Timeframe::H1)
}

fn days(days: Range<i64>, value: f64) -> CandleSeries {
    let mut candles = CandleSeries::default();
    for hour in days.start * 24..days.end * 24 {
        candles.push(START + hour * HOUR, [value; 5]);
    }
    candles
}

fn open(location: &str) -> CandleStore {
    // A server for tests takes any keys.
    let key =
        |name: &str| matches!(name, "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY").then(|| "test".to_owned());
    let location = Location::parse(location, &key).unwrap();
    CandleStore::open_location(&location, Arc::new(SystemClock), Arc::new(RandomIds)).unwrap()
}

/// Started by the test below.
#[test]
#[ignore = "a process that other tests start"]
fn updater() {
    let Ok(location) = std::env::var("TRADAI_RACE_LOCATION") else { return };
    let Some(worker) = number("TRADAI_RACE_WORKER") else { return };
    let store = open(&location);
    for update in 0..UPDATES {
        let day = worker.cast_signed() * UPDATES + update;
        let range = TimeRange::new(START + day * DAY, START + (day + 1) * DAY);
        store.replace_range(&key(), range, &days(day..day + 1, 1.0), None).unwrap();
    }
}

#[test]
fn racing_updates_in_a_directory_are_all_kept() {
    let dir = tempfile::tempdir().unwrap();
    race(dir.path().to_str().unwrap());
}

#[cfg(feature = "s3")]
#[test]
fn racing_updates_in_a_bucket_are_all_kept() {
    let Ok(server) = std::env::var("TRADAI_TEST_S3") else {
        eprintln!("skipped: a race in a bucket (TRADAI_TEST_S3 is not set)");
        return;
    };
    let bucket = format!("race-{}", std::process::id());
    make_bucket(&server, &bucket);
    race(&format!("s3://{bucket}/store?endpoint={server}"));
}

#[cfg(feature = "s3")]
fn make_bucket(server: &str, bucket: &str) {
    use std::io::{Read, Write};
    let host = server.strip_prefix("http://").unwrap();
    let mut connection = std::net::TcpStream::connect(host).unwrap();
    let head =
        format!("PUT /{bucket} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn race(location: &str) {
    let store = open(location);
    store.write(&key(), &days(0..WORKERS * UPDATES, 0.0), None).unwrap();
    let workers: Vec<Child> = (0..WORKERS)
        .map(|worker| {
            Command::new(std::env::current_exe().unwrap())
                .args(["updates::updater", "--exact", "--ignored", "--test-threads=1"])
                .env("TRADAI_RACE_LOCATION", location)
                .env("TRADAI_RACE_WORKER", worker.to_string())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success(), "an update was not acknowledged");
    }
    let read = store.read(&key(), TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
    assert_eq!(read.series, days(0..WORKERS * UPDATES, 1.0));
    println!("{} updates acknowledged, all kept, as {} versions", WORKERS * UPDATES, read.version);
}
