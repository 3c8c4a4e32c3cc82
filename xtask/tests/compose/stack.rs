//! The services of the compose file as processes: each with its environment, asked for its health by its health check.
//!
//! What differs from containers: ports and names lead to free ports of this machine, and the volume is a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::file::{Compose, Stage, Variables, compose, root};
use crate::processes::{Process, free_port, program, send};

/// How often a service is asked for its health before it is given up; containers get 3 times 30 seconds.
const LOOKS: u32 = 900;

/// A running stack.
struct Stack {
    folder: TempDir,
    compose: Compose,
    variables: Variables,
    ports: BTreeMap<String, u16>,
    running: Vec<(String, Process)>,
}

impl Stack {
    /// Reads the compose file with the keys that a newcomer's `.env` gets, and these variables.
    fn new(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut variables = make_env(&folder.path().join("env"));
        variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let compose = compose("docker-compose.yaml", &variables);
        let ports = compose.services.keys().map(|name| (name.clone(), free_port())).collect();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        Self { folder, compose, variables, ports, running: Vec::new() }
    }

    /// Starts a service once those that it waits for are healthy.
    fn start(&mut self, name: &str) {
        if self.running.iter().any(|(running, _)| running == name) {
            return;
        }
        let before: Vec<String> = self.compose.services[name].depends_on.keys().cloned().collect();
        for name in &before {
            self.start(name);
        }
        let target = self.compose.services[name].build.as_ref().unwrap().target.clone().unwrap();
        let mut command = self.command(name, &Stage::of(&target).program());
        let mut process = Process::start(&mut command, self.folder.path().join(format!("{name}.log")));
        self.await_health(name, &mut process);
        self.running.push((name.to_owned(), process));
    }

    /// The health check of the compose file, until it passes.
    fn await_health(&self, name: &str, process: &mut Process) {
        let test = &self.compose.services[name].healthcheck.as_ref().unwrap().test;
        assert_eq!(test[0], "CMD");
        for _ in 0..LOOKS {
            let check = self.command(name, &test[1]).args(&test[2..]).output().unwrap();
            if check.status.success() {
                return;
            }
            assert!(!process.has_ended(), "{name} ended: {}", process.log());
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{name} does not become healthy: {}", process.log());
    }

    /// A program with the environment of a service, and nothing else of ours.
    fn command(&self, name: &str, program_name: &str) -> Command {
        let mut command = Command::new(program(program_name));
        command.env_clear().current_dir(self.folder.path());
        for (variable, value) in self.compose.services[name].variables() {
            command.env(variable, self.on_this_machine(&value));
        }
        let prefix = name.to_uppercase().replace('-', "_");
        command.env(format!("{prefix}_PORT"), self.ports[name].to_string());
        command
    }

    /// Leads names of containers and the volume to this machine.
    fn on_this_machine(&self, value: &str) -> String {
        if value == "/data" {
            return self.folder.path().join("data").to_string_lossy().into_owned();
        }
        let host = value.strip_prefix("http://").and_then(|rest| rest.split_once(':')).map(|(host, _)| host);
        match host.and_then(|host| self.ports.get(host)) {
            Some(port) => format!("http://127.0.0.1:{port}"),
            None => value.to_owned(),
        }
    }

    fn key(&self) -> &str {
        &self.variables["TRADAI_API_KEY"]
    }

    fn ask(&self, name: &str, request: &str, body: &Value) -> (u16, Value) {
        send(self.ports[name], request, Some(self.key()), body)
    }

    fn logs(&self) -> String {
        self.running.iter().map(|(name, process)| format!("{name}:\n{}\n", process.log())).collect()
    }
}

/// What `docker/make-env.sh` writes for a newcomer.
fn make_env(file: &Path) -> Variables {
    let made = run_make_env(file);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn run_make_env(file: &Path) -> std::process::Output {
    let mut command = Command::new(root().join("docker/make-env.sh"));
    command.arg(program("tradai-backend")).env("ENV_FILE", file).output().unwrap()
}

/// A sandbox exchange that knows one perpetual.
fn sandbox(folder: &Path) -> (Process, String) {
    let mut command = Command::new(program("tradai"));
    command
        .env_clear()
        .current_dir(folder)
        .args(["--json", "sandbox", "--port", "0", "--timeframe", "1h", "--symbols", "BTC/USDT:USDT"])
        .args(["--start", "2024-06-01", "--pace", "stepped"])
        .stdout(std::process::Stdio::piped());
    let mut process = Process::start(&mut command, folder.join("sandbox.log"));
    let url = process.first_document()["url"].as_str().unwrap().to_owned();
    (process, url)
}

#[test]
fn a_key_that_is_there_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    let first = make_env(&file);
    assert_eq!(make_env(&file), first);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600, "others may read the keys");
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        ["POSTGRES_PASSWORD", "TRADAI_API_KEY", "TRADAI_API_KEYS", "TRADAI_PEER_API_KEY"]
    );
}

