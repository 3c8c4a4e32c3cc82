//! Schemathesis (PyPI) against the running platform: made-up requests by the services' own OpenAPI documents. No
//! answer may be a 5xx, or another one than documented.
//!
//! The platform is `tradai up --demo`: the three services, an exchange, candles and strategies. Sockets and event
//! streams are left out, as no client that waits for the end of a reply can try them; they have tests of their own.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use crate::tools::{cargo, run, target};

pub(crate) const PACKAGE: &str = "schemathesis==4.32.5";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// Settings of the platform: as many requests as come, and none held back for long.
const VARIABLES: [(&str, &str); 7] = [
    ("BACKEND_RATE_LIMIT_PER_SECOND", "0"),
    ("DATA_COLLECTION_RATE_LIMIT_PER_SECOND", "0"),
    ("STRATEGY_SERVICE_RATE_LIMIT_PER_SECOND", "0"),
    ("BACKEND_REQUEST_TIMEOUT_SECONDS", "4"),
    ("DATA_COLLECTION_SYNC_WAIT_SECONDS", "1"),
    ("BACKEND_PARALLEL_JOBS", "1"),
    ("LOG_LEVEL", "error"),
];

/// Tries every service; `examples` is the most requests that are made up for an operation in a phase.
pub(crate) fn test(python: &Path, examples: u32, seed: u64) -> anyhow::Result<()> {
    run(cargo().args(["build", "--locked", "--package", "tradai-cli", "--bin", "tradai"]))?;
    let folder = target().join("schemathesis-data");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let platform = Platform::start(&folder)?;
    let mut failed = platform.urls.clone();
    let python = std::path::absolute(python)?;
    failed.retain(|url| run(&mut schemathesis(&python, url, examples, seed)).is_err());
    drop(platform);
    std::fs::remove_dir_all(&folder)?;
    if failed.is_empty() {
        return Ok(());
    }
    bail!("what is above went wrong at {}", failed.join(", "))
}

fn schemathesis(python: &Path, url: &str, examples: u32, seed: u64) -> Command {
    let mut command = Command::new(python.with_file_name("schemathesis"));
    command
        .arg("run")
        .arg(format!("{url}/openapi.json"))
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--continue-on-failure"])
        .args(["--exclude-path-regex", "/ws/|/events$", "--request-timeout", "60", "--warnings", "off"])
        .arg(format!("--max-examples={examples}"))
        .arg(format!("--seed={seed}"))
        // It leaves a cache of what crashed where it runs.
        .current_dir(target());
    command
}

/// `tradai up --demo`, until it is dropped.
struct Platform {
    child: Child,
    urls: Vec<String>,
}

impl Platform {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(target().join("debug/tradai"))
            .args(["--json", "--data-dir"])
            .arg(folder)
            .args(["up", "--demo", "--free-ports"])
            .envs(VARIABLES)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start tradai up")?;
        let output = child.stdout.take();
        let mut platform = Self { child, urls: Vec::new() };
        let mut line = String::new();
        BufReader::new(output.context("no output")?.take(64 * 1024)).read_line(&mut line)?;
        for service in ["backend", "data_collection", "strategy_service"] {
            let url =
                value(&line, service).with_context(|| format!("no address of {service} in {line:?}"))?;
            platform.urls.push(url.to_owned());
        }
        Ok(platform)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // Told to stop, it lets its jobs' processes be; nothing here is worth that patience.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The text of a name in a line of JSON.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(&format!("\"{name}\":\""))?.1.split('"').next()
}
