//! `tradai verify`.

use std::process::ExitCode;

use clap::Args;
use tradai_runner::verify::{FileOutcome, Verification, verify};

use crate::context::{Bar, Context};
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
    let job_id = jobs.find(&args.job)?;
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
