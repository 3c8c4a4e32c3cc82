//! `tradai backtest submit`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::args::AskedArgs;
use super::watch::watch;
use crate::context::Context;
use crate::failure::advised;
use crate::output::{print, print_json};
use crate::remote::{Platform, PlatformArgs, RemoteError, Request, runtime};

/// How often a submission is sent whose answer is lost, and after which pause.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// Submit a backtest to a running platform
///
/// It runs there, and goes on whatever becomes of this command. With --exchange the platform first collects the candles
/// that are missing from the first day on, that of --timerange or of the strategy's config; without a first day it
/// completes what is stored of the exchange up to now, and collects the last 30 days of a pair of which nothing is.
/// Without --exchange it takes candles that were imported.
///
/// Exit codes: 0 taken in (with --watch: completed), 1 with --watch: failed or cancelled, 2 refused, 3 no such
/// strategy, 6 no platform, 130 no longer watched.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SubmitArgs {
    /// Name of a strategy of the platform (see `tradai strategy list --url URL`).
    strategy: String,
    #[command(flatten)]
    asked: AskedArgs,
    /// The strategy's version that must be there.
    #[arg(long, value_name = "VERSION")]
    strategy_version: Option<String>,
    /// The config version to use, such as v3-0f1e2d3c; without, the active one, if one is.
    #[arg(long, value_name = "ID")]
    config_id: Option<String>,
    /// Repeating a submission with the same key gives the same job; made up where none is given.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Follow the job to its end, and show its result.
    #[arg(long, visible_alias = "wait")]
    watch: bool,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) fn run(args: &SubmitArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    if args.strategy.contains('/') || args.strategy.ends_with(".yaml") || args.strategy.ends_with(".yml") {
        bail!(
            "{0}: a platform knows strategies by name; `tradai strategy stage {0}` brings a file there",
            args.strategy
        );
    }
    let body = body(args, ctx)?;
    runtime()?.block_on(async {
        let platform = args.platform.platform(ctx).await?;
        let made = ctx.ids.next(ctx.clock.as_ref()).to_string();
        let key = args.idempotency_key.as_deref().unwrap_or(&made);
        let accepted = submit(&platform, &body, key).await?;
        let id = accepted["job_id"].as_str().unwrap_or_default().to_owned();
        if args.watch {
            if !ctx.json {
                print(&format!("Job {id}, at {}", platform.backend.base()))?;
            }
            return watch(&platform, &id, ctx).await;
        }
        if ctx.json {
            print_json(&accepted)?;
        } else {
            let status = accepted["status"].as_str().unwrap_or_default();
            print(&format!(
                "Job {id} is taken in at {base} ({status}).\nPage: {base}/jobs/{id}\nNext: tradai backtest watch {id}",
                base = platform.backend.base()
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Submits under a key, and again where the answer is lost: the key makes one job of them all.
async fn submit(platform: &Platform, body: &Value, key: &str) -> anyhow::Result<Value> {
    let (mut tries, mut is_lost) = (1, false);
    loop {
        let request = Request::post("/api/v1/backtests").json(body).header("idempotency-key", key.to_owned());
        let error = match platform.backend.send(request).await {
            Ok(accepted) => return Ok(accepted),
            Err(error) => error,
        };
        is_lost |= error.is_answer_lost();
        if !is_lost {
            return Err(error.into());
        }
        if tries == TRIES || !matches!(error, RemoteError::Unreachable { .. }) {
            let advice = format!(
                "the job may have been taken in all the same; repeat the command with --idempotency-key {key}, and \
                 there will be one job only"
            );
            return Err(advised(error, &advice));
        }
        tries += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

fn body(args: &SubmitArgs, ctx: &Context) -> anyhow::Result<Value> {
    let mut body = Value::Object(args.asked.body()?);
    body["strategy"] = json!(args.strategy);
    let optional = [
        ("strategy_version", args.strategy_version.clone()),
        ("config_id", args.config_id.clone()),
        ("exchange", ctx.exchange.as_ref().map(ToString::to_string)),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    Ok(body)
}
