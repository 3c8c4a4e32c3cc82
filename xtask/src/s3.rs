//! A local S3: moto, for tests and benches.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use crate::tools::{python_with, root};

/// What the server needs from PyPI. moto is pinned with what it hands requests to, which has broken it before.
const PACKAGES: [&str; 5] =
    ["moto[s3]==5.2.5", "werkzeug==3.1.9", "flask==3.1.3", "flask-cors==6.0.5", "cheroot==11.1.2"];

/// Where tests find a server.
const TEST_SERVER: &str = "TRADAI_TEST_S3";

/// A running server. It ends when this is dropped, and by itself should this program be killed.
pub(crate) struct S3Server {
    child: Child,
    url: String,
}

impl S3Server {
    /// Starts a server at a free port (or at `port`, unless it is 0) that takes `delay_ms` longer to answer
    /// each request, and waits until it answers.
    pub(crate) fn start(port: u16, delay_ms: u32) -> anyhow::Result<Self> {
        let script = root().join("xtask/python/s3_server.py");
        let mut child = Command::new(python()?)
            .arg(&script)
            .args(["--with-parent", "--port", &port.to_string(), "--delay-ms", &delay_ms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", script.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let server = Self { child, url: line.trim_start_matches("READY").trim().to_owned() };
        if server.url.is_empty() {
            bail!("{} ended before it was ready", script.display());
        }
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the server ends.
    fn wait(mut self) -> anyhow::Result<()> {
        // Its end is the sign for the server to end, and `wait` closes it.
        let _stdin = self.child.stdin.take();
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The server that tests use: the one that is named already, one of ours, or none, with a note.
pub(crate) struct TestServer(Option<S3Server>);

impl TestServer {
    /// Starts a server unless one is named.
    pub(crate) fn start() -> Self {
        if std::env::var_os(TEST_SERVER).is_some() {
            return Self(None);
        }
        let server = S3Server::start(0, 0);
        if let Err(error) = &server {
            println!("note: no local S3 ({error:#}); tests of stores in a bucket are skipped");
        }
        Self(server.ok())
    }

    /// Tells a program where the server is.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match &self.0 {
            Some(server) => command.env(TEST_SERVER, server.url()),
            None => command,
        }
    }
}

/// Runs a server until it is stopped.
pub(crate) fn serve(port: u16, delay_ms: u32) -> anyhow::Result<()> {
    let server = S3Server::start(port, delay_ms)?;
    println!("READY {}", server.url());
    server.wait()
}

/// A Python that has moto: the one named by TRADAI_MOTO, or one installed below the target directory.
fn python() -> anyhow::Result<PathBuf> {
    match std::env::var_os("TRADAI_MOTO") {
        Some(python) => Ok(PathBuf::from(python)),
        None => python_with("moto", &PACKAGES),
    }
}
