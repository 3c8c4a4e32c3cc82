//! What is told of a job.

use serde::{Deserialize, Serialize};

use super::{Collecting, JobRecord, JobStatus, Progress, StatusStep, TraceId};
use crate::{JobId, Millis};

/// One thing that happened to a job. Its number is given by the bus that tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEvent {
    /// The job.
    pub job_id: JobId,
    /// What it is traced by.
    pub trace_id: TraceId,
    /// When it happened.
    pub at: Millis,
    /// What happened.
    #[serde(flatten)]
    pub kind: JobEventKind,
}

/// What happened to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobEventKind {
    /// It stands elsewhere.
    State {
        /// Where it stood; `None` for a job that is new.
        previous_status: Option<JobStatus>,
        /// Where it stands.
        new_status: JobStatus,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// More of it is done.
    Progress {
        /// How much.
        progress: Progress,
    },
    /// More of the candles are there that are collected before it runs.
    Collecting {
        /// How far they are.
        #[serde(flatten)]
        collecting: Collecting,
    },
}

impl JobEvent {
    /// Returns the event of a job that was stored.
    #[must_use]
    pub fn created(record: &JobRecord) -> Self {
        Self::state(record, None, JobStatus::Pending, record.created_at)
    }

    /// Returns the event of one edge that a job went along.
    #[must_use]
    pub fn stepped(record: &JobRecord, step: StatusStep, at: Millis) -> Self {
        Self::state(record, Some(step.previous), step.new, at)
    }

    /// Returns the event of where a job got to.
    #[must_use]
    pub fn progressed(record: &JobRecord, at: Millis) -> Self {
        let kind = JobEventKind::Progress { progress: record.progress };
        Self { job_id: record.job_id, trace_id: record.trace_id, at, kind }
    }

    /// Returns the event of how far a job's candles are.
    #[must_use]
    pub fn collecting(job_id: JobId, trace_id: TraceId, collecting: Collecting, at: Millis) -> Self {
        Self { job_id, trace_id, at, kind: JobEventKind::Collecting { collecting } }
    }

    /// Returns the events of every status that a record shows its job to have gone through. Tells what a process
    /// that died between a change and its event left untold; [`JobEvent::dedup_id`] keeps them from being told twice.
    #[must_use]
    pub fn history(record: &JobRecord) -> Vec<Self> {
        let mut events = vec![Self::created(record)];
        let mut previous = JobStatus::Pending;
        if let Some(at) = record.started_at {
            let step = StatusStep { previous, new: JobStatus::Running };
            events.push(Self::stepped(record, step, at));
            previous = JobStatus::Running;
        }
        if let Some(at) = record.completed_at {
            events.push(Self::stepped(record, StatusStep { previous, new: record.status }, at));
        }
        events
    }

    /// Returns what makes the event this one: a job takes each status once, each thousandth of progress, and its candles
    /// each state; collecting that begins anew tells only what was not told before.
    #[must_use]
    pub fn dedup_id(&self) -> String {
        match &self.kind {
            JobEventKind::State { new_status, .. } => format!("{}:{new_status}", self.job_id),
            JobEventKind::Progress { progress } => format!("{}:{}", self.job_id, progress.thousandths()),
            JobEventKind::Collecting { collecting } => {
                let Collecting { series_done, series_total, candles_done, candles_total } = collecting;
                format!(
                    "{}:collecting:{series_done}/{series_total}:{candles_done}/{candles_total}",
                    self.job_id
                )
            }
        }
    }

    /// Returns whether nothing follows it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(&self.kind, JobEventKind::State { new_status, .. } if new_status.is_terminal())
    }

    fn state(record: &JobRecord, previous: Option<JobStatus>, new: JobStatus, at: Millis) -> Self {
        let error = if new == JobStatus::Failed { record.error.clone() } else { None };
        let kind = JobEventKind::State { previous_status: previous, new_status: new, error };
        Self { job_id: record.job_id, trace_id: record.trace_id, at, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{ChangeOutcome, JobChange, WorkflowType};

    #[test]
    fn a_records_history_is_what_was_told_on_the_way() {
        let id: JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
        let mut job = JobRecord::pending(id, WorkflowType::Backtest, "Demo".parse().unwrap(), id.into(), 1);
        let mut told = vec![JobEvent::created(&job)];
        for change in [JobChange::status(JobStatus::Running, 2), JobChange::failed("no candles", 3)] {
            let ChangeOutcome::Applied { steps, .. } = job.apply(&change) else { panic!("refused") };
            told.extend(steps.into_iter().map(|step| JobEvent::stepped(&job, step, change.at)));
        }
        assert_eq!(JobEvent::history(&job), told);
        assert!(told[2].is_last() && !told[1].is_last());
        let text = serde_json::to_string(&told[2]).unwrap();
        assert!(text.contains(r#""previous_status":"running","new_status":"failed","error":"no candles""#));
        assert_eq!(serde_json::from_str::<JobEvent>(&text).unwrap(), told[2]);
    }

    #[test]
    fn how_far_candles_are_is_told_once_for_each_state() {
        let id: JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
        let collecting =
            Collecting { series_done: 1, series_total: 4, candles_done: 500, candles_total: 900 };
        let event = JobEvent::collecting(id, id.into(), collecting, 7);
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains(r#""type":"collecting","series_done":1,"series_total":4,"candles_done":500"#));
        assert_eq!(serde_json::from_str::<JobEvent>(&text).unwrap(), event);
        assert!(!event.is_last());
        let further = Collecting { candles_done: 501, ..collecting };
        let later = JobEvent::collecting(id, id.into(), collecting, 9);
        assert_eq!(event.dedup_id(), later.dedup_id());
        assert_ne!(event.dedup_id(), JobEvent::collecting(id, id.into(), further, 9).dedup_id());
    }
}
