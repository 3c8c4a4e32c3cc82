//! A message of a stream, as it is sent.

use serde::Serialize;
use serde_json::{Value, json};
use tradai_domain::jobs::{Collecting, JobEvent, JobEventKind};
use tradai_service::utoipa::{self, ToSchema};

use super::job_view::{BacktestBody, date};
use crate::core::Told;

/// A message of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobMessage {
    /// The number to go on after: grows within a stream and over restarts, with holes.
    pub(super) seq: u64,
    /// `snapshot`, `state`, `collecting`, `progress` or `missed`.
    #[serde(rename = "type")]
    #[schema(example = "progress")]
    pub(super) kind: &'static str,
    /// When it happened.
    ts: String,
    /// Of `snapshot` the job, or `jobs` of all; of `state` `job_id`, `trace_id`, `previous_status`, `new_status` and
    /// `error`; of `collecting`, while candles are collected before it runs, `job_id`, `trace_id`, `series_done`,
    /// `series_total`, and of the series that have begun `candles_done` and `candles_total`; of `progress` `job_id`,
    /// `trace_id` and `progress` from 0 to 1; of `missed` the number `to` which is forgotten.
    #[schema(value_type = Object)]
    data: Value,
}

impl JobMessage {
    /// Returns the message; `is_one_job` tells a stream of one job from that of all.
    pub(super) fn of(told: &Told, is_one_job: bool) -> Self {
        let (seq, kind, at, data) = match told {
            Told::Snapshot { seq, at, jobs } => {
                let body = |(job, collecting): &(_, _)| json!(BacktestBody::of(job).collecting(*collecting));
                let mut jobs: Vec<Value> = jobs.iter().map(body).collect();
                let data = if is_one_job { jobs.pop().unwrap_or_default() } else { json!({"jobs": jobs}) };
                (*seq, "snapshot", *at, data)
            }
            Told::Event(event) => (event.seq, kind(&event.event), event.event.at, data(&event.event)),
            Told::Missed { to, at } => (*to, "missed", *at, json!({"to": to})),
        };
        Self { seq, kind, ts: date(at), data }
    }
}

fn kind(event: &JobEvent) -> &'static str {
    match event.kind {
        JobEventKind::State { .. } => "state",
        JobEventKind::Progress { .. } => "progress",
        JobEventKind::Collecting { .. } => "collecting",
    }
}

fn data(event: &JobEvent) -> Value {
    let (job_id, trace_id) = (event.job_id, event.trace_id);
    match &event.kind {
        JobEventKind::State { previous_status, new_status, error } => {
            json!({"job_id": job_id, "trace_id": trace_id, "previous_status": previous_status,
                "new_status": new_status, "error": error})
        }
        JobEventKind::Progress { progress } => {
            json!({"job_id": job_id, "trace_id": trace_id, "progress": progress})
        }
        JobEventKind::Collecting { collecting } => {
            let Collecting { series_done, series_total, candles_done, candles_total } = collecting;
            json!({"job_id": job_id, "trace_id": trace_id, "series_done": series_done,
                "series_total": series_total, "candles_done": candles_done, "candles_total": candles_total})
        }
    }
}
