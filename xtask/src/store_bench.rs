//! The candle store beside ArcticDB.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::tools::{answers, cargo, root, run, target};

/// What the peer needs from PyPI; the version is the one that our figures name.
const PACKAGES: [&str; 3] = ["arcticdb==6.28.2", "pandas", "pyarrow"];

/// Measures both in one run; `arguments` go to the bench.
pub(crate) fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let shared = std::env::var_os("TRADAI_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    run(cargo()
        .args(["bench", "--locked", "-p", "tradai-timeseries", "--bench", "arcticdb", "--"])
        .args(arguments)
        .env("TRADAI_SHARED", shared)
        .env("TRADAI_ARCTIC", python()?))
}

/// A Python that has ArcticDB: the one named by TRADAI_ARCTIC, or one installed below the target directory.
fn python() -> anyhow::Result<PathBuf> {
    if let Some(python) = std::env::var_os("TRADAI_ARCTIC") {
        return Ok(PathBuf::from(python));
    }
    let venv = target().join("arctic");
    let python = venv.join("bin/python");
    let imports = Command::new(&python).args(["-c", "import arcticdb, pandas, pyarrow"]).output();
    if !imports.is_ok_and(|output| output.status.success()) {
        if !answers("python3", "--version") {
            bail!("python3 is not installed, which ArcticDB needs");
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    }
    Ok(python)
}
