//! A server of its own process, and what it costs.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::client;

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
pub(super) struct Server {
    child: Child,
    port: u16,
    ticks_per_second: f64,
}

impl Server {
    /// Starts a program on a free port, which is its last argument if it has any, and waits until it is healthy.
    pub(super) fn start(
        program: &Path,
        arguments: &[String],
        variables: impl FnOnce(u16) -> Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(program);
        command.args(arguments).envs(variables(port)).stdin(Stdio::null()).stdout(Stdio::null());
        if !arguments.is_empty() {
            command.arg(port.to_string());
        }
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { child, port, ticks_per_second: ticks_per_second()? };
        server.wait_until_healthy(program)?;
        Ok(server)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    fn wait_until_healthy(&mut self, program: &Path) -> anyhow::Result<()> {
        let started = Instant::now();
        while client::ask_once(self.port, &client::get("/api/v1/health")).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended: {status}", program.display());
            }
            if started.elapsed() > PATIENCE {
                bail!("{} is not healthy after {PATIENCE:?}", program.display());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// CPU time of the process so far: user and system.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = self.proc("stat")?;
        // The name, in parentheses, may hold anything; fields 14 and 15 of proc(5) are 12 and 13 after it.
        let fields: Vec<&str> = stat.rsplit_once(") ").context("no stat")?.1.split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).context("no ticks");
        Ok((ticks(11)? + ticks(12)?) / self.ticks_per_second)
    }

    /// Memory that the process occupies.
    pub(super) fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    fn proc(&self, name: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn ticks_per_second() -> anyhow::Result<f64> {
    let output = Command::new("getconf").arg("CLK_TCK").output().context("getconf is not installed")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
