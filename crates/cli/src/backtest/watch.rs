//! `tradai backtest watch`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tradai_engine::Progress as _;

use super::platform_jobs::{self, Outcome};
use crate::context::{Bar, Context};
use crate::output::{print, print_json};
use crate::remote::{Platform, PlatformArgs, RemoteError, runtime};

/// Exit code when nobody watches any more: that of an interrupted process.
const INTERRUPTED: u8 = 130;
/// How often a platform that does not answer is asked again, and after which pause.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);
/// What the bar says of a job that runs.
const BACKTESTING: &str = "Backtesting";
/// Progress comes in thousandths.
const WHOLE: u64 = 1_000;

/// Follow a job of a running platform to its end
///
/// Ctrl-C ends the watching; the job goes on. A platform that is restarted meanwhile is waited for.
///
/// Exit codes: 0 completed, 1 failed or cancelled, 3 no such job, 6 no platform, 130 no longer watched.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct WatchArgs {
    /// Id of the job (the first characters suffice), or `latest`.
    job: String,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) fn run(args: &WatchArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let platform = args.platform.platform(ctx).await?;
        let id = platform_jobs::find(&platform, &args.job).await?;
        watch(&platform, &id, ctx).await
    })
}

/// Follows a job to its end and shows what came of it.
pub(super) async fn watch(platform: &Platform, id: &str, ctx: &Context) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let bar = Bar::new(BACKTESTING);
    let followed = tokio::select! {
        followed = follow(platform, id, &bar) => Some(followed),
        _ = interrupt.recv() => None,
    };
    bar.finish();
    let Some(job) = followed else {
        eprintln!("No longer watched; the job goes on. `tradai backtest watch {id}` looks again.");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let job = job?;
    let outcome = Outcome::of(&job);
    if ctx.json {
        print_json(&job)?;
    } else if outcome == Outcome::Completed {
        platform_jobs::present(platform, &job, &[], ctx).await?;
    } else {
        print(&platform_jobs::text(&job))?;
    }
    Ok(outcome.exit_code())
}

/// Waits for a job's end, by its events; a stream that breaks is taken up again where it was. Returns the job.
async fn follow(platform: &Platform, id: &str, bar: &Bar) -> Result<Value, RemoteError> {
    let path = format!("/api/v1/backtests/{id}");
    let (mut last, mut tries) = (None, 0);
    loop {
        match listen(platform, &path, &mut last, bar).await {
            Ok(()) => tries = 0,
            Err(error @ RemoteError::Unreachable { .. }) if tries < TRIES => {
                drop(error);
                tries += 1;
            }
            Err(error) => return Err(error),
        }
        match platform.backend.get(&path).await {
            Ok(job) if Outcome::of(&job) != Outcome::Open => return Ok(job),
            Ok(_) | Err(RemoteError::Unreachable { .. }) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}

/// Moves the bar by an event: candles are collected first, then the job runs.
fn show(event: &Value, bar: &Bar) {
    let count = |name: &str| event["data"][name].as_u64().unwrap_or_default();
    if event["type"] == "collecting" {
        let (done, total) = (count("series_done"), count("series_total"));
        bar.say(&format!("Collecting candles, {done} of {total} series"));
        match count("candles_total") {
            0 => bar.advance(done, total),
            candles => bar.advance(count("candles_done"), candles),
        }
    } else if let Some(progress) = event["data"]["progress"].as_f64() {
        bar.say(BACKTESTING);
        // A fraction of one, so that this is no more than a thousand.
        bar.advance((progress.clamp(0.0, 1.0) * 1_000.0) as u64, WHOLE);
    }
}

/// Moves the bar until the stream ends; `last` is the number of the last event.
async fn listen(
    platform: &Platform,
    path: &str,
    last: &mut Option<u64>,
    bar: &Bar,
) -> Result<(), RemoteError> {
    let mut events = platform.backend.events(&format!("{path}/events"), *last).await?;
    while let Some(text) = events.next().await {
        let Ok(event) = serde_json::from_str::<Value>(&text) else { continue };
        *last = event["seq"].as_u64().or(*last);
        show(&event, bar);
    }
    Ok(())
}
