//! The service as a process of its own, whose jobs are processes, killed and started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tradai_domain::parse_date_ms;

use crate::support::{BACKTESTS, add_candles};

const DAY: i64 = 86_400_000;

/// A running service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    address: SocketAddr,
    said: String,
}

impl Service {
    fn start(data: &Path, instance: &str, parallel_jobs: u32) -> Self {
        let parallel = parallel_jobs.to_string();
        Self::start_with(data, &[("BACKEND_INSTANCE", instance), ("BACKEND_PARALLEL_JOBS", &parallel)])
    }

    /// A service on a data folder, with these variables.
    pub(crate) fn start_with(data: &Path, variables: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = "http://127.0.0.1:9";
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradai-backend"));
        command
            .env_clear()
            .env("LOG_FORMAT", "json")
            .env("BACKEND_PORT", port.to_string())
            .env("BACKEND_DATA_COLLECTION_URL", nobody)
            .env("BACKEND_STRATEGY_SERVICE_URL", nobody)
            .env("TRADAI_DATA_DIR", data)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut reader = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("listens on") {
            assert_ne!(reader.read_line(&mut said).unwrap(), 0, "the service did not start: {said}");
        }
        // What it says from here on is not to fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), said }
    }

    /// What it said until it listened.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Value {
        let body = self.exchange(method, path, body);
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    /// A reply that is a text.
    pub(crate) fn text(&self, path: &str) -> String {
        self.exchange("GET", path, "")
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let content = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(format!("{head}{content}").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub(crate) fn submit(&self, days: i64) -> String {
        let end = chrono::DateTime::from_timestamp_millis(start() + days * DAY).unwrap();
        let body =
            json!({"strategy": "EmaCross", "symbols": ["BTC/USDT"], "end": end.format("%Y%m%d").to_string()});
        let accepted = self.send("POST", BACKTESTS, &body.to_string());
        accepted["job_id"].as_str().unwrap_or_else(|| panic!("{accepted}")).to_owned()
    }

    /// Waits until a job has ended.
    pub(crate) fn ended(&self, id: &str) -> Value {
        loop {
            let job = self.send("GET", &format!("{BACKTESTS}/{id}?wait=25"), "");
            if !["pending", "running"].contains(&job["status"].as_str().unwrap_or_else(|| panic!("{job}"))) {
                return job;
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn start() -> i64 {
    parse_date_ms("2024-01-01").unwrap()
}

/// Killed with jobs running and waiting; the next process finds every one of them, and all end well.
#[test]
fn a_service_that_is_killed_loses_no_job() {
    let folder = tempfile::tempdir().unwrap();
    add_candles(folder.path(), 20);
    let service = Service::start(folder.path(), "one", 2);
    let ids: Vec<String> = (0..8).map(|job| service.submit(10 + job)).collect();
    drop(service);
    let service = Service::start(folder.path(), "one", 2);
    for id in &ids {
        let job = service.ended(id);
        assert_eq!(job["status"], "completed", "{job}");
        let metrics = service.send("GET", &format!("{BACKTESTS}/{id}/metrics"), "");
        assert_eq!(metrics["strategy"], "EmaCross", "{metrics}");
    }
    let listed = service.send("GET", &format!("{BACKTESTS}?status=completed"), "");
    assert_eq!(listed["items"].as_array().unwrap().len(), ids.len());
}

/// Row M001: two on one folder, of which one is killed. The other one takes up what that had, and nothing is started
/// twice.
#[test]
fn jobs_of_a_service_that_is_killed_are_the_other_ones() {
    let folder = tempfile::tempdir().unwrap();
    add_candles(folder.path(), 20);
    let dies = Service::start(folder.path(), "dies", 1);
    let lives = Service::start(folder.path(), "lives", 2);
    let ids: Vec<String> = (0..8).map(|job| dies.submit(10 + job)).collect();
    drop(dies);
    for id in &ids {
        let job = lives.ended(id);
        assert_eq!(job["status"], "completed", "{job}");
        let output = std::fs::read_to_string(folder.path().join(format!("tasks/{id}/output"))).unwrap();
        assert_eq!(output.matches(&format!("job {id} is running")).count(), 1, "{output}");
    }
}

/// The service is told by a name that is its own where candles are; jobs look there, too.
#[test]
fn jobs_look_for_candles_where_their_service_does() {
    let (folder, candles) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    add_candles(candles.path(), 20);
    let place = format!("file://{}", candles.path().join("store").display());
    let service = Service::start_with(folder.path(), &[("BACKEND_ARCTIC_S3_BUCKET", &place)]);
    let job = service.ended(&service.submit(10));
    assert_eq!(job["status"], "completed", "{job}");
}

#[test]
fn a_job_that_cannot_run_says_why() {
    let folder = tempfile::tempdir().unwrap();
    add_candles(folder.path(), 1);
    let service = Service::start(folder.path(), "one", 2);
    let unknown = json!({"strategy": "EmaCros", "symbols": ["BTC/USDT"]}).to_string();
    let id = service.send("POST", BACKTESTS, &unknown)["job_id"].as_str().unwrap().to_owned();
    let job = service.ended(&id);
    let error = job["error"].as_str().unwrap_or_default();
    assert!(job["status"] == "failed" && error.contains("did you mean `EmaCross`?"), "{job}");
}

/// What a job has freed does not count as taken; one that takes more than it may ends with the reason, and the next one
/// runs.
#[test]
fn jobs_may_have_so_much_memory_each() {
    let folder = tempfile::tempdir().unwrap();
    add_candles(folder.path(), 1_000);
    let bounded = [("BACKEND_JOB_MEMORY_MIB", "72"), ("BACKEND_PARALLEL_JOBS", "1")];
    let service = Service::start_with(folder.path(), &bounded);
    let ids = [10, 1_000, 10].map(|days| service.submit(days));
    let [before, too_large, after] = ids.map(|id| service.ended(&id));
    assert_eq!((&before["status"], &after["status"]), (&json!("completed"), &json!("completed")), "{after}");
    let error = too_large["error"].as_str().unwrap_or_else(|| panic!("{too_large}"));
    assert!(error.contains("it took more memory than it may"), "{error}");
}
