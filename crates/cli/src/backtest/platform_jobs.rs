//! Jobs of a platform that runs, as the command line shows them.

use std::process::ExitCode;

use anyhow::Context as _;
use comfy_table::{Table, presets};
use serde_json::Value;
use tradai_domain::ports::PortError;
use tradai_domain::{ErrorKind, JobId};
use tradai_engine::Statistics;
use tradai_strategy::Settings;

use super::args::Period;
use super::table;
use crate::context::Context;
use crate::output::{print, print_json, width};
use crate::remote::{Platform, RemoteError};

/// Most jobs that one page holds.
const MAX_PAGE: usize = 500;

/// How a job stands, as far as a program that waits for it cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has not ended.
    Open,
    /// It has a result.
    Completed,
    /// It failed or was cancelled.
    Without,
}

impl Outcome {
    pub(super) fn of(job: &Value) -> Self {
        match job["status"].as_str() {
            Some("completed") => Self::Completed,
            Some("failed" | "cancelled") => Self::Without,
            _ => Self::Open,
        }
    }

    /// 1 for a job that ended without a result.
    pub(super) fn exit_code(self) -> ExitCode {
        ExitCode::from(u8::from(self == Self::Without))
    }
}

/// Returns the id of the job that the first characters name, or of the `latest`.
///
/// # Errors
/// When none or several fit; [`RemoteError`].
pub(super) async fn find(platform: &Platform, text: &str) -> anyhow::Result<String> {
    if let Ok(id) = text.parse::<JobId>() {
        return Ok(id.to_string());
    }
    let jobs = list(platform, MAX_PAGE).await?;
    let ids = jobs.iter().filter_map(|job| job["job_id"].as_str());
    let mut matching = ids.filter(|id| text == "latest" || id.starts_with(text));
    match (matching.next(), matching.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (Some(id), Some(_)) if text == "latest" => Ok(id.to_owned()),
        (Some(_), Some(_)) => anyhow::bail!("`{text}` fits several jobs; write more of the id"),
        (None, _) => {
            let message =
                format!("{} has no job `{text}`; see `tradai backtest list`", platform.backend.base());
            Err(PortError::new(ErrorKind::NotFound, message).into())
        }
    }
}

/// Returns the newest jobs, the newest first.
///
/// # Errors
/// [`RemoteError`].
pub(super) async fn list(platform: &Platform, limit: usize) -> Result<Vec<Value>, RemoteError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let page = platform.backend.get(&format!("/api/v1/backtests?limit={limit}")).await?;
    Ok(page["items"].as_array().cloned().unwrap_or_default())
}

/// Shows a job: with its result, if it has one.
///
/// # Errors
/// [`RemoteError`]; when the result is not of this version.
pub(super) async fn present(
    platform: &Platform,
    job: &Value,
    breakdown: &[Period],
    ctx: &Context,
) -> anyhow::Result<()> {
    let result =
        if Outcome::of(job) == Outcome::Completed { Some(result(platform, job).await?) } else { None };
    match result {
        Some(result) if ctx.json => print_json(&result),
        None if ctx.json => print_json(job),
        None => print(&text(job)),
        Some(result) => {
            let broken = || format!("{} is of another version of tradai", platform.backend.base());
            let statistics: Statistics =
                serde_json::from_value(result["statistics"].clone()).with_context(broken)?;
            let settings = result["settings"].as_object().cloned().unwrap_or_default();
            let settings = Settings::merge(&[&settings]).with_context(broken)?;
            print(&table::render(&statistics, &settings, breakdown, width()))?;
            let id = job["job_id"].as_str().unwrap_or_default();
            let label = if result["synthetic"] == true { ", on SYNTHETIC candles" } else { "" };
            let base = platform.backend.base();
            print(&format!(
                "{}{label}\nPage:   {base}/jobs/{id}\nReport: {base}/api/v1/backtests/{id}/report.html",
                text(job)
            ))
        }
    }
}

async fn result(platform: &Platform, job: &Value) -> Result<Value, RemoteError> {
    let path = job["links"]["result"].as_str().unwrap_or_default();
    platform.backend.get(path).await
}

/// One job in a line or two.
pub(super) fn text(job: &Value) -> String {
    let cell = |key: &str| job[key].as_str().unwrap_or("-").to_owned();
    let progress = job["progress"].as_f64().filter(|_| Outcome::of(job) == Outcome::Open);
    let progress = progress.map(|part| format!(", {:.0}%", part * 100.0)).unwrap_or_default();
    let why = job["error"].as_str().map(|why| format!("\n  {why}")).unwrap_or_default();
    format!("Job {} of {}: {}{progress}{why}", cell("job_id"), cell("strategy"), cell("status"))
}

/// One row per job.
pub(super) fn rows(jobs: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Job", "Strategy", "Status", "Created", "Why"]);
    for job in jobs {
        let cell = |key: &str| job[key].as_str().unwrap_or_default().to_owned();
        let status = match job["progress"].as_f64().filter(|_| job["status"] == "running") {
            Some(part) => format!("running {:.0}%", part * 100.0),
            None => cell("status"),
        };
        let created: String = cell("created_at").replace('T', " ").chars().take(19).collect();
        let why = cell("error").lines().next().unwrap_or_default().to_owned();
        table.add_row([cell("job_id"), cell("strategy"), status, created, why]);
    }
    table.to_string()
}
