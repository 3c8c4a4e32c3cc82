//! Tasks as containers: every law against a daemon of the tests on a real socket, and against Docker's where there is
//! one.
//!
//! `TRADAI_DOCKER_IMAGE` names an image with `/bin/sh` for the latter; `alpine:latest` otherwise.

mod daemon;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{TaskHandle, TaskRunner, TaskSpec, TaskStatus};
use tradai_embedded::{DockerMount, DockerSettings, DockerTasks};

use daemon::Daemon;

/// Does what the laws ask for; deaf to nothing.
const PROGRAM: &str = r#"case "$1" in
    exit) exit "$2" ;;
    hang) while :; do sleep 1; done ;;
    env) eval "[ -n \"\${$2}\" ]" ;;
    fail) echo fine; echo 'no candles' >&2; exit 3 ;;
esac"#;

fn settings(socket: &Path) -> DockerSettings {
    DockerSettings {
        socket: socket.to_owned(),
        image: "tradai/runtime:latest".to_owned(),
        arguments: ["/bin/sh", "-c", PROGRAM, "sh"].map(str::to_owned).to_vec(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        labels: BTreeMap::new(),
        mounts: Vec::new(),
        network: None,
        user: None,
        memory: None,
        milli_cpus: None,
        stop_grace: Duration::from_secs(5),
    }
}

fn task(name: &str, arguments: &[&str]) -> TaskSpec {
    TaskSpec {
        name: name.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        environment: BTreeMap::from([("JOB_ID".to_owned(), name.to_owned())]),
    }
}

mod laws {
    use super::*;

    fn port() -> (Daemon, Arc<dyn TaskRunner>) {
        let daemon = Daemon::start();
        let tasks = DockerTasks::new(settings(daemon.socket()));
        (daemon, Arc::new(tasks))
    }

    tradai_testkit::laws!(task_runner: port => [
        tells_how_a_task_ended,
        passes_the_environment,
        starts_a_name_once,
        stops,
        forgets,
        an_unknown_task_has_ended,
    ]);
}

/// The daemon of this machine, if there is one that has the image.
async fn docker() -> Option<DockerSettings> {
    let socket = PathBuf::from("/var/run/docker.sock");
    let image = std::env::var("TRADAI_DOCKER_IMAGE").unwrap_or_else(|_| "alpine:latest".to_owned());
    if DockerTasks::new(settings(&socket)).check().await.is_err() {
        println!("skipped: no Docker daemon at {}", socket.display());
        return None;
    }
    // Names are free again: an earlier run may have used them.
    let settings = DockerSettings { image, ..settings(&socket) };
    for name in ["exit-0", "exit-3", "present", "absent", "once", "long", "again", "busy"] {
        let tasks = DockerTasks::new(settings.clone());
        let handle = TaskHandle(name.to_owned());
        tasks.stop(&handle).await.unwrap();
        tasks.forget(&handle).await.unwrap();
    }
    Some(settings)
}

#[tokio::test]
async fn docker_itself_keeps_the_laws() {
    use tradai_testkit::task_runner;
    let Some(settings) = docker().await else { return };
    let port = || Arc::new(DockerTasks::new(settings.clone())) as Arc<dyn TaskRunner>;
    task_runner::tells_how_a_task_ended(port()).await;
    task_runner::passes_the_environment(port()).await;
    task_runner::starts_a_name_once(port()).await;
    task_runner::stops(port()).await;
    task_runner::forgets(port()).await;
    task_runner::an_unknown_task_has_ended(port()).await;
}

#[tokio::test]
async fn a_container_may_do_no_more_than_it_needs() {
    let daemon = Daemon::start();
    let mount = |source: &str, read_only| DockerMount {
        source: source.to_owned(),
        target: format!("/mnt{source}"),
        read_only,
    };
    let tasks = DockerTasks::new(DockerSettings {
        labels: BTreeMap::from([("owner".to_owned(), "me".to_owned())]),
        mounts: vec![mount("/data", false), mount("strategies", true)],
        network: Some("tradai-internal".to_owned()),
        user: Some("65532:65532".to_owned()),
        memory: Some(2 << 30),
        milli_cpus: Some(1_500),
        ..settings(daemon.socket())
    });
    tasks.start(&task("t", &["exit", "0"])).await.unwrap();
    let body = daemon.created("tradai-task-t");
    assert_eq!(body["Image"], "tradai/runtime:latest");
    assert_eq!(body["Env"], json!(["JOB_ID=t", "PATH=/usr/bin:/bin"]));
    assert_eq!(body["Labels"], json!({"owner": "me", "tradai.task": "t"}));
    assert_eq!(body["User"], "65532:65532");
    let host = &body["HostConfig"];
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]));
    assert_eq!((&host["Privileged"], &host["ReadonlyRootfs"]), (&json!(false), &json!(true)));
    assert_eq!(
        (&host["Memory"], &host["MemorySwap"]),
        (&json!(2_147_483_648_u64), &json!(2_147_483_648_u64))
    );
    assert_eq!(host["NanoCpus"], 1_500_000_000);
    assert_eq!(host["NetworkMode"], "tradai-internal");
    assert_eq!(host["RestartPolicy"]["Name"], "no");
    let mounts: Vec<_> = host["Mounts"].as_array().unwrap().iter().collect();
    assert_eq!((&mounts[0]["Type"], &mounts[0]["ReadOnly"]), (&json!("bind"), &json!(false)));
    assert_eq!((&mounts[1]["Type"], &mounts[1]["ReadOnly"]), (&json!("volume"), &json!(true)));
    assert!(!body.to_string().contains("docker.sock"));
}

