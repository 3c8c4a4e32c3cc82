//! The proof of faithfulness: a client that is not ours. `tests/ccxt_probe.py` and `tests/ccxt_pro_probe.py` list
//! the calls.

use std::process::Command;

use crate::support::{Running, settings};

/// Runs a script against a fresh sandbox, or says aloud that it cannot.
fn probe(script: &str) {
    let Ok(python) = std::env::var("TRADAI_CCXT_PYTHON") else {
        eprintln!(
            "SKIPPED {script}: TRADAI_CCXT_PYTHON names no Python with ccxt (`python3 -m venv V && V/bin/pip install ccxt`)"
        );
        return;
    };
    let running = Running::start(settings());
    let path = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(&python).arg(path).arg(running.url()).output().unwrap();
    let (told, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{python}:\n{told}\n{problem}");
    println!("{}", told.lines().last().unwrap_or_default());
    assert_eq!(running.get("/_sandbox/ledger")["ok"], true);
}

#[test]
fn python_ccxt_agrees_with_the_sandbox() {
    probe("ccxt_probe.py");
}

#[test]
fn python_ccxt_pro_sees_on_sockets_what_rest_says() {
    probe("ccxt_pro_probe.py");
}
