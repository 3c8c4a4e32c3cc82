//! Tasks as containers: every law against a daemon of the tests on a real socket, and against an engine where there is
//! one (`DOCKER_HOST`, or Docker's own socket), with an image of this machine's shell.

mod daemon;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{TaskHandle, TaskRunner, TaskSpec, TaskStatus};
use tradai_embedded::{
    AnyTasks, DockerMount, DockerSettings, DockerTasks, InProcessTasks, ProcessSettings, ProcessTasks, Work,
};
use tradai_testkit::until;

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
        folder: socket.with_file_name("tasks"),
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
        lost_after: Duration::from_secs(1),
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

#[tokio::test]
async fn an_engine_keeps_the_laws() {
    use tradai_testkit::engine::{self, Image};
    use tradai_testkit::task_runner;
    let Some(socket) = engine::socket() else { return };
    let sleep = ["/bin/sh", "/bin/sleep"].map(Path::new);
    // Names of containers are the engine's: those of another run are other ones.
    let folder = tempfile::tempdir().unwrap();
    let run = std::process::id();
    let image = Image::of(&socket, &format!("tradai-test-laws-{run}"), &sleep, &[]);
    let settings = DockerSettings {
        image: image.name().to_owned(),
        folder: folder.path().to_owned(),
        ..settings(&socket)
    };
    let tasks = DockerTasks::new(settings.clone());
    tasks.check().await.unwrap();
    let port = || Arc::new(DockerTasks::new(settings.clone())) as Arc<dyn TaskRunner>;
    task_runner::tells_how_a_task_ended(port()).await;
    task_runner::passes_the_environment(port()).await;
    task_runner::starts_a_name_once(port()).await;
    task_runner::stops(port()).await;
    task_runner::forgets(port()).await;
    task_runner::an_unknown_task_has_ended(port()).await;
    for task in std::fs::read_dir(folder.path()).unwrap() {
        let handle = TaskHandle(task.unwrap().file_name().into_string().unwrap());
        tasks.stop(&handle).await.unwrap();
        tasks.forget(&handle).await.unwrap();
    }
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
    assert_eq!(
        host["LogConfig"],
        json!({"Type": "json-file", "Config": {"max-size": "8m", "max-file": "2"}})
    );
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

/// What was said and how it ended is in the folder then, where any other runner finds it.
#[tokio::test]
async fn nothing_is_left_of_a_container_that_has_ended() {
    let daemon = Daemon::start();
    let tasks = DockerTasks::new(settings(daemon.socket()));
    let running = tasks.start(&task("long", &["hang"])).await.unwrap();
    let handle = tasks.start(&task("bad", &["fail"])).await.unwrap();
    let end = tasks.wait(&handle).await.unwrap();
    tasks.stop(&running).await.unwrap();
    assert_eq!(daemon.containers(), [""; 0]);
    assert_eq!(tasks.status(&handle).await.unwrap(), TaskStatus::Ended(end));
    assert_eq!(tasks.output("bad", 100).await.unwrap(), None);
    let folder = settings(daemon.socket()).folder;
    assert_eq!(std::fs::read_to_string(folder.join("bad/output")).unwrap(), "fine\nno candles\n");
    // Its name stays taken.
    tasks.start(&task("bad", &["exit", "0"])).await.unwrap();
    assert_eq!(daemon.containers(), [""; 0]);
}

#[tokio::test]
async fn a_container_that_ended_while_nobody_looked_is_swept() {
    let daemon = Daemon::start();
    let tasks = DockerTasks::new(settings(daemon.socket()));
    let (long, bad) = (task("long", &["hang"]), task("bad", &["fail"]));
    tasks.start(&long).await.unwrap();
    let handle = tasks.start(&bad).await.unwrap();
    until(|| async { matches!(tasks.status(&handle).await.unwrap(), TaskStatus::Ended(_)) }).await;
    assert_eq!(tasks.output("bad", 11).await.unwrap().unwrap(), b"no candles\n");
    assert_eq!(tasks.sweep(chrono::DateTime::UNIX_EPOCH).await.unwrap(), 1);
    assert_eq!(daemon.containers(), ["tradai-task-long"]);
    let TaskStatus::Ended(end) = tasks.status(&handle).await.unwrap() else { panic!("it runs") };
    assert_eq!(end.reason, "ended with exit code 3: no candles");
}

/// Whatever a host is set up for, a task that is there already is the one that is asked after, and no other is started.
#[tokio::test]
async fn a_task_is_found_whichever_way_it_was_started() {
    let daemon = Daemon::start();
    let of_docker = settings(daemon.socket());
    let folder = of_docker.folder.clone();
    let containers = Arc::new(DockerTasks::new(of_docker.clone()));
    let processes = Arc::new(ProcessTasks::new(ProcessSettings {
        program: PathBuf::from("/bin/sh"),
        arguments: of_docker.arguments[1..].to_vec(),
        environment: of_docker.environment,
        folder: folder.clone(),
        stop_grace: of_docker.stop_grace,
    }));
    let work: Work = Arc::new(|_| Box::pin(async { panic!("nothing runs in this process") }));
    let in_process = Arc::new(InProcessTasks::new(work, folder.clone()));
    let set_up_for = |new: Arc<dyn TaskRunner>| {
        let (processes, in_process) = (processes.clone(), in_process.clone());
        AnyTasks::new(folder.clone(), new, processes, in_process, Some(containers.clone()))
    };
    let (first, second) = (set_up_for(processes.clone()), set_up_for(containers.clone()));
    let (process, container) = (task("process", &["hang"]), task("container", &["hang"]));
    first.start(&process).await.unwrap();
    second.start(&container).await.unwrap();
    for host in [&first, &second] {
        for task in [&process, &container] {
            let handle = host.start(task).await.unwrap();
            assert_eq!(host.status(&handle).await.unwrap(), TaskStatus::Running);
        }
    }
    assert_eq!(daemon.containers(), ["tradai-task-container"]);
    // Each is stopped by a host that would not have started it so.
    for (host, task) in [(&second, &process), (&first, &container)] {
        let handle = TaskHandle(task.name.clone());
        let (end, stopped) = tokio::join!(host.wait(&handle), host.stop(&handle));
        stopped.unwrap();
        assert_eq!(end.unwrap().reason, "was killed by signal 15", "{}", task.name);
        host.forget(&handle).await.unwrap();
    }
    assert_eq!((daemon.containers(), std::fs::read_dir(&folder).unwrap().count()), (Vec::new(), 0));
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
        tasks.stop(&handle).await.unwrap_err(),
    ];
    // A task that a daemon had, which is away for longer than it may.
    let had = folder.path().join("tasks/t");
    std::fs::create_dir_all(&had).unwrap();
    std::fs::write(had.join("container"), "id").unwrap();
    let lost = tasks.wait(&handle).await.unwrap();
    assert!(lost.exit_code.is_none() && lost.reason.starts_with("is lost: for 1 seconds, "), "{lost:?}");
    // A socket that nobody listens at any more.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let gone = tasks.check().await.unwrap_err();
    for error in errors.iter().chain([&gone]) {
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains(&socket.display().to_string()), "{error}");
    }
}
