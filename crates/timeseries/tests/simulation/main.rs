//! The candle store in a simulated world: seeded schedules of writers, readers, snapshot takers and collectors
//! on an object storage that fails, with processes that freeze for days and die anywhere.
//!
//! A failing seed is printed with the log of a small schedule that fails too. `TRADAI_SIM_SEED=n` runs that seed
//! alone with its log, `TRADAI_SIM_SCHEDULES=n` runs so many; `cargo xtask sim` does it in release.

#![expect(clippy::unwrap_used, reason = "a test that cannot get its value has failed")]

mod counts;
mod disk;
mod exhaustive;
mod faults;
mod history;
mod model;
mod random;
mod sabotage;
mod scenarios;
mod schedule;
mod script;
mod storage;
mod world;

use sabotage::Sabotage;
use schedule::{Plan, explain, run_many};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn schedules() {
    if let Some(seed) = number("TRADAI_SIM_SEED") {
        let verdict = Plan::of(seed, None).run(true);
        println!("{}{}\n{:?}", verdict.log, verdict.counts, verdict.violation);
        return;
    }
    let schedules = number("TRADAI_SIM_SCHEDULES").unwrap_or(1_000);
    let start = number("TRADAI_SIM_START").unwrap_or(1);
    let (counts, failure) = run_many(start..start + schedules, None);
    println!("{counts}");
    if let Some((plan, verdict)) = failure {
        panic!("{}", explain(&plan, &verdict));
    }
}

#[test]
fn orders() {
    let most = number("TRADAI_SIM_ORDERS").unwrap_or(300);
    let mut failures = String::new();
    for (name, explored) in scenarios::explore_all(most) {
        println!("{name}: {explored}");
        failures.extend(explored.violation.map(|what| format!("{name}\n{what}\n")));
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Runs schedules on a broken storage, which must show; prints what broke first.
fn notices(sabotage: Sabotage, within: u64) {
    let (counts, failure) = run_many(1..1 + within, Some(sabotage));
    let Some((plan, verdict)) = failure else { panic!("{sabotage:?} went unnoticed\n{counts}") };
    println!("{sabotage:?}: seed {}: {}", plan.seed, verdict.violation.unwrap_or_default());
}

#[test]
fn notices_writers_that_do_not_look_for_boundaries() {
    notices(Sabotage::WritersBlindToBoundaries, 2_000);
}

#[test]
fn notices_readers_that_trust_every_hint() {
    notices(Sabotage::ReadersBlindToBoundaries, 2_000);
}

#[test]
fn notices_a_create_that_overwrites() {
    notices(Sabotage::CreateOverwrites, 2_000);
}

#[test]
fn notices_a_create_that_forgets() {
    notices(Sabotage::CreateForgets, 2_000);
}

#[test]
fn notices_collectors_that_do_not_look_for_snapshots() {
    notices(Sabotage::CollectorsBlindToSnapshots, 2_000);
}

#[test]
fn notices_files_that_look_old() {
    notices(Sabotage::FilesLookOld, 2_000);
}

#[test]
fn notices_a_flipped_bit() {
    notices(Sabotage::WrongRows, 2_000);
}
