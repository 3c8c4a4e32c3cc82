//! What the middle of a service may know: `docs/ARCHITECTURE.md`, checked.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// What a service's `core/` must not name: HTTP, its frameworks and documents, the cloud's SDKs, and what stands around
/// it in its own crate.
const FOREIGN: [&str; 9] = [
    "axum",
    "hyper::",
    "http::",
    "utoipa",
    "tradai_service",
    "aws_",
    "crate::api",
    "crate::dashboard",
    "crate::settings",
];

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

/// Returns what a text names outside comments and its own tests.
fn foreign(text: &str) -> Vec<&'static str> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let names = |name: &&str| lines.iter().any(|line| line.contains(name));
    FOREIGN.into_iter().filter(names).collect()
}

#[test]
fn the_core_of_a_service_knows_neither_http_nor_the_cloud() {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services");
    let cores = fs::read_dir(services).unwrap().map(|service| service.unwrap().path().join("src/core"));
    let cores: Vec<PathBuf> = cores.filter(|core| core.is_dir()).collect();
    // Those of backend and data-collection at least.
    assert!(cores.len() >= 2, "{cores:?}");
    for file in cores.iter().flat_map(|core| sources(core)) {
        let found = foreign(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{} names {found:?}", file.display());
    }
}

#[test]
fn what_is_foreign_is_found() {
    assert_eq!(foreign("use axum::Router;\n"), ["axum"]);
    assert_eq!(foreign("fn f(status: http::StatusCode) {}\nuse aws_sdk_s3::Client;"), ["http::", "aws_"]);
    let fine =
        "//! No axum.\nuse tradai_domain::Clock;\n#[cfg(test)]\nmod tests {\n    use axum::Router;\n}\n";
    assert!(foreign(fine).is_empty());
}
