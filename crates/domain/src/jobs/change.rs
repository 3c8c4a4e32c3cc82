//! The one way in which a job changes.

use super::{
    ERROR_CHARS, ExecutionId, InvalidTransition, JobFigures, JobRecord, JobStatus, PinnedConfig, Progress,
};
use crate::Millis;

/// What somebody reports of a job. Fields that are `None` say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobChange {
    /// When it was reported.
    pub at: Millis,
    /// Where the job stands.
    pub status: Option<JobStatus>,
    /// How much is done; never goes back.
    pub progress: Option<Progress>,
    /// What the executor calls it.
    pub execution_arn: Option<ExecutionId>,
    /// The strategy's version.
    pub strategy_version: Option<String>,
    /// What it takes of the stored configs; of several that are reported the first counts.
    pub config: Option<PinnedConfig>,
    /// Where the settings are that it ran with.
    pub config_s3_path: Option<String>,
    /// Where the results are.
    pub result_s3_path: Option<String>,
    /// What came of it.
    pub figures: Option<JobFigures>,
    /// The run that its figures were logged to.
    pub mlflow_run_id: Option<String>,
    /// The commit of the program that runs it.
    pub git_commit: Option<String>,
    /// Why it failed; cut to [`ERROR_CHARS`]. Counts only together with the status failed.
    pub error: Option<String>,
}

/// One edge that a job went along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusStep {
    /// Where it stood.
    pub previous: JobStatus,
    /// Where it stands.
    pub new: JobStatus,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// The record says now what was reported.
    Applied {
        /// The edges that the job went along; none when only other fields changed, or nothing did.
        steps: Vec<StatusStep>,
        /// Whether anything is different.
        changed: bool,
    },
    /// The job cannot become that; the record is as it was.
    Refused(InvalidTransition),
}

impl JobChange {
    /// Returns the report of a status.
    #[must_use]
    pub fn status(status: JobStatus, at: Millis) -> Self {
        Self { at, status: Some(status), ..Self::default() }
    }

    /// Returns the report of a failure.
    #[must_use]
    pub fn failed(reason: impl Into<String>, at: Millis) -> Self {
        Self { error: Some(reason.into()), ..Self::status(JobStatus::Failed, at) }
    }

    /// Returns the report of how much is done.
    #[must_use]
    pub fn progress(progress: Progress, at: Millis) -> Self {
        Self { at, progress: Some(progress), ..Self::default() }
    }
}

impl JobRecord {
    /// Takes a change in, whole or not at all.
    ///
    /// The same report may come twice, and from two processes: the second changes nothing. What a job has recorded
    /// stays when another value is reported later, except for progress, which grows while the job runs; an ended job
    /// still takes in what it did not know, such as where its results are.
    pub fn apply(&mut self, change: &JobChange) -> ChangeOutcome {
        let before = self.clone();
        let path = match change.status.map_or(Ok(&[][..]), |to| self.status.path_to(to)) {
            Ok(path) => path,
            Err(refused) => return ChangeOutcome::Refused(refused),
        };
        let steps = path.iter().map(|&to| self.step(to, change.at)).collect();
        if self.status == JobStatus::Failed && change.status == Some(JobStatus::Failed) {
            let error = change.error.as_ref().map(|text| text.chars().take(ERROR_CHARS).collect());
            fill(&mut self.error, &error);
        }
        fill(&mut self.execution_arn, &change.execution_arn);
        fill(&mut self.strategy_version, &change.strategy_version);
        fill(&mut self.config, &change.config);
        fill(&mut self.config_s3_path, &change.config_s3_path);
        fill(&mut self.result_s3_path, &change.result_s3_path);
        fill(&mut self.figures, &change.figures);
        fill(&mut self.mlflow_run_id, &change.mlflow_run_id);
        fill(&mut self.git_commit, &change.git_commit);
        if !before.status.is_terminal() {
            self.progress = self.progress.max(change.progress.unwrap_or_default());
        }
        if self.status == JobStatus::Completed {
            self.progress = Progress::DONE;
        }
        ChangeOutcome::Applied { steps, changed: *self != before }
    }

    fn step(&mut self, new: JobStatus, at: Millis) -> StatusStep {
        let previous = std::mem::replace(&mut self.status, new);
        if new == JobStatus::Running {
            self.started_at = self.started_at.or(Some(at));
        }
        if new.is_terminal() {
            self.completed_at = self.completed_at.or(Some(at));
        }
        StatusStep { previous, new }
    }
}

