//! The candle store beside ArcticDB.

use std::path::PathBuf;

use crate::tools::{cargo, python_with, root, run};

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
    match std::env::var_os("TRADAI_ARCTIC") {
        Some(python) => Ok(PathBuf::from(python)),
        None => python_with("arctic", &PACKAGES),
    }
}
