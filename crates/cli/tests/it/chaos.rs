//! What `tradai chaos list` says is so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::Place;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The functions of a file that are tests of a fault: an attribute that makes them one is within the lines before.
fn tests_in(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut names = Vec::new();
    for (row, line) in lines.iter().enumerate() {
        let Some((_, rest)) = line.split_once("fn fault_x") else { continue };
        let name = rest.split(['(', '<']).next().unwrap();
        let before = &lines[row.saturating_sub(4)..row];
        let is_test = before.iter().any(|line| line.contains("#[test]") || line.contains("#[tokio::test"));
        assert!(is_test, "{}: fault_x{name} is no test", file.display());
        let is_ignored = before.iter().any(|line| line.contains("#[ignore"));
        assert!(!is_ignored, "{}: fault_x{name} does not run", file.display());
        names.push(format!("fault_x{name}"));
    }
    names
}

fn in_the_tree() -> BTreeSet<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    for folder in ["crates", "services", "xtask"] {
        sources(&root.join(folder), &mut files);
    }
    let of = |file: &PathBuf| {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        tests_in(file).into_iter().map(|test| (name.clone(), test)).collect::<Vec<_>>()
    };
    // This file has the words, too.
    files.iter().filter(|file| !file.ends_with("cli/tests/it/chaos.rs")).flat_map(of).collect()
}

fn listed() -> Vec<Value> {
    let rows = Place::new().run("--json chaos list").ok().json();
    rows.as_array().unwrap().clone()
}

#[test]
fn the_list_is_what_the_source_tree_has() {
    let mut said = BTreeSet::new();
    for row in listed() {
        let id = row["id"].as_str().unwrap().to_lowercase();
        for test in row["tests"].as_array().unwrap() {
            let (file, name) = (test["file"].as_str().unwrap(), test["name"].as_str().unwrap());
            assert!(name.starts_with(&format!("fault_{id}_")), "{name} is another row's than {id}");
            assert!(said.insert((file.to_owned(), name.to_owned())), "{name} is there twice");
        }
    }
    let there = in_the_tree();
    assert_eq!(
        said.difference(&there).collect::<Vec<_>>(),
        [] as [&(String, String); 0],
        "listed, but not there"
    );
    assert_eq!(
        there.difference(&said).collect::<Vec<_>>(),
        [] as [&(String, String); 0],
        "there, but not listed"
    );
}

#[test]
fn every_row_has_tests_or_says_what_it_waits_for() {
    for row in listed() {
        let waits = row["waits_for"].is_string();
        let expected = match (row["tests"].as_array().unwrap().is_empty(), waits) {
            (true, true) => "waits",
            (false, true) => "partly",
            (false, false) => "tested",
            (true, false) => panic!("{row}"),
        };
        assert_eq!(row["status"], expected, "{row}");
    }
}

/// The design's rows, where it is at hand.
#[test]
fn no_row_of_the_design_is_left_out() {
    let shared = root().join(std::env::var("TRADAI_SHARED").unwrap_or_else(|_| "../shared".to_owned()));
    let Ok(design) = std::fs::read_to_string(shared.join("design/faults.md")) else {
        eprintln!("skipped: no design/faults.md in {}", shared.display());
        return;
    };
    let rows = design.lines().filter_map(|line| line.strip_prefix("| X")?.split(' ').next());
    let designed: Vec<String> = rows.map(|number| format!("X{number}")).collect();
    let said: Vec<String> = listed().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(said, designed);
}

#[test]
fn rows_are_shown_by_name() {
    let place = Place::new();
    let shown = place.run("chaos list x12 X20").ok().out;
    assert!(shown.contains("fault_x12_torn_put_shows_old_or_new"), "{shown}");
    assert!(shown.contains("waits for: trading sessions") && !shown.contains("X13"), "{shown}");
    assert!(shown.ends_with("1 tested, 0 partly, 1 wait\n"), "{shown}");
    let refused = place.run("chaos list X99");
    assert_eq!((refused.code, refused.err.contains("`tradai chaos list`")), (2, true), "{}", refused.err);
}
