//! Strategy files that nobody wrote, for longer than the tests take.

use crate::tools::{cargo, run};

/// Reads random strategy files and says how long the slowest one took. Not optimised: checks of arithmetic find what a
/// release would only get wrong.
pub(crate) fn fuzz(cases: u64, seed: u64) -> anyhow::Result<()> {
    let mut command = cargo();
    command
        .args(["test", "--locked", "-p", "tradai-strategy", "--test", "it", "--"])
        .args(["--exact", "--nocapture", "declarative::fuzz::no_file_makes_it_panic"])
        .env("TRADAI_FUZZ_CASES", cases.to_string())
        .env("TRADAI_FUZZ_SEED", seed.to_string());
    run(&mut command)
}
