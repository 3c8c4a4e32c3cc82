//! The backend's API under load, beside a twin of FastAPI and uvicorn: requests per CPU second of the server, 99th
//! percentiles, and memory, idle and with a thousand WebSockets; and what a socket alone costs on this machine.
//!
//! CPU seconds are the servers' own, from `/proc`: what the client costs does not count. Linux only.

#![expect(clippy::disallowed_methods, reason = "it measures time")]

mod client;
mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use self::client::Samples;
use self::server::Server;
use crate::tools::{cargo, python_with, root, run, target};

/// Packages of the twin.
const TWIN: [&str; 3] = ["fastapi==0.165.0", "prometheus-client==0.26.0", "uvicorn[standard]==0.54.0"];
/// Connections that ask at the same time.
const CONNECTIONS: usize = 64;
const SOCKETS: usize = 1_000;
const SUBMIT: &str = r#"{"strategy": "EmaCross", "symbols": ["BTC/USDT"], "timerange": "20240101-20240201", "timeframe": "1h", "settings": {"stake_amount": 100}}"#;
const BACKTESTS: &str = "/api/v1/backtests";

/// The services and where each has a WebSocket that needs no other service.
const SERVICES: [(&str, Option<&str>); 3] = [
    ("tradai-backend", Some("/ws/jobs")),
    ("tradai-data-collection", None),
    ("tradai-strategy-service", None),
];

/// What a server did under load.
struct Measured {
    submit: Phase,
    status: Phase,
}

struct Phase {
    per_cpu_second: f64,
    p99: Duration,
}

/// Measures both servers and prints them side by side.
pub(crate) fn bench(submits: usize, statuses: usize, profile: &str, build: bool) -> anyhow::Result<()> {
    if build {
        build_all(profile)?;
    }
    let programs = target().join(profile);
    let python = python_with("fastapi-twin", &TWIN)?;
    let folder = target().join("bench-api");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let ours = measure(&backend(&programs, &folder.join("ours"))?, submits, statuses)?;
    println!("\n{CONNECTIONS} connections; {submits} submits, {statuses} reads of a status\n");
    println!("                          requests per CPU second          99th percentile");
    println!("                          ours        twin     ratio       ours        twin");
    for (title, bare) in [("twin", None), ("its endpoints alone", Some("--bare"))] {
        let twin = twin(&python, &folder.join(title.replace(' ', "-")), bare)?;
        let twin = measure(&twin, submits, statuses)?;
        println!("{title}");
        for (name, ours, twin) in
            [("submit", &ours.submit, twin.submit), ("status", &ours.status, twin.status)]
        {
            let ratio = ours.per_cpu_second / twin.per_cpu_second;
            println!(
                "  {name:<20} {:>8.0} {:>11.0} {ratio:>8.1}x {:>10.2?} {:>11.2?}",
                ours.per_cpu_second, twin.per_cpu_second, ours.p99, twin.p99
            );
        }
    }
    let bare = bare(&programs, statuses)?.per_cpu_second;
    println!("\na socket with nothing behind it: {bare:.0} requests per CPU second");
    memory(&programs, &folder)
}

fn build_all(profile: &str) -> anyhow::Result<()> {
    let packages = SERVICES.iter().flat_map(|(name, _)| ["-p", *name]).chain(["-p", "tradai-service"]);
    // One command, so that what they share is built once.
    let targets = ["--bins", "--example", "accepting", "--example", "bare"];
    run(cargo().args(["build", "--profile", profile, "--locked"]).args(packages).args(targets))
}

