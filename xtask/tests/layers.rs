//! Who may import whom: `docs/ARCHITECTURE.md`, checked.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Packages of ours that a package may depend on. A package that is not in this table fails the test.
const ALLOWED: [(&str, &[&str]); 20] = [
    ("tradai-domain", &[]),
    ("tradai-strategy", &["tradai-domain"]),
    ("tradai-engine", &["tradai-domain", "tradai-strategy"]),
    ("tradai-timeseries", &["tradai-domain"]),
    ("tradai-http-client", &["tradai-domain"]),
    ("tradai-exchange", &["tradai-domain", "tradai-http-client"]),
    ("tradai-sandbox", &["tradai-domain", "tradai-timeseries"]),
    ("tradai-embedded", &["tradai-domain"]),
    // Nobody may depend on it but tests.
    ("tradai-testkit", &["tradai-domain"]),
    ("tradai-control-plane", &["tradai-domain"]),
    ("tradai-runner", &["tradai-domain", "tradai-strategy", "tradai-engine", "tradai-timeseries"]),
    (
        "tradai-cli",
        &[
            "tradai-domain",
            "tradai-strategy",
            "tradai-engine",
            "tradai-timeseries",
            "tradai-runner",
            "tradai-control-plane",
            "tradai-exchange",
            "tradai-http-client",
            "tradai-sandbox",
            "tradai-backend",
            "tradai-data-collection",
            "tradai-platform",
            "tradai-service",
            "tradai-strategy-service",
            "tradai-trading",
        ],
    ),
    // `embedded` by the feature of that name.
    ("tradai-platform", &["tradai-domain", "tradai-embedded"]),
    ("tradai-otlp", &["tradai-domain", "tradai-http-client", "tradai-platform"]),
    ("tradai-service", &["tradai-domain", "tradai-http-client", "tradai-otlp", "tradai-platform"]),
    (
        "tradai-backend",
        &[
            "tradai-control-plane",
            "tradai-domain",
            "tradai-embedded",
            "tradai-http-client",
            "tradai-platform",
            "tradai-runner",
            "tradai-service",
            "tradai-timeseries",
            "tradai-trading",
        ],
    ),
    (
        "tradai-strategy-service",
        &[
            "tradai-control-plane",
            "tradai-domain",
            "tradai-platform",
            "tradai-runner",
            "tradai-service",
            "tradai-strategy",
        ],
    ),
    (
        "tradai-trading",
        &[
            "tradai-control-plane",
            "tradai-domain",
            "tradai-embedded",
            "tradai-engine",
            "tradai-otlp",
            "tradai-platform",
            "tradai-runner",
            "tradai-strategy",
            "tradai-timeseries",
        ],
    ),
    (
        "tradai-data-collection",
        &[
            "tradai-control-plane",
            "tradai-domain",
            "tradai-exchange",
            "tradai-platform",
            "tradai-service",
            "tradai-timeseries",
        ],
    ),
    ("xtask", &[]),
];

/// Packages of others that only some of ours may depend on directly.
const CONFINED: [(&str, &[&str]); 13] = [
    ("aws-sdk-", &["tradai-aws"]),
    ("aws-config", &["tradai-aws"]),
    ("axum", &["tradai-service", "tradai-sandbox"]),
    ("polars", &["tradai-timeseries", "tradai-ml"]),
    ("lightgbm3", &["tradai-ml"]),
    ("object_store", &["tradai-timeseries"]),
    ("rusqlite", &["tradai-embedded"]),
    ("bollard", &["tradai-embedded"]),
    ("opentelemetry", &["tradai-otlp"]),
    ("opentelemetry_sdk", &["tradai-otlp"]),
    ("tracing-opentelemetry", &["tradai-otlp"]),
    // Whoever asks takes it from there.
    ("reqwest", &["tradai-http-client"]),
    ("rustls", &["tradai-http-client"]),
];

/// Direct dependencies (not those of tests) of every package in the workspace.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let direct = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), direct(package))).collect()
}

#[test]
fn packages_import_only_what_their_layer_may() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    for (package, dependencies) in dependencies() {
        let may =
            allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} has no layer; give it one"));
        for dependency in dependencies.iter().filter(|name| name.starts_with("tradai-")) {
            assert!(may.contains(&dependency.as_str()), "{package} must not depend on {dependency}");
        }
    }
}

#[test]
fn heavy_packages_stay_where_they_belong() {
    for (package, dependencies) in dependencies() {
        for (confined, owners) in CONFINED {
            let uses =
                dependencies.iter().any(|name| name == confined || name.starts_with(&format!("{confined}-")));
            let sdk = confined.ends_with('-') && dependencies.iter().any(|name| name.starts_with(confined));
            assert!(
                !(uses || sdk) || owners.contains(&package.as_str()),
                "{package} must not use {confined}"
            );
        }
    }
}

#[test]
fn folders_are_named_for_their_packages() {
    let root = format!("{}/..", env!("CARGO_MANIFEST_DIR"));
    for package in dependencies().keys().filter(|name| name.starts_with("tradai-")) {
        let folder = package.trim_start_matches("tradai-");
        let is_in =
            |parent: &str| std::path::Path::new(&format!("{root}/{parent}/{folder}/Cargo.toml")).is_file();
        assert!(
            is_in("crates") != is_in("services"),
            "{package} must live in crates/{folder} or services/{folder}"
        );
    }
}
