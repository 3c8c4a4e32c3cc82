//! The order of a batch's jobs.

use std::cmp::Ordering;
use std::str::FromStr;

use tradai_control_plane::jobs::{BatchPlace, BatchView};
use tradai_domain::JobId;
use tradai_domain::jobs::{JobFigures, JobRecord};

/// By the grid, or by a figure; jobs that have no such figure come last, whichever way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct JobOrder {
    figure: Option<&'static str>,
    is_descending: bool,
}

/// The text names no order.
#[derive(Debug, thiserror::Error)]
#[error("expected index or a figure, with - before it for the largest first: {}", JobFigures::NAMES.join(", "))]
pub(crate) struct UnknownOrder;

/// A job of a batch, and its place in the grid.
pub(crate) type PlacedJob<'a> = (usize, &'a (BatchPlace, JobId, Option<JobRecord>));

impl FromStr for JobOrder {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        if text == "index" {
            return Ok(Self::default());
        }
        let (name, is_descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let figure = JobFigures::NAMES.into_iter().find(|known| *known == name).ok_or(UnknownOrder)?;
        Ok(Self { figure: Some(figure), is_descending })
    }
}

impl JobOrder {
    /// Returns the jobs of a batch in this order.
    pub(crate) fn of(self, view: &BatchView) -> Vec<PlacedJob<'_>> {
        let mut jobs: Vec<PlacedJob<'_>> = view.jobs.iter().enumerate().collect();
        jobs.sort_by(|(_, (_, _, one)), (_, (_, _, other))| self.compare(one.as_ref(), other.as_ref()));
        jobs
    }

    fn compare(self, one: Option<&JobRecord>, other: Option<&JobRecord>) -> Ordering {
        let Some(name) = self.figure else { return Ordering::Equal };
        let figure = |job: Option<&JobRecord>| job?.figures.as_ref()?.get(name);
        match (figure(one), figure(other)) {
            (Some(one), Some(other)) if self.is_descending => other.total_cmp(&one),
            (Some(one), Some(other)) => one.total_cmp(&other),
            (one, other) => one.is_none().cmp(&other.is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tradai_domain::jobs::WorkflowType;

    use super::*;

    #[test]
    fn jobs_are_ordered_by_a_figure_and_those_without_it_come_last() {
        let id: JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
        let job = |sharpe: Value| {
            let result = json!({"statistics": {"sharpe": sharpe}});
            let figures = Some(JobFigures::of_result(result.as_object().unwrap()));
            let kind = WorkflowType::Backtest;
            Some(JobRecord { figures, ..JobRecord::pending(id, kind, "Demo".parse().unwrap(), id.into(), 1) })
        };
        let jobs = [job(json!(1.5)), None, job(json!(-2)), job(Value::Null), job(json!(3))];
        let sorted = |sort: &str| {
            let order: JobOrder = sort.parse().unwrap();
            let mut indexes: Vec<usize> = (0..jobs.len()).collect();
            indexes.sort_by(|one, other| order.compare(jobs[*one].as_ref(), jobs[*other].as_ref()));
            indexes
        };
        assert_eq!(sorted("index"), [0, 1, 2, 3, 4]);
        assert_eq!(sorted("sharpe"), [2, 0, 4, 1, 3]);
        assert_eq!(sorted("-sharpe"), [4, 0, 2, 1, 3]);
        for bad in ["", "-", "-index", "--sharpe", "stake_currency"] {
            assert!(bad.parse::<JobOrder>().is_err(), "{bad}");
        }
    }
}
