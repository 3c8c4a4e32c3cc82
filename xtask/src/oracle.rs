//! Freqtrade itself, as the judge.

use std::path::PathBuf;

use anyhow::bail;

use crate::tools::{cargo, python_with, root, run};

/// Version that our results are compared with.
const FREQTRADE: &str = "freqtrade==2026.9";

/// Random backtests here and there.
pub(crate) fn fuzz(cases: u32, seed: u64) -> anyhow::Result<()> {
    let (python, shared) = (python()?, shared()?);
    run(cargo()
        .args(["run", "--release", "--locked", "-p", "tradai-runner", "--example", "oracle_fuzz", "--"])
        .arg("--oracle")
        .arg(python)
        .arg("--shared")
        .arg(shared)
        .args(["--cases", &cases.to_string(), "--seed", &seed.to_string()]))
}

/// Whole programs, timed.
pub(crate) fn bench() -> anyhow::Result<()> {
    let shared = shared()?;
    let python = python();
    if let Err(error) = &python {
        println!("note: {error}; only our side is timed");
    }
    let mut command = cargo();
    command
        .args(["bench", "--locked", "-p", "tradai-cli", "--bench", "backtest"])
        .env("TRADAI_SHARED", shared);
    if let Ok(python) = python {
        command.env("TRADAI_ORACLE", python);
    }
    run(&mut command)
}

/// The shared reference material.
fn shared() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("TRADAI_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    if !path.join("oracle").is_dir() {
        bail!("no reference material at {} (set TRADAI_SHARED)", path.display());
    }
    Ok(path)
}

/// A Python that has Freqtrade: the one named by TRADAI_ORACLE, or one installed below the target directory.
fn python() -> anyhow::Result<PathBuf> {
    match std::env::var_os("TRADAI_ORACLE") {
        Some(python) => Ok(PathBuf::from(python)),
        None => python_with("oracle", &[FREQTRADE, "pyarrow"]),
    }
}
