//! The conformance command over our own cross-section of cases, and over all cases where they are there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Runs the command; returns its answer and whether it succeeded.
fn run(folder: &Path) -> (Value, bool) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_exchange-conformance")).arg(folder).arg("--json").output().unwrap();
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (answer, output.status.success())
}

fn passes(folder: &Path) -> Value {
    let (answer, success) = run(folder);
    let failures: Vec<_> = answer["failures"].as_array().unwrap().iter().take(10).collect();
    assert!(success, "{failures:#?}");
    println!(
        "{}: {} passed, {} differ on purpose, {} failed",
        folder.display(),
        answer["passed"],
        answer["intended"],
        answer["failed"]
    );
    answer
}

#[test]
fn our_own_cases_pass() {
    let answer = passes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"));
    assert!(answer["passed"].as_u64().unwrap() > 300, "{}", answer["passed"]);
}

#[test]
fn all_cases_pass() {
    let shared = std::env::var_os("TRADAI_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("fixtures/exchange");
    if !folder.is_dir() {
        eprintln!("SKIPPED: {} is not there; set TRADAI_SHARED", folder.display());
        return;
    }
    passes(&folder);
}

#[test]
fn a_folder_that_is_not_there_is_exit_code_2() {
    let status = Command::new(env!("CARGO_BIN_EXE_exchange-conformance")).arg("/nowhere").status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn an_exchange_we_do_not_know_is_listed() {
    let folder = std::env::temp_dir().join(format!("tradai-conformance-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("nosuch/request")).unwrap();
    let (answer, success) = run(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(success);
    assert_eq!(answer["unknown_exchanges"][0], "nosuch");
}
