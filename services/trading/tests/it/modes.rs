//! What the program makes of its environment, its records and its strategies.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tradai_control_plane::jobs::BacktestRequest;
use tradai_domain::jobs::{JobChange, JobStatus};
use tradai_testkit::sample::new_job;

use crate::world::{PROGRAM, World, ann, request};

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn all_faults_of_the_environment_are_named_at_once() {
    let program = |variables: &[(&str, &str)]| {
        let mut command = std::process::Command::new(PROGRAM);
        command.env_clear().envs(variables.iter().copied()).output().unwrap()
    };
    let nothing = program(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    for name in ["TRADING_MODE: is not set", "JOB_ID: is not set", "STRATEGY: `` cannot name a strategy"] {
        assert!(stderr(&nothing).contains(name), "{}", stderr(&nothing));
    }
    let wrong = program(&[
        ("TRADING_MODE", "paper"),
        ("JOB_ID", "7"),
        ("TRACE_ID", "0"),
        ("STRATEGY", "../x"),
        ("PAIRS", "BTC/USDT,nonsense"),
        ("TIMEFRAME", "7m"),
        ("TIMERANGE", "x"),
        ("PARAMETERS", "{\"fast\": [1]}"),
        ("EXCHANGE", "../x"),
        ("CONFIG_ID", "x"),
        ("ARCTIC_LIBRARY", "ticks"),
        ("ARCTIC_S3_BUCKET", "gs://bucket"),
        ("LOG_FORMAT", "xml"),
    ]);
    assert_eq!(wrong.status.code(), Some(2));
    let text = stderr(&wrong);
    assert!(text.starts_with("13 faults in the settings"), "{text}");
    assert!(text.contains("TRADING_MODE: `paper` is not allowed: allowed is backtest"), "{text}");
    assert!(text.contains("PAIRS: item 1: "), "{text}");
    let settings = program(&[("SETTINGS", "[]"), ("TRADING_MODE", "backtest"), ("STRATEGY", "A")]);
    assert!(stderr(&settings).contains("SETTINGS: is no JSON object"), "{}", stderr(&settings));
}

#[tokio::test]
async fn every_line_of_the_log_has_job_and_trace() {
    let world = World::new();
    let record = world.stored(&request()).await;
    let ended = world.command(&record, &request()).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", stderr(&ended));
    let lines: Vec<serde_json::Value> =
        stderr(&ended).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2, "{lines:?}");
    for line in &lines {
        let span = &line["spans"][0];
        assert_eq!(span["job_id"], record.job_id.to_string());
        assert_eq!(span["trace_id"], record.trace_id.to_string());
    }
}

#[tokio::test]
async fn a_job_that_has_ended_is_not_run_again() {
    let world = World::new();
    let record = world.stored(&request()).await;
    let run = || world.command(&record, &request()).output().unwrap();
    assert_eq!(run().status.code(), Some(0));
    let first = world.read(record.job_id, "manifest.json");
    let stamp = |name| std::fs::metadata(world.folders().path(&record.job_id).join(name)).unwrap().modified();
    let written = stamp("result.json").unwrap();
    assert_eq!(run().status.code(), Some(0));
    assert_eq!((stamp("result.json").unwrap(), world.read(record.job_id, "manifest.json")), (written, first));

    let cancelled = world.stored(&request()).await;
    let change = JobChange::status(JobStatus::Cancelled, 1);
    world.wiring.jobs.apply(cancelled.job_id, &change).await.unwrap().unwrap();
    let ended = world.command(&cancelled, &request()).output().unwrap();
    assert_eq!(ended.status.code(), Some(4), "{}", stderr(&ended));
    assert!(!world.folders().path(&cancelled.job_id).exists());

    world.wiring.jobs.delete(cancelled.job_id).await.unwrap();
    let unknown = world.command(&cancelled, &request()).output().unwrap();
    assert_eq!(unknown.status.code(), Some(3), "{}", stderr(&unknown));
}

/// The process died between the folder and the report.
#[tokio::test]
async fn a_folder_that_is_there_already_only_has_to_be_reported() {
    let world = World::new();
    let record = world.stored(&request()).await;
    assert!(world.command(&record, &request()).output().unwrap().status.success());
    let result = world.read(record.job_id, "result.json");
    world.wiring.jobs.delete(record.job_id).await.unwrap();
    world.wiring.jobs.create(&new_job(record.clone())).await.unwrap();
    // The candles are gone: a second run would fail.
    std::fs::remove_dir_all(world.state.store()).unwrap();
    assert!(world.command(&record, &request()).output().unwrap().status.success());
    let again = world.completed(record.job_id).await;
    assert!(again.result_s3_path.unwrap().ends_with(&format!("/jobs/{}", record.job_id)));
    let ran_with = again.config_s3_path.unwrap();
    let manifest = std::fs::read(ran_with.strip_prefix("file://").unwrap()).unwrap();
    assert_eq!(manifest, world.read(record.job_id, "manifest.json"));
    assert!(again.figures.unwrap().total_trades.is_some());
    assert_eq!(world.read(record.job_id, "result.json"), result);
}

#[tokio::test]
async fn strategies_are_found_in_the_folder_and_versions_must_be_there() {
    let world = World::new();
    let strategies = world.state.strategies();
    std::fs::create_dir(&strategies).unwrap();
    let own = tradai_strategy::Registry::bundled().new_file("Mine", "EmaCross").unwrap();
    std::fs::write(strategies.join("mine.yaml"), own.replace("\"1.0.0\"", "\"2.1.0\"")).unwrap();
    std::fs::write(strategies.join("broken.yaml"), "strategy: [").unwrap();
    let platform = world.platform(4);
    let submit =
        async |request: BacktestRequest| platform.jobs.submit(&request, &ann()).await.unwrap().record.job_id;
    let named = |strategy: &str, version: Option<&str>| BacktestRequest {
        strategy: strategy.to_owned(),
        strategy_version: version.map(str::to_owned),
        ..request()
    };
    let mine = submit(named("Mine", Some("2.1.0"))).await;
    let other = submit(named("Mine", Some("2.0.0"))).await;
    let unknown = submit(named("Nobody", None)).await;
    let parameter =
        submit(BacktestRequest { parameters: serde_json::from_str(r#"{"fats": 3}"#).unwrap(), ..request() })
            .await;
    assert_eq!(world.completed(mine).await.strategy_version.as_deref(), Some("2.1.0"));
    for (id, says) in [
        (other, "version 2.0.0 of Mine is asked for; there is 2.1.0"),
        (unknown, "there is no strategy `Nobody`"),
        (parameter, "fats"),
    ] {
        let record = world.ended(id).await;
        let error = record.error.unwrap();
        assert!(record.status == JobStatus::Failed && error.contains(says), "{error}");
    }
    assert_eq!(world.results(), [mine.to_string()]);
}

/// A signal to a process that is ours.
pub(crate) fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}
