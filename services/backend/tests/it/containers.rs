//! The service as a process of its own, whose jobs are containers of an engine: of this machine's, where there is one,
//! with an image of the very program under test.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tradai_domain::ports::AuditEntry;
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::wiring::Wiring;
use tradai_testkit::engine::{self, Image, ask};

use crate::process::Service;
use crate::support::{BACKTESTS, add_candles};

/// An engine, an image of the backend, and a data folder with candles.
struct Machine {
    socket: PathBuf,
    image: Image,
    data: TempDir,
}

impl Machine {
    /// `None` where there is no engine.
    fn new(test: &str) -> Option<Self> {
        let (socket, program) = (engine::socket()?, env!("CARGO_BIN_EXE_tradai-backend"));
        let name = format!("tradai-test-{test}-{}", std::process::id());
        let image = Image::of(&socket, &name, &[Path::new(program)], &[program, "job"]);
        let data = tempfile::tempdir().unwrap();
        add_candles(data.path(), 200);
        Some(Self { socket, image, data })
    }

    /// The service, whose new jobs go this way.
    fn service(&self, way: &str) -> Service {
        let socket = self.socket.display().to_string();
        Service::start_with(
            self.data.path(),
            &[
                // One that comes back as the same has its jobs at once: what is waited for otherwise, when nobody holds
                // them any more, is tried without containers.
                ("BACKEND_INSTANCE", "machine"),
                ("BACKEND_LOCAL_EXECUTION_MODE", way),
                ("BACKEND_DOCKER_SOCKET", &socket),
                ("BACKEND_DOCKER_IMAGE", self.image.name()),
            ],
        )
    }

    /// A job that has begun, and goes on when its container is told to `unpause`.
    fn held(&self, service: &Service, days: i64) -> String {
        // Opened while nobody is held: that waits for changes of others, too.
        let wiring = Wiring::open(&StateSettings::new(self.data.path().to_owned()), []).unwrap();
        let id = service.submit(days);
        let job = format!("{BACKTESTS}/{id}");
        until("the job runs", || service.send("GET", &job, "")["status"] == "running");
        until("the job is held", || {
            self.tell(&id, "pause");
            // Not while it writes to the database, which nobody else could then.
            let is_idle = takes_changes(&wiring);
            if !is_idle {
                self.tell(&id, "unpause");
            }
            is_idle
        });
        id
    }

    fn tell(&self, id: &str, what: &str) {
        let request = format!("POST /containers/{}/{what}", Self::container(id));
        let reply = ask(&self.socket, &request, &[]).unwrap();
        assert!(reply.starts_with("HTTP/1.1 204"), "{reply}");
    }

    fn container(id: &str) -> String {
        format!("tradai-task-{id}")
    }

    /// Whether the engine has a job's container, running or not.
    fn has_container(&self, id: &str) -> bool {
        self.inspect(id).starts_with("HTTP/1.1 200")
    }

    fn inspect(&self, id: &str) -> String {
        ask(&self.socket, &format!("GET /containers/{}/json", Self::container(id)), &[]).unwrap()
    }

    fn read(&self, id: &str, file: &str) -> Vec<u8> {
        fs::read(self.data.path().join("jobs").join(id).join(file)).unwrap()
    }
}

/// Whether the database takes a change, soon.
fn takes_changes(wiring: &Wiring) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (actor, action) = ("test".to_owned(), "test.look".to_owned());
    let entry =
        AuditEntry { at: 1, actor, action, subject: "database".to_owned(), trace_id: None, via: None };
    let soon = std::time::Duration::from_secs(1);
    let appended = runtime.block_on(async { tokio::time::timeout(soon, wiring.audit.append(&entry)).await });
    matches!(appended, Ok(Ok(_)))
}

fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if condition() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what}");
}

#[test]
fn a_container_comes_to_the_result_of_a_process() {
    let Some(machine) = Machine::new("result") else { return };
    let run = |way: &str| {
        let service = machine.service(way);
        let id = service.submit(15);
        let job = service.ended(&id);
        assert_eq!(job["status"], "completed", "{way}: {job}");
        let log = service.text(&format!("{BACKTESTS}/{id}/logs"));
        assert!(log.contains(&format!("job {id} is completed")), "{way}: {log}");
        until("nothing is left of it", || !machine.has_container(&id));
        id
    };
    let (process, container) = (run("subprocess"), run("docker"));
    for file in ["trades.parquet", "equity.parquet"] {
        assert!(machine.read(&process, file) == machine.read(&container, file), "{file} differs");
    }
    let result = |id: &str| String::from_utf8(machine.read(id, "result.json")).unwrap().replace(id, "ID");
    assert_eq!(result(&process), result(&container));
}

#[test]
fn a_container_that_is_stopped_or_killed_is_no_job_for_ever() {
    let Some(machine) = Machine::new("killed") else { return };
    let service = machine.service("docker");
    let [stopped, killed] = [199, 200].map(|days| machine.held(&service, days));
    let log = service.text(&format!("{BACKTESTS}/{killed}/logs"));
    assert!(log.contains(&format!("job {killed} is running")), "{log}");
    let cancelled = service.send("POST", &format!("{BACKTESTS}/{stopped}/cancel"), "");
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    machine.tell(&killed, "kill");
    let job = service.ended(&killed);
    let error = job["error"].as_str().unwrap_or_default();
    assert!(job["status"] == "failed" && error.contains("was killed by signal 9"), "{job}");
    until("nothing is left of them", || !machine.has_container(&stopped) && !machine.has_container(&killed));
}

/// Killed while jobs run; another one, whose own jobs would be processes, finds them.
#[test]
fn containers_of_a_service_that_was_killed_are_found_again() {
    let Some(machine) = Machine::new("found") else { return };
    let service = machine.service("docker");
    let [before, after] = [199, 200].map(|days| machine.held(&service, days));
    drop(service);
    // One ends while nobody looks, one while another service does.
    machine.tell(&before, "kill");
    let service = machine.service("subprocess");
    let job = service.ended(&before);
    let error = job["error"].as_str().unwrap_or_default();
    assert!(job["status"] == "failed" && error.contains("was killed by signal 9"), "{job}");
    machine.tell(&after, "unpause");
    let job = service.ended(&after);
    assert_eq!(job["status"], "completed", "{job}");
    let log = service.text(&format!("{BACKTESTS}/{after}/logs"));
    assert_eq!(log.matches(&format!("job {after} is running")).count(), 1, "it ran once: {log}");
    until("nothing is left of them", || !machine.has_container(&before) && !machine.has_container(&after));
}

/// It is told at once, and whoever asks whether the service is ready hears of it.
#[test]
fn without_an_engine_the_service_is_not_ready() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join("docker.sock").display().to_string();
    let variables = [("BACKEND_LOCAL_EXECUTION_MODE", "docker"), ("BACKEND_DOCKER_SOCKET", &socket)];
    let service = Service::start_with(data.path(), &variables);
    for part in ["no job can run", &socket, "BACKEND_LOCAL_EXECUTION_MODE=subprocess"] {
        assert!(service.said().contains(part), "{}", service.said());
    }
    let ready = service.send("GET", "/api/v1/ready", "");
    assert!(ready["status"] == 503 && ready["errors"].to_string().contains("docker"), "{ready}");
    let health: Value = service.send("GET", "/api/v1/health", "");
    assert_eq!(health["status"], "degraded", "{health}");
}
