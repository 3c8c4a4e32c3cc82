//! Several processes on one folder, killed while they write.
//!
//! `TRADAI_EMBEDDED_KILLS=n` kills so many instead of 40.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tradai_domain::configs::ConfigStatus;
use tradai_domain::jobs::JobStatus;
use tradai_domain::ports::{
    AuditLog, BlobKey, BlobStore, ConfigRepository, Delivery, EventBus, EventSubscription, JobRepository,
    Queue, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus,
};
use tradai_embedded::{InProcessTasks, ProcessSettings, ProcessTasks};
use tradai_testkit::sample::job_id;

use crate::worker::{State, database_file, shared_blob, strategy};

/// Processes at the same time.
const WORKERS: u32 = 3;
/// Numbers that one life of a worker may use.
const NUMBERS_PER_LIFE: u32 = 1_000;

/// Starts a worker that is killed after it said so many lines; returns what it said.
fn life(folder: &Path, first: u32, lines: usize) -> JoinHandle<Vec<String>> {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["worker::worker", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("TRADAI_WORKER_FOLDER", folder)
        .env("TRADAI_WORKER_FIRST", first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    std::thread::spawn(move || {
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut acks = output.lines().map_while(Result::ok).filter(|line| line.starts_with("ack "));
        let mut said: Vec<String> = acks.by_ref().take(lines).collect();
        child.kill().unwrap();
        // What it said before the signal reached it counts too.
        said.extend(acks);
        child.wait().unwrap();
        said
    })
}

/// Runs and kills workers; returns every promise, by kind.
fn kill_workers(folder: &Path, kills: u32) -> BTreeMap<String, Vec<String>> {
    let mut promises: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for generation in 0..kills.div_ceil(WORKERS) {
        let lives: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let life_number = generation * WORKERS + worker;
                // Any spread of lengths will do: 7 is prime to the nine promises of a round.
                let lines = 1 + usize::try_from(life_number * 7 % 41).unwrap();
                life(folder, life_number * NUMBERS_PER_LIFE, lines)
            })
            .collect();
        for line in lives.into_iter().flat_map(|life| life.join().unwrap()) {
            let (kind, value) = line.trim_start_matches("ack ").split_once(' ').unwrap();
            promises.entry(kind.to_owned()).or_default().push(value.to_owned());
        }
    }
    promises
}

async fn jobs_are_there(state: &State, promises: &BTreeMap<String, Vec<String>>) {
    for (kind, status) in [("created", None), ("completed", Some(JobStatus::Completed))] {
        for n in &promises[kind] {
            let job = state.jobs.get(job_id(n.parse().unwrap())).await.unwrap();
            let found = job.unwrap_or_else(|| panic!("job {n} was lost")).status;
            assert!(status.is_none_or(|status| status == found), "job {n} is {found}");
        }
    }
}

async fn events_have_no_gap(state: &State, promises: &BTreeMap<String, Vec<String>>) {
    let newest = state.events.newest().await.unwrap();
    let mut told = BTreeMap::new();
    let mut after = 0;
    while after < newest {
        let batch = state.events.read(None, after).await.unwrap();
        assert_eq!(batch.missed_to, None);
        told.extend(batch.events.into_iter().map(|event| (event.seq, event.event.dedup_id())));
        after = batch.read_to;
    }
    assert!(told.keys().copied().eq(1..=newest));
    for promise in &promises["event"] {
        let (seq, dedup_id) = promise.split_once(' ').unwrap();
        assert_eq!(told[&seq.parse::<u64>().unwrap()], dedup_id);
    }
}

async fn one_config_is_active(state: &State) {
    let versions = state.configs.list(&strategy(), None, 100).await.unwrap();
    let active = versions.iter().filter(|version| version.status == ConfigStatus::Active).count();
    assert_eq!(active, 1);
    let numbers: Vec<u32> = versions.iter().map(|version| version.version_number).collect();
    assert!(numbers.iter().copied().eq((1..=u32::try_from(numbers.len()).unwrap()).rev()), "{numbers:?}");
}

async fn messages_arrive_once(state: &State, promises: &BTreeMap<String, Vec<String>>) {
    let mut bodies = BTreeSet::new();
    loop {
        let messages = state.queue.receive(10, Duration::ZERO).await.unwrap();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            assert!(bodies.insert(message.body), "a message came twice");
        }
    }
    for n in &promises["sent"] {
        assert!(bodies.contains(n), "message {n} was lost");
    }
}

