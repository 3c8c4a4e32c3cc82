//! Jobs of the data folder that have no result: those that a platform took in and that wait, run or came to nothing.

use serde_json::{Value, json};
use tradai_domain::format_utc;
use tradai_domain::jobs::{JobRecord, JobStatus};
use tradai_domain::ports::{JobFilter, JobPage, MAX_PAGE};
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::wiring::Wiring;

use crate::context::Context;

/// Returns them, the newest first; none where no platform ever ran.
///
/// # Errors
/// When the state cannot be read.
pub(super) async fn without_result(ctx: &Context, limit: usize) -> anyhow::Result<Vec<Value>> {
    let state = StateSettings::new(ctx.data_dir.clone());
    if !state.database().is_file() {
        return Ok(Vec::new());
    }
    let wiring = Wiring::open(&state, [])?;
    let page = JobPage::first(limit.clamp(1, MAX_PAGE));
    let records = wiring.jobs.list(&JobFilter::default(), page).await?;
    Ok(records.iter().filter(|record| record.status != JobStatus::Completed).map(view).collect())
}

/// The part of a job that a platform shows, too.
fn view(record: &JobRecord) -> Value {
    json!({
        "job_id": record.job_id,
        "strategy": record.strategy_name,
        "status": record.status,
        "progress": record.progress,
        "created_at": format_utc(record.created_at),
        "error": record.error,
    })
}
