//! Processes that are killed while they write.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tradai_domain::TimeRange;
use tradai_timeseries::{AsOf, CandleStore, Severity};

use crate::worker::WORKERS;
use crate::{START, number, open, series};

/// A worker's process and what it says.
struct Worker {
    child: Child,
    lines: JoinHandle<Vec<String>>,
}

/// The values of one row in the order in which they were asked for, and how many of them were acknowledged.
#[derive(Debug, Default)]
struct Row {
    tried: Vec<f64>,
    acknowledged: usize,
}

/// What workers said of each row, by symbol and minute.
type Said = BTreeMap<(String, i64), Row>;

impl Worker {
    fn start(dir: &Path, worker: i64, life: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["worker::worker", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("TRADAI_RACE_DIR", dir)
            .env("TRADAI_RACE_WORKER", worker.to_string())
            .env("TRADAI_RACE_LIFE", life.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = std::thread::spawn(move || output.lines().map_while(Result::ok).collect());
        Self { child, lines }
    }

    /// Kills the process (SIGKILL) and notes what it said; it must not have ended by itself.
    fn kill(mut self, said: &mut Said) {
        let ended = self.child.try_wait().unwrap();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let lines = self.lines.join().unwrap();
        if let Some(status) = ended {
            let mut errors = String::new();
            let stderr = self.child.stderr.take().unwrap();
            BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| errors += &line);
            panic!("a worker ended with {status}: {errors}");
        }
        lines.iter().for_each(|line| note(said, line));
    }
}

fn note(said: &mut Said, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    // The test runner has its own lines, and the first of ours follows one without an end.
    let Some(at) = words.iter().position(|&word| word == "race") else { return };
    let [what, base, minute, value] = words[at + 1..] else { return };
    let row = said.entry((base.to_owned(), minute.parse().unwrap())).or_default();
    match what {
        "try" => row.tried.push(value.parse().unwrap()),
        _ => row.acknowledged = row.tried.len(),
    }
}

/// Compares what is stored with what workers said; returns how many rows were acknowledged.
fn check(store: &CandleStore, said: &Said) -> usize {
    let bases: std::collections::BTreeSet<&String> = said.keys().map(|(base, _)| base).collect();
    let mut stored: BTreeMap<(String, i64), f64> = BTreeMap::new();
    for base in bases {
        let read = store.read(&series(base), TimeRange::ALL, AsOf::Latest).unwrap().unwrap().series;
        for (at, &time) in read.open_time().iter().enumerate() {
            stored.insert((base.clone(), (time - START) / 60_000), read.open()[at]);
        }
    }
    let mut acknowledged = 0;
    for (key, row) in said {
        acknowledged += usize::from(row.acknowledged > 0);
        let fine = match stored.remove(key) {
            // The last acknowledged value, or one asked for since.
            Some(value) => row.tried[row.acknowledged.saturating_sub(1)..].contains(&value),
            None => row.acknowledged == 0,
        };
        assert!(fine, "{key:?} is lost: {row:?}");
    }
    assert!(stored.is_empty(), "nobody asked for {stored:?}");
    acknowledged
}

#[test]
fn killed_processes_lose_nothing_that_was_acknowledged() {
    let kills = number("TRADAI_RACE_KILLS").unwrap_or(200);
    let dir = tempfile::tempdir().unwrap();
    let mut said = Said::new();
    let mut workers: Vec<Worker> = (0..WORKERS).map(|worker| Worker::start(dir.path(), worker, 0)).collect();
    let mut lives = [0_u64; 4];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_micros(5_000 + (random >> 33) % 120_000));
        let victim = usize::try_from((random >> 20) % 4).unwrap();
        workers.remove(victim).kill(&mut said);
        lives[victim] += 1;
        let worker = i64::try_from(victim).unwrap();
        workers.insert(victim, Worker::start(dir.path(), worker, lives[victim]));
    }
    workers.into_iter().for_each(|worker| worker.kill(&mut said));

    let store = open(dir.path());
    let acknowledged = check(&store, &said);
    let checkup = store.fsck(&|_, _| ()).unwrap();
    let damage: Vec<_> =
        checkup.findings.iter().filter(|finding| finding.severity == Severity::Damage).collect();
    assert!(damage.is_empty(), "{damage:?}");
    let open = said.values().filter(|row| row.acknowledged == 0).count();
    println!(
        "{kills} kills: {acknowledged} rows acknowledged, all there; {open} not acknowledged; {} versions, {} \
         files left behind",
        checkup.versions, checkup.unreferenced_files
    );
}
