//! Values that tests need and do not care about.

use serde_json::{Map, Value};
use tradai_domain::jobs::{JobRecord, WorkflowType};
use tradai_domain::{JobId, Millis};

/// The id of the `n`th job: ids sort by `n`.
#[must_use]
pub fn job_id(n: u32) -> JobId {
    format!("018cc251-f400-7000-8000-{n:012x}").parse().unwrap()
}

/// The `n`th job, pending.
#[must_use]
pub fn job(n: u32) -> JobRecord {
    let created_at = Millis::from(n);
    JobRecord::pending(
        job_id(n),
        WorkflowType::Backtest,
        "Demo".parse().unwrap(),
        job_id(n).into(),
        created_at,
    )
}

/// A JSON object from its text.
#[must_use]
pub fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}
