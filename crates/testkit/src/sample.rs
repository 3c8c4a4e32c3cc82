//! Values that tests need and do not care about.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage, JobRecord, WorkflowType};
use tradai_domain::ports::{AuditEntry, NewJob};
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

/// What takes a job in that `ann` asks for, without a key, held by `one`.
#[must_use]
pub fn new_job(record: JobRecord) -> NewJob {
    let config = BacktestConfig {
        strategy: record.strategy_name.clone(),
        strategy_version: record.strategy_version.clone(),
        symbols: Vec::new(),
        timeframe: None,
        start: None,
        end: None,
        settings: Map::new(),
        parameters: BTreeMap::new(),
        exchange: None,
        config_id: None,
    };
    let entry = AuditEntry {
        at: record.created_at,
        actor: "ann".to_owned(),
        action: "job.submit".to_owned(),
        subject: record.job_id.to_string(),
        trace_id: Some(record.trace_id),
        via: None,
    };
    let message = BacktestJobMessage::new(record.job_id, record.trace_id, config);
    NewJob { record, message, entry, key: None, holder: "one".to_owned(), quota: None }
}

/// A JSON object from its text.
#[must_use]
pub fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}