async fn audit_is_complete(state: &State, promises: &BTreeMap<String, Vec<String>>) {
    let entries: BTreeMap<u64, String> = state
        .audit
        .list(None, 1_000_000)
        .await
        .unwrap()
        .into_iter()
        .map(|(seq, entry)| (seq, entry.subject))
        .collect();
    assert!(entries.keys().copied().eq(1..=u64::try_from(entries.len()).unwrap()));
    for promise in &promises["audit"] {
        let (seq, subject) = promise.split_once(' ').unwrap();
        assert_eq!(entries[&seq.parse::<u64>().unwrap()], subject);
    }
}

async fn blobs_are_whole(state: &State, promises: &BTreeMap<String, Vec<String>>) {
    let shared = state.blobs.get(&shared_blob()).await.unwrap().unwrap();
    assert!(shared.len() == 10_000 && shared.iter().all(|byte| *byte == shared[0]));
    for n in &promises["blob"] {
        let key: BlobKey = format!("own/{n}").parse().unwrap();
        assert_eq!(state.blobs.get(&key).await.unwrap().unwrap(), n.as_bytes());
    }
}

#[tokio::test]
async fn killed_processes_lose_nothing_they_were_promised() {
    let folder = tempfile::tempdir().unwrap();
    let kills = std::env::var("TRADAI_EMBEDDED_KILLS").map_or(40, |number| number.parse().unwrap());
    let path = folder.path().to_owned();
    let promises = tokio::task::spawn_blocking(move || kill_workers(&path, kills)).await.unwrap();
    let state = State::open(folder.path());
    jobs_are_there(&state, &promises).await;
    events_have_no_gap(&state, &promises).await;
    one_config_is_active(&state).await;
    messages_arrive_once(&state, &promises).await;
    audit_is_complete(&state, &promises).await;
    blobs_are_whole(&state, &promises).await;
    drop(state);
    let connection = rusqlite::Connection::open(database_file(folder.path())).unwrap();
    let check: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn events_of_another_process_reach_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path());
    let mut subscription = EventSubscription::new(std::sync::Arc::new(state.events), None, 0);
    let worker = life(folder.path(), 0, 12);
    for seq in 1..=2 {
        let delivery = tokio::time::timeout(Duration::from_secs(60), subscription.next()).await;
        let Delivery::Event(event) = delivery.unwrap().unwrap() else { panic!("an event is missing") };
        assert_eq!((event.seq, event.event.job_id), (seq, job_id(0)));
    }
    let said = tokio::task::spawn_blocking(move || worker.join().unwrap()).await.unwrap();
    assert!(said.len() >= 12);
    drop(state.database);
}

fn tasks(folder: &Path) -> ProcessTasks {
    ProcessTasks::new(ProcessSettings {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned()],
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        folder: folder.to_owned(),
        stop_grace: Duration::from_secs(1),
    })
}

fn shell(name: &str, script: &str) -> TaskSpec {
    let environment = BTreeMap::new();
    TaskSpec { name: name.to_owned(), arguments: vec![script.to_owned()], environment }
}

#[tokio::test]
async fn another_runner_knows_stops_and_waits_for_a_task() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (tasks(folder.path()), tasks(folder.path()));
    // Deaf to the polite signal, so that it takes the other one.
    let task = shell("deaf", "trap '' TERM; echo here; while :; do sleep 1; done");
    let handle = first.start(&task).await.unwrap();
    assert_eq!(second.status(&handle).await.unwrap(), TaskStatus::Running);
    assert_eq!(second.start(&task).await.unwrap(), handle);
    while !std::fs::read_to_string(folder.path().join("deaf/output")).unwrap().contains("here") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    second.stop(&handle).await.unwrap();
    let end = second.wait(&handle).await.unwrap();
    assert!(!end.is_success(), "{end:?}");
    let seen = first.wait(&handle).await.unwrap();
    assert_eq!((seen.exit_code, seen.reason.as_str()), (None, "was killed by signal 9: here"));
}

/// A runner whose tasks end when the test says so.
fn hosted(folder: &Path, end: &watch::Receiver<bool>) -> InProcessTasks {
    let end = end.clone();
    let work = move |_| {
        let mut end = end.clone();
        Box::pin(async move {
            end.wait_for(|ended| *ended).await.unwrap();
            TaskEnd { exit_code: Some(3), reason: "ended as it was told".to_owned() }
        }) as _
    };
    InProcessTasks::new(std::sync::Arc::new(work), folder.to_owned())
}

