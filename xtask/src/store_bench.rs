//! The candle store beside ArcticDB.

use std::path::PathBuf;

use crate::s3::S3Server;
use crate::tools::{cargo, python_with, root, run};

/// What the peer needs from PyPI; the version is the one that our figures name.
const PACKAGES: [&str; 3] = ["arcticdb==6.28.2", "pandas", "pyarrow"];

/// Measures both in one run: in directories, or with `s3_delay_ms` in buckets of a server that takes so much
/// longer to answer each request. `arguments` go to the bench.
pub(crate) fn bench(s3_delay_ms: Option<u32>, arguments: &[String]) -> anyhow::Result<()> {
    let shared = std::env::var_os("TRADAI_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let server = s3_delay_ms.map(|delay_ms| S3Server::start(0, delay_ms)).transpose()?;
    let mut command = cargo();
    command
        .args([
            "bench",
            "--locked",
            "-p",
            "tradai-timeseries",
            "--features",
            "s3",
            "--bench",
            "arcticdb",
            "--",
        ])
        .args(server.iter().flat_map(|server| ["--s3", server.url()]))
        .args(arguments)
        .env("TRADAI_SHARED", shared)
        .env("TRADAI_ARCTIC", python()?);
    run(&mut command)
}

/// A Python that has ArcticDB: the one named by TRADAI_ARCTIC, or one installed below the target directory.
fn python() -> anyhow::Result<PathBuf> {
    match std::env::var_os("TRADAI_ARCTIC") {
        Some(python) => Ok(PathBuf::from(python)),
        None => python_with("arctic", &PACKAGES),
    }
}
