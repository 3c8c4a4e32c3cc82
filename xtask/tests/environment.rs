//! Who reads the environment: `docs/ARCHITECTURE.md`, checked.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// The one file of the platform that reads the environment; everybody else is handed what it found.
const READER: &str = "crates/platform/src/settings/inputs.rs";

/// Returns the Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The package that only tests use.
const FOR_TESTS: &str = "testkit";

/// Returns the files of all packages, without those of tests, examples and benchmarks.
fn shipped(root: &Path) -> Vec<PathBuf> {
    let packages = ["crates", "services"].iter().flat_map(|parent| fs::read_dir(root.join(parent)).unwrap());
    let packages = packages.map(|package| package.unwrap().path()).filter(|path| !path.ends_with(FOR_TESTS));
    let folders = packages.map(|package| package.join("src")).filter(|folder| folder.is_dir());
    folders.flat_map(|folder| sources(&folder)).collect()
}

/// Whether a file reads the environment outside its own tests.
fn reads(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.contains("env::var")
}

#[test]
fn the_environment_is_read_in_one_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let found: Vec<PathBuf> = shipped(&root).into_iter().filter(|path| reads(path)).collect();
    assert_eq!(found, [root.join(READER)]);
}
