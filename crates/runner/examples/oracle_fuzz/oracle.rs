//! Freqtrade as a process that runs one case after another.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

/// The driver process.
#[derive(Debug)]
pub(crate) struct Oracle {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts it.
    pub(crate) fn start(python: &Path) -> Result<Self> {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/oracle_fuzz/driver.py");
        let mut process = Command::new(python)
            .arg(driver)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("while starting {}", python.display()))?;
        let input = process.stdin.take().context("its input is piped")?;
        let output = BufReader::new(process.stdout.take().context("its output is piped")?);
        Ok(Self { process, input, output })
    }

    /// Runs a case folder; the error is Freqtrade's last words.
    pub(crate) fn run(&mut self, case: &Path) -> Result<Result<(), String>> {
        writeln!(self.input, "{}", case.display())?;
        self.input.flush()?;
        let mut answer = String::new();
        anyhow::ensure!(self.output.read_line(&mut answer)? > 0, "the driver has ended");
        let answer = answer.trim_end();
        Ok(if answer == "ok" { Ok(()) } else { Err(answer.to_owned()) })
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
