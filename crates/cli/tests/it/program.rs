//! Running `tradai`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// What a run left.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }
}

/// A folder to run in.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs a command line (words separated by blanks) in the folder.
    pub(crate) fn run(&self, line: &str) -> Answer {
        self.run_in(line, &[])
    }

    /// As [`Place::run`], with some variables in the environment.
    pub(crate) fn run_in(&self, line: &str, environment: &[(&str, &str)]) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_tradai"))
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_remove("TRADAI_DATA_DIR")
            .env_remove("TRADAI_STORE")
            // A platform that runs on this machine is not the test's.
            .env("TRADAI_URL", "local")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Two months of sample candles.
    pub(crate) fn with_candles(self) -> Self {
        self.run(
            "data sample --symbols BTC/USDT,ETH/USDT --timeframes 5m,1h --start 2023-01-01 --end 2023-03-01",
        )
        .ok();
        self
    }
}