#[test]
fn what_a_file_lacks_is_added_and_what_it_has_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    // A file of an editor that ends no last line; a variable without a value is not there.
    std::fs::write(&file, "LOG_LEVEL=debug\nTRADAI_API_KEYS=\nPOSTGRES_PASSWORD=mine").unwrap();
    let first = make_env(&file);
    assert_eq!((first["LOG_LEVEL"].as_str(), first["POSTGRES_PASSWORD"].as_str()), ("debug", "mine"));
    for name in ["TRADAI_API_KEY", "TRADAI_API_KEYS", "TRADAI_PEER_API_KEY"] {
        assert!(!first[name].is_empty(), "{name}");
    }
    assert_eq!(make_env(&file), first);
}

/// A new key that the services are not told of would let nobody in.
#[test]
fn half_of_the_keys_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    let text = "TRADAI_API_KEYS='me:admin:00'\n";
    std::fs::write(&file, text).unwrap();
    let refused = run_make_env(&file);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("TRADAI_PEER_API_KEY"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn the_stack_comes_up_and_runs_a_backtest_of_collected_candles() {
    let place = tempfile::tempdir().unwrap();
    let (_sandbox, url) = sandbox(place.path());
    let mut stack = Stack::new(&[("DATA_COLLECTION_EXCHANGE_URLS", &format!("binance_futures={url}"))]);
    stack.start("backend");
    let (status, _) = send(stack.ports["backend"], "GET /api/v1/backtests", None, &Value::Null);
    assert_eq!(status, 401, "nobody gets in without a key");

    let request = json!({
        "strategy": "EmaCross", "symbols": ["BTC/USDT:USDT"], "timeframe": "1h",
        "start": "2024-05-01", "end": "2024-05-15", "exchange": "binance_futures",
        "settings": {"trading_mode": "futures", "margin_mode": "isolated"},
    });
    let (status, accepted) = stack.ask("backend", "POST /api/v1/backtests", &request);
    assert_eq!(status, 202, "{accepted}\n{}", stack.logs());
    let path = accepted["links"]["self"].as_str().unwrap().to_owned();
    let mut job = accepted;
    for _ in 0..LOOKS {
        job = stack.ask("backend", &format!("GET {path}"), &Value::Null).1;
        if ["completed", "failed", "cancelled"].contains(&job["status"].as_str().unwrap_or_default()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(job["status"], "completed", "{job}\n{}", stack.logs());
    let folder = stack.folder.path().join("data/jobs").join(job["job_id"].as_str().unwrap());
    assert!(folder.join("result.json").is_file() && folder.join("manifest.json").is_file());

    let (_, strategies) = stack.ask("strategy-service", "GET /api/v1/strategies", &Value::Null);
    assert!(strategies.to_string().contains("EmaCross"), "{strategies}");
    for (name, process) in std::mem::take(&mut stack.running).into_iter().rev() {
        assert_eq!(process.stop(), Some(0), "{name}");
    }
}