/// Sets a field that nothing is known of yet.
fn fill<T: Clone>(field: &mut Option<T>, reported: &Option<T>) {
    if field.is_none() {
        field.clone_from(reported);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jobs::WorkflowType;

    fn record() -> JobRecord {
        let id: crate::JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
        JobRecord::pending(id, WorkflowType::Backtest, "Demo".parse().unwrap(), id.into(), 10)
    }

    fn applied(record: &mut JobRecord, change: &JobChange) -> (usize, bool) {
        match record.apply(change) {
            ChangeOutcome::Applied { steps, changed } => (steps.len(), changed),
            ChangeOutcome::Refused(refused) => panic!("{refused}"),
        }
    }

    #[test]
    fn a_life_leaves_its_times() {
        let mut job = record();
        assert_eq!(applied(&mut job, &JobChange::status(JobStatus::Running, 20)), (1, true));
        assert_eq!(applied(&mut job, &JobChange::progress(Progress::of(1, 2), 25)), (0, true));
        assert_eq!(applied(&mut job, &JobChange::progress(Progress::of(1, 4), 26)), (0, false));
        let completed =
            JobChange { result_s3_path: Some("r".to_owned()), ..JobChange::status(JobStatus::Completed, 30) };
        assert_eq!(applied(&mut job, &completed), (1, true));
        assert_eq!((job.started_at, job.completed_at), (Some(20), Some(30)));
        assert_eq!((job.progress, job.result_s3_path.as_deref()), (Progress::DONE, Some("r")));
        assert_eq!(applied(&mut job, &JobChange { at: 99, ..completed }), (0, false));
    }

    #[test]
    fn a_completion_that_overtakes_goes_through_running() {
        let mut job = record();
        let ChangeOutcome::Applied { steps, .. } = job.apply(&JobChange::status(JobStatus::Completed, 5))
        else {
            panic!("refused")
        };
        let (pending, running) = (JobStatus::Pending, JobStatus::Running);
        assert_eq!(steps[0], StatusStep { previous: pending, new: running });
        assert_eq!(steps[1], StatusStep { previous: running, new: JobStatus::Completed });
        assert_eq!(job.started_at, Some(5));
    }

    #[test]
    fn an_ended_job_learns_only_what_it_did_not_know() {
        let mut job = record();
        applied(&mut job, &JobChange::failed("é".repeat(3_000), 5));
        assert_eq!(job.error.as_ref().unwrap().chars().count(), ERROR_CHARS);
        applied(&mut job, &JobChange::failed("another", 6));
        assert!(job.error.as_ref().unwrap().starts_with('é'));
        let late = JobChange { execution_arn: Some(ExecutionId::new("t")), ..JobChange::default() };
        assert_eq!(applied(&mut job, &late), (0, true));
        assert_eq!(applied(&mut job, &JobChange::progress(Progress::DONE, 9)), (0, false));
        let refused = job.apply(&JobChange::status(JobStatus::Running, 7));
        assert!(matches!(refused, ChangeOutcome::Refused(_)));
    }

    #[test]
    fn the_config_that_is_reported_first_counts() {
        let (id, hash) = ("v3-0f1e2d3c".parse().unwrap(), "0".repeat(64).parse().unwrap());
        let version = PinnedConfig::Version { config_id: id, config_hash: hash };
        for (first, then) in [(PinnedConfig::None, version.clone()), (version, PinnedConfig::None)] {
            let mut job = record();
            let report =
                |config: &PinnedConfig| JobChange { config: Some(config.clone()), ..JobChange::default() };
            assert_eq!(applied(&mut job, &report(&first)), (0, true));
            assert_eq!(applied(&mut job, &report(&then)), (0, false));
            assert_eq!(job.config.as_ref(), Some(&first));
            let text = serde_json::to_string(&job).unwrap();
            assert_eq!(serde_json::from_str::<JobRecord>(&text).unwrap(), job);
        }
    }

    fn change() -> impl Strategy<Value = JobChange> {
        let status = proptest::option::of(proptest::sample::select(&JobStatus::ALL[..]));
        let text = || proptest::option::of("[a-z]{0,3}");
        (0_i64..100, status, proptest::option::of(0_u64..=1_000), text(), text(), text()).prop_map(
            |(at, status, progress, result, run, error)| JobChange {
                at,
                status,
                progress: progress.map(|done| Progress::of(done, 1_000)),
                result_s3_path: result,
                mlflow_run_id: run,
                error,
                ..JobChange::default()
            },
        )
    }

    proptest! {
        /// Any reports in any order: statuses follow edges, an end is an end, nothing known is lost, and repeating a
        /// report changes nothing.
        #[test]
        fn any_sequence_keeps_the_law(changes in proptest::collection::vec(change(), 0..24)) {
            let mut job = record();
            for change in &changes {
                let before = job.clone();
                match job.apply(change) {
                    ChangeOutcome::Refused(refused) => {
                        prop_assert_eq!(&job, &before);
                        prop_assert_eq!(refused.from, before.status);
                        continue;
                    }
                    ChangeOutcome::Applied { steps, changed } => {
                        prop_assert_eq!(changed, job != before);
                        let end = steps.iter().try_fold(before.status, |at, step| {
                            (at == step.previous && at != step.new).then(|| at.transition(step.new).ok())?
                        });
                        prop_assert_eq!(end, Some(job.status));
                    }
                }
                if before.status.is_terminal() {
                    prop_assert_eq!(before.status, job.status);
                    prop_assert_eq!(before.completed_at, job.completed_at);
                    prop_assert_eq!(before.progress, job.progress);
                }
                prop_assert!(job.progress >= before.progress);
                prop_assert!(before.result_s3_path.is_none() || before.result_s3_path == job.result_s3_path);
                prop_assert!(before.error.is_none() || before.error == job.error);
                prop_assert_eq!(job.completed_at.is_some(), job.status.is_terminal());
                prop_assert!(job.error.is_none() || job.status == JobStatus::Failed);
                let after = job.clone();
                prop_assert_eq!(job.apply(change), ChangeOutcome::Applied { steps: vec![], changed: false });
                prop_assert_eq!(&job, &after);
            }
        }

        /// Fault X06 in the small: reports of one run arrive in any order, and the end is the same.
        #[test]
        fn order_of_a_runs_reports_does_not_matter(order in Just(vec![0, 1, 2]).prop_shuffle()) {
            let reports = [
                JobChange::status(JobStatus::Running, 1),
                JobChange::progress(Progress::of(1, 2), 2),
                JobChange { result_s3_path: Some("r".into()), ..JobChange::status(JobStatus::Completed, 3) },
            ];
            let mut job = record();
            for index in order {
                job.apply(&reports[index]);
            }
            prop_assert_eq!(job.status, JobStatus::Completed);
            prop_assert_eq!(job.result_s3_path.as_deref(), Some("r"));
        }
    }
}
