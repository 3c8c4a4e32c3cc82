//! The candle store in simulated worlds, for longer than the tests take.

use crate::tools::{cargo, run};

/// Runs random schedules and every order of small scenarios, optimised. One seed alone comes with its log.
pub(crate) fn simulate(schedules: u64, orders: u64, start: u64, seed: Option<u64>) -> anyhow::Result<()> {
    let mut command = cargo();
    command
        .args(["test", "--release", "--locked", "-p", "tradai-timeseries", "--test", "simulation", "--"])
        .args(["--exact", "--nocapture", "schedules"])
        .env("TRADAI_SIM_SCHEDULES", schedules.to_string())
        .env("TRADAI_SIM_START", start.to_string())
        .env("TRADAI_SIM_ORDERS", orders.to_string());
    match seed {
        Some(seed) => run(command.env("TRADAI_SIM_SEED", seed.to_string())),
        None => run(command.arg("orders")),
    }
}
