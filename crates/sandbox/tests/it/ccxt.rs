//! The proof of faithfulness: a client that is not ours. `tests/ccxt_probe.py` lists the calls.

use std::process::Command;

use crate::support::{Running, settings};

#[test]
fn python_ccxt_agrees_with_the_sandbox() {
    let Ok(python) = std::env::var("TRADAI_CCXT_PYTHON") else {
        eprintln!(
            "SKIPPED: set TRADAI_CCXT_PYTHON to a Python that has ccxt (python3 -m venv V && V/bin/pip install ccxt)"
        );
        return;
    };
    let running = Running::start(settings());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ccxt_probe.py");
    let output = Command::new(&python).arg(script).arg(running.url()).output().unwrap();
    let (told, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{python}:\n{told}\n{problem}");
    println!("{}", told.lines().last().unwrap_or_default());
}