#[tokio::test]
async fn every_runner_knows_the_tasks_within_a_live_process() {
    let folder = tempfile::tempdir().unwrap();
    let (end, ended) = watch::channel(false);
    let owner = hosted(folder.path(), &ended);
    let task = shell("hosted", "exit 0");
    let handle = owner.start(&task).await.unwrap();
    let others: [Box<dyn TaskRunner>; 2] =
        [Box::new(hosted(folder.path(), &ended)), Box::new(tasks(folder.path()))];
    for other in &others {
        assert_eq!(other.start(&task).await.unwrap(), handle);
        assert_eq!(other.status(&handle).await.unwrap(), TaskStatus::Running);
        other.forget(&handle).await.unwrap();
        // It is not theirs to end, least of all with the process that it is part of.
        other.stop(&handle).await.unwrap();
        assert_eq!(other.status(&handle).await.unwrap(), TaskStatus::Running);
    }
    end.send_replace(true);
    for runner in others.iter().map(AsRef::as_ref).chain([&owner as &dyn TaskRunner]) {
        let seen = runner.wait(&handle).await.unwrap();
        assert_eq!((seen.exit_code, seen.reason.as_str()), (Some(3), "ended as it was told"));
    }
    others[0].forget(&handle).await.unwrap();
    assert!(!folder.path().join("hosted").exists());
}

#[tokio::test]
async fn a_task_within_a_process_that_died_is_gone_and_one_of_its_own_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (_end, ended) = watch::channel(false);
    let alive = tasks(folder.path());
    let runs = alive.start(&shell("runs", "while :; do sleep 1; done")).await.unwrap();
    let host = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let owner = hosted(folder.path(), &ended);
    let task = shell("hosted", "");
    let handle = host.spawn(async move { owner.start(&task).await.unwrap() }).await.unwrap();
    let other = hosted(folder.path(), &ended);
    assert_eq!(other.status(&handle).await.unwrap(), TaskStatus::Running);
    // Dropped where they are, as by the end of their process: nobody notes anything.
    host.shutdown_background();
    let end = other.wait(&handle).await.unwrap();
    assert_eq!((end.exit_code, &end.reason[..7]), (None, "is gone"));
    assert_eq!(alive.wait(&handle).await.unwrap(), end);
    assert_eq!(other.status(&runs).await.unwrap(), TaskStatus::Running);
    alive.stop(&runs).await.unwrap();
}

#[tokio::test]
async fn a_failure_is_told_with_the_last_thing_said() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(folder.path());
    let handle = tasks.start(&shell("bad", "echo fine; echo 'no candles' >&2; exit 3")).await.unwrap();
    assert_eq!(tasks.wait(&handle).await.unwrap().reason, "ended with exit code 3: no candles");
    // A runner of a later process has it from the folder.
    let later = self::tasks(folder.path());
    assert_eq!(later.wait(&handle).await.unwrap().reason, "ended with exit code 3: no candles");
}

#[tokio::test]
async fn old_tasks_are_swept_once_they_have_ended() {
    use tradai_domain::{Clock, SystemClock};
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(folder.path());
    let ended = tasks.start(&shell("ended", "exit 0")).await.unwrap();
    let runs = tasks.start(&shell("runs", "while :; do sleep 1; done")).await.unwrap();
    tasks.wait(&ended).await.unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    assert_eq!(tasks.sweep(SystemClock.now() - hour).unwrap(), 0);
    assert_eq!(tasks.sweep(SystemClock.now() + hour).unwrap(), 1);
    assert!(!folder.path().join("ended").exists());
    assert_eq!(tasks.status(&runs).await.unwrap(), TaskStatus::Running);
    tasks.stop(&runs).await.unwrap();
    assert_eq!(self::tasks(&folder.path().join("none")).sweep(SystemClock.now()).unwrap(), 0);
}

#[tokio::test]
async fn what_cannot_be_started_says_so_and_leaves_the_name_free() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = ProcessSettings {
        program: folder.path().join("missing"),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        folder: folder.path().join("tasks"),
        stop_grace: Duration::from_secs(1),
    };
    let error = ProcessTasks::new(settings.clone()).start(&shell("t", "")).await.unwrap_err();
    assert!(error.message.contains("cannot be started"), "{error}");
    settings.program = "/bin/sh".into();
    settings.arguments = vec!["-c".to_owned()];
    let tasks = ProcessTasks::new(settings);
    let handle = tasks.start(&shell("t", "exit 0")).await.unwrap();
    assert!(tasks.wait(&handle).await.unwrap().is_success());
    let refused = tasks.start(&shell("../t", "")).await.unwrap_err();
    assert_eq!(refused.kind, tradai_domain::ErrorKind::Invalid);
    assert_eq!(tasks.status(&TaskHandle("../t".to_owned())).await.unwrap(), {
        TaskStatus::Ended(tasks.wait(&TaskHandle("../t".to_owned())).await.unwrap())
    });
}
