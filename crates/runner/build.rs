//! Notes the commit that is built, for manifests and for what a service says of itself.
//!
//! `TRADAI_GIT_COMMIT` names it where there is no repository, as in the build of an image; git does otherwise.

use std::process::Command;

const COMMIT: &str = "TRADAI_GIT_COMMIT";

fn main() {
    println!("cargo:rerun-if-changed=../../.git/HEAD");
    println!("cargo:rerun-if-changed=../../.git/logs/HEAD");
    println!("cargo:rerun-if-env-changed={COMMIT}");
    let commit = std::env::var(COMMIT).ok().filter(|commit| !commit.is_empty());
    println!("cargo:rustc-env={COMMIT}={}", commit.or_else(head).unwrap_or_default());
}

fn head() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