#[tokio::test]
async fn another_runner_knows_waits_for_and_stops_a_task() {
    let daemon = Daemon::start();
    let (first, second) =
        (DockerTasks::new(settings(daemon.socket())), DockerTasks::new(settings(daemon.socket())));
    let handle = first.start(&task("long", &["hang"])).await.unwrap();
    assert_eq!(second.status(&handle).await.unwrap(), TaskStatus::Running);
    let (end, stopped) = tokio::join!(second.wait(&handle), first.stop(&handle));
    stopped.unwrap();
    assert_eq!(end.unwrap().reason, "was killed by signal 15");
}

#[tokio::test]
async fn many_starters_start_one_container() {
    let daemon = Daemon::start();
    let starters = (0..8).map(|_| {
        let tasks = DockerTasks::new(settings(daemon.socket()));
        tokio::spawn(async move { tasks.start(&task("race", &["exit", "0"])).await })
    });
    for starter in starters.collect::<Vec<_>>() {
        assert_eq!(starter.await.unwrap().unwrap(), TaskHandle("race".to_owned()));
    }
    assert_eq!(daemon.starts("tradai-task-race"), 1);
}

#[tokio::test]
async fn a_failure_is_told_with_the_last_thing_said() {
    let daemon = Daemon::start();
    let tasks = DockerTasks::new(settings(daemon.socket()));
    let handle = tasks.start(&task("bad", &["fail"])).await.unwrap();
    assert_eq!(tasks.wait(&handle).await.unwrap().reason, "ended with exit code 3: no candles");
}

#[tokio::test]
async fn a_container_that_was_made_and_not_started_is_started_by_the_next_one() {
    let daemon = Daemon::start();
    let tasks = DockerTasks::new(settings(daemon.socket()));
    daemon.die(true);
    tasks.start(&task("half", &["exit", "0"])).await.unwrap_err();
    daemon.die(false);
    let handle = TaskHandle("half".to_owned());
    let TaskStatus::Ended(end) = tasks.status(&handle).await.unwrap() else { panic!("it runs") };
    assert_eq!(end.reason, "was not started: its starter was interrupted");
    tasks.start(&task("half", &["exit", "0"])).await.unwrap();
    assert!(tasks.wait(&handle).await.unwrap().is_success());
}

#[tokio::test]
async fn what_cannot_be_started_says_so_and_leaves_the_name_free() {
    let daemon = Daemon::start();
    let missing = DockerSettings { image: "nobody/knows:1".to_owned(), ..settings(daemon.socket()) };
    let error = DockerTasks::new(missing).start(&task("t", &["exit", "0"])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("nobody/knows:1 is not on this machine"), "{error}");

    let wrong =
        DockerSettings { arguments: vec!["/no/such/program".to_owned()], ..settings(daemon.socket()) };
    let error = DockerTasks::new(wrong).start(&task("t", &[])).await.unwrap_err();
    assert!(error.message.contains("/no/such/program"), "{error}");

    let tasks = DockerTasks::new(settings(daemon.socket()));
    let handle = tasks.start(&task("t", &["exit", "0"])).await.unwrap();
    assert!(tasks.wait(&handle).await.unwrap().is_success());
    let refused = tasks.start(&task("../t", &[])).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_container_of_somebody_else_is_left_alone() {
    let daemon = Daemon::start();
    let tasks = DockerTasks::new(settings(daemon.socket()));
    daemon.add_foreign("tradai-task-mine");
    let error = tasks.start(&task("mine", &["exit", "0"])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(daemon.starts("tradai-task-mine"), 0);
}

#[tokio::test]
async fn without_a_daemon_every_call_says_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let tasks = DockerTasks::new(settings(&socket));
    let handle = TaskHandle("t".to_owned());
    let errors = [
        tasks.check().await.unwrap_err(),
        tasks.start(&task("t", &[])).await.unwrap_err(),
        tasks.status(&handle).await.unwrap_err(),
        tasks.wait(&handle).await.unwrap_err(),
        tasks.stop(&handle).await.unwrap_err(),
    ];
    // A socket that nobody listens at any more.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let gone = tasks.check().await.unwrap_err();
    for error in errors.iter().chain([&gone]) {
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains(&socket.display().to_string()), "{error}");
    }
}
