//! `tradai verify`.

use std::process::ExitCode;

use clap::Args;
use tradai_runner::verify::{FileOutcome, Verification, verify};

use crate::context::{Bar, Context};

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
    let verification = verify(&jobs, &job_id, strategy, &ctx.store()?, &bar)?;
    bar.finish();
    if ctx.json {
        println!("{}", serde_json::to_string_pretty(&verification)?);
    } else {
        print(&verification);
    }
    Ok(ExitCode::from(if verification.is_same() { 0 } else { DIFFERS }))
}

fn print(verification: &Verification) {
    for (name, outcome) in &verification.files {
        match outcome {
            FileOutcome::Same => println!("same       {name}"),
            FileOutcome::Altered { difference } => println!("ALTERED    {name}: {difference}"),
            FileOutcome::Different { difference } => println!("DIFFERENT  {name}: {difference}"),
        }
    }
    for note in &verification.notes {
        println!("note: {note}");
    }
    if verification.is_same() {
        println!("Job {} gives the same bytes again.", verification.job_id);
    } else {
        println!("Job {} does NOT give the same bytes again.", verification.job_id);
    }
}
