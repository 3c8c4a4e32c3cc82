//! What CI runs.

use crate::s3::TestServer;
use crate::tools::{answers, cargo, ensure_chromium, run};

/// Format, lints, docs.
pub(crate) fn check() -> anyhow::Result<()> {
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

/// Every test, the documentation's included.
pub(crate) fn test() -> anyhow::Result<()> {
    ensure_chromium();
    let s3 = TestServer::start();
    if answers("cargo-nextest", "--version") {
        // Counts of golden cases and skipped tests are meant to be read.
        let tests = ["nextest", "run", "--workspace", "--locked", "--success-output", "final"];
        run(s3.tell(cargo().args(tests)))?;
        run(s3.tell(cargo().args(["test", "--workspace", "--doc", "--locked"])))
    } else {
        run(s3.tell(cargo().args(["test", "--workspace", "--locked", "--", "--show-output"])))
    }
}
