//! `tradai doctor`: whether a platform can run here, and what stands in its way.
//!
//! Looks, and changes nothing that stays: `up` makes what is missing. Invariant: every check comes out as a line,
//! whatever the others found.

mod check;
mod clock;
mod folder;
mod ports;
mod process;
mod state;

use std::process::ExitCode;

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::json;

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::runtime;
use crate::up::plan::{self, Plan};
use crate::up::running::Running;
use check::{Check, Status};

/// Exit code when a check fails.
const FAILS: u8 = 1;

/// Check whether the platform can run here: settings, ports, folder, state, store, clock, limits
///
/// Nothing is started and nothing stays changed. With --exchange the clock is held against that exchange's.
///
/// Exit codes: 0 fine (warnings included), 1 a check fails.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DoctorArgs {
    /// Look at the ports that `up --port-offset N` takes.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port_offset: u16,
}

pub(crate) fn run(args: &DoctorArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let checks = runtime()?.block_on(examine(args, ctx));
    let fails = checks.iter().any(|check| check.status == Status::Fail);
    if ctx.json {
        print_json(&json!({ "ok": !fails, "checks": checks }))?;
    } else {
        print(&table(&checks))?;
    }
    Ok(ExitCode::from(if fails { FAILS } else { 0 }))
}

async fn examine(args: &DoctorArgs, ctx: &Context) -> Vec<Check> {
    let running = Running::of(&ctx.data_dir).ok().flatten();
    let mut checks = vec![Check::ok("version", format!("tradai {}", env!("CARGO_PKG_VERSION")))];
    match settings(ctx) {
        Ok(plan) => {
            checks.push(Check::ok("settings", "can be used"));
            match plan.addresses().offset(args.port_offset) {
                Ok(addresses) => checks.extend(ports::check(addresses, running.as_ref()).await),
                Err(faults) => checks.push(Check::fail("ports", faults, "choose a smaller --port-offset")),
            }
        }
        Err(faults) => checks.push(Check::fail("settings", faults, "correct or unset what is named")),
    }
    checks.extend(folder::check(&ctx.data_dir));
    checks.extend(state::check(ctx, running.as_ref()).await);
    checks.push(clock::local(ctx));
    if let Some(exchange) = &ctx.exchange {
        checks.push(clock::of_exchange(ctx, exchange).await);
    }
    checks.push(process::open_files());
    checks
}

fn settings(ctx: &Context) -> Result<Plan, tradai_platform::settings::Faults> {
    Plan::load(&plan::common(ctx.inputs.clone(), &ctx.data_dir, None)?)
}

fn table(checks: &[Check]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for check in checks {
        let advice = check.advice.as_ref().map(|advice| format!("\n-> {advice}")).unwrap_or_default();
        table.add_row([check.status.as_str(), check.name, &format!("{}{advice}", check.detail)]);
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (warnings, failures) = (count(Status::Warn), count(Status::Fail));
    let verdict = match (failures, warnings) {
        (0, 0) => "All is well.".to_owned(),
        (0, warnings) => format!("It can run; {warnings} to look at."),
        (failures, _) => format!("{failures} of {} checks fail.", checks.len()),
    };
    format!("{table}\n{verdict}")
}