fn backend(programs: &Path, folder: &Path) -> anyhow::Result<Server> {
    let program = programs.join("examples/accepting");
    Server::start(&program, &[], |port| {
        vec![
            ("BACKEND_PORT".to_owned(), port.to_string()),
            ("TRADAI_DATA_DIR".to_owned(), folder.display().to_string()),
            // Nobody answers there: the twin asks no other service either, and a job is taken in all the same.
            ("BACKEND_STRATEGY_SERVICE_URL".to_owned(), "http://127.0.0.1:1".to_owned()),
            ("BACKEND_DATA_COLLECTION_URL".to_owned(), "http://127.0.0.1:1".to_owned()),
            ("BACKEND_RATE_LIMIT_PER_SECOND".to_owned(), "0".to_owned()),
            // Its jobs are taken in, and none runs.
            ("BACKEND_MAX_WAITING_JOBS".to_owned(), "1000000".to_owned()),
            ("BACKEND_MAX_WAITING_JOBS_PER_CALLER".to_owned(), "1000000".to_owned()),
            ("LOG_LEVEL".to_owned(), "error".to_owned()),
        ]
    })
}

/// Measures what no service can exceed: a reply that is there already.
fn bare(programs: &Path, count: usize) -> anyhow::Result<Phase> {
    let program = programs.join("examples/bare");
    let server = Server::start(&program, &[], |port| vec![("BARE_PORT".to_owned(), port.to_string())])?;
    phase(&server, &client::get("/"), count, 200)
}

fn twin(python: &Path, folder: &Path, option: Option<&str>) -> anyhow::Result<Server> {
    let script = root().join("tests/peers/fastapi_twin.py");
    let mut arguments = vec![script.display().to_string(), folder.display().to_string()];
    arguments.extend(option.map(str::to_owned));
    Server::start(python, &arguments, |_| Vec::new())
}

/// Submits, then reads the status of one of the jobs, each after a part that does not count.
fn measure(server: &Server, submits: usize, statuses: usize) -> anyhow::Result<Measured> {
    let post = client::post(BACKTESTS, SUBMIT);
    let first = client::ask_once(server.port(), &post)?;
    let id = first.split_once("\"job_id\":\"").and_then(|(_, rest)| rest.split('"').next());
    let id = id.with_context(|| format!("no job id in {first}"))?;
    let get = client::get(&format!("{BACKTESTS}/{id}"));
    Ok(Measured { submit: phase(server, &post, submits, 202)?, status: phase(server, &get, statuses, 200)? })
}

fn phase(server: &Server, request: &str, count: usize, status: u16) -> anyhow::Result<Phase> {
    client::load(server.port(), request, CONNECTIONS, count / 10, status)?;
    let before = server.cpu_seconds()?;
    let started = Instant::now();
    let samples: Samples = client::load(server.port(), request, CONNECTIONS, count, status)?;
    let (wall, cpu) = (started.elapsed(), server.cpu_seconds()? - before);
    if cpu < 0.5 {
        bail!("{count} requests took {cpu:.2} CPU seconds of {wall:.2?}; too few to measure");
    }
    Ok(Phase { per_cpu_second: samples.count() as f64 / cpu, p99: samples.percentile(99) })
}

/// Prints what the services occupy.
fn memory(programs: &Path, folder: &Path) -> anyhow::Result<()> {
    println!("\n                              resident MiB");
    println!("                          idle    {SOCKETS} sockets");
    for (name, socket) in SERVICES {
        let data = folder.join(name);
        let prefix = name.trim_start_matches("tradai-").replace('-', "_").to_uppercase();
        let server = Server::start(&programs.join(name), &[], |port| {
            vec![
                (format!("{prefix}_PORT"), port.to_string()),
                (format!("{prefix}_RATE_LIMIT_PER_SECOND"), "0".to_owned()),
                ("TRADAI_DATA_DIR".to_owned(), data.display().to_string()),
                ("LOG_LEVEL".to_owned(), "error".to_owned()),
            ]
        })?;
        let idle = server.resident_mib()?;
        let Some(socket) = socket else {
            println!("{name:<24} {idle:>5.1}");
            continue;
        };
        let sockets = client::open_sockets(server.port(), socket, SOCKETS)?;
        let open = server.resident_mib()?;
        println!("{name:<24} {idle:>5.1} {open:>15.1}");
        drop(sockets);
    }
    Ok(())
}
