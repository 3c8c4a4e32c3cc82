//! `tradai verify`.

use std::process::ExitCode;

use clap::Args;
use tradai_domain::ErrorKind;
use tradai_runner::verify::{FileOutcome, Verification, verify};

use crate::context::{Bar, Context, shown};
use crate::failure::advised;
use crate::output::{print, print_json};

/// Arguments of `tradai verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Id of the job (the first characters suffice), or `latest`.
    job: String,
}

/// Exit code when a file comes out different.
const DIFFERS: u8 = 1;

pub(crate) fn run(args: &VerifyArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let jobs = ctx.jobs();
    let job_id = jobs.find(&args.job).map_err(|error| elsewhere(error, &args.job, ctx))?;
    let manifest = jobs.manifest(&job_id)?;
    let strategy = tradai_runner::strategies::remake(&manifest.source)?;
    let bar = Bar::new("Verifying");
    let store = ctx.store_of(manifest.exchange.as_ref())?;
    let verification = verify(&jobs, &job_id, strategy, &store, &bar)?;
    bar.finish();
    if ctx.json {
        print_json(&verification)?;
    } else {
        print(&text(&verification))?;
    }
    Ok(ExitCode::from(if verification.is_same() { 0 } else { DIFFERS }))
}

/// Where a job may be that the data folder does not have.
fn elsewhere(error: tradai_runner::Error, job: &str, ctx: &Context) -> anyhow::Error {
    if error.kind() != ErrorKind::NotFound {
        return error.into();
    }
    let advice = ctx.demo_with(job).map_or_else(
        || {
            format!(
                "only {} was looked at: --data-dir names another folder, and a platform that runs verifies a job of \
                 its own on POST /api/v1/backtests/{job}/verify",
                shown(&ctx.data_dir)
            )
        },
        |demo| format!("the demo has it: tradai --data-dir {demo} verify {job}"),
    );
    advised(error, &advice)
}

fn text(verification: &Verification) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (name, outcome) in &verification.files {
        lines.push(match outcome {
            FileOutcome::Same => format!("same       {name}"),
            FileOutcome::Altered { difference } => format!("ALTERED    {name}: {difference}"),
            FileOutcome::Different { difference } => format!("DIFFERENT  {name}: {difference}"),
        });
    }
    lines.extend(verification.notes.iter().map(|note| format!("note: {note}")));
    let verdict = if verification.is_same() { "gives" } else { "does NOT give" };
    lines.push(format!("Job {} {verdict} the same bytes again.", verification.job_id));
    lines.join("\n")
}
