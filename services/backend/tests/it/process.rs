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
struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    fn start(data: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = "http://127.0.0.1:9";
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradai-backend"));
        command
            .env_clear()
            .env("LOG_FORMAT", "json")
            .env("BACKEND_PORT", port.to_string())
            .env("BACKEND_PARALLEL_JOBS", "2")
            .env("BACKEND_DATA_COLLECTION_URL", nobody)
            .env("BACKEND_STRATEGY_SERVICE_URL", nobody)
            .env("TRADAI_DATA_DIR", data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listens on") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the service did not start");
        }
        // What it says from here on is not to fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let content = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(format!("{head}{content}").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let body = reply.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {reply}"))
    }

    fn submit(&self, days: i64) -> String {
        let end = chrono::DateTime::from_timestamp_millis(start() + days * DAY).unwrap();
        let body =
            json!({"strategy": "EmaCross", "symbols": ["BTC/USDT"], "end": end.format("%Y%m%d").to_string()});
        let accepted = self.send("POST", BACKTESTS, &body.to_string());
        accepted["job_id"].as_str().unwrap_or_else(|| panic!("{accepted}")).to_owned()
    }

    /// Waits until a job has ended.
    fn ended(&self, id: &str) -> Value {
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
    let service = Service::start(folder.path());
    let ids: Vec<String> = (0..8).map(|job| service.submit(10 + job)).collect();
    drop(service);
    let service = Service::start(folder.path());
    for id in &ids {
        let job = service.ended(id);
        assert_eq!(job["status"], "completed", "{job}");
        let metrics = service.send("GET", &format!("{BACKTESTS}/{id}/metrics"), "");
        assert_eq!(metrics["strategy"], "EmaCross", "{metrics}");
    }
    let listed = service.send("GET", &format!("{BACKTESTS}?status=completed"), "");
    assert_eq!(listed["items"].as_array().unwrap().len(), ids.len());
}

#[test]
fn a_job_that_cannot_run_says_why() {
    let folder = tempfile::tempdir().unwrap();
    add_candles(folder.path(), 1);
    let service = Service::start(folder.path());
    let unknown = json!({"strategy": "EmaCros", "symbols": ["BTC/USDT"]}).to_string();
    let id = service.send("POST", BACKTESTS, &unknown)["job_id"].as_str().unwrap().to_owned();
    let job = service.ended(&id);
    let error = job["error"].as_str().unwrap_or_default();
    assert!(job["status"] == "failed" && error.contains("did you mean `EmaCross`?"), "{job}");
}
