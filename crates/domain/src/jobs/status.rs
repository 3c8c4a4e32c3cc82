//! Where a job stands, and where it may go from there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::modes::{UnknownWord, word};

/// Where a job stands. Stored and spoken in lower case, read in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum JobStatus {
    /// It is stored and waits to be run.
    Pending,
    /// It is being run.
    Running,
    /// It ended with a result.
    Completed,
    /// It ended without one, for a reason.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

/// A status cannot follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {from} cannot become {to}")]
pub struct InvalidTransition {
    /// Where the job stands.
    pub from: JobStatus,
    /// What it was to become.
    pub to: JobStatus,
}

impl JobStatus {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns whether nothing can follow.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Returns `to` if it may follow directly, or is the same.
    ///
    /// # Errors
    /// [`InvalidTransition`] when no documented edge leads there.
    pub fn transition(self, to: Self) -> Result<Self, InvalidTransition> {
        let allowed = match (self, to) {
            (from, to) if from == to => true,
            (Self::Pending, Self::Running | Self::Failed | Self::Cancelled)
            | (Self::Running, Self::Completed | Self::Failed | Self::Cancelled) => true,
            _ => false,
        };
        if allowed { Ok(to) } else { Err(InvalidTransition { from: self, to }) }
    }

    /// Returns the statuses a job goes through, one edge each, when it is reported to be `to`; none when it is already.
    ///
    /// Reports come from several processes and may overtake one another: a job that is reported completed while
    /// nobody said yet that it runs has been running.
    ///
    /// # Errors
    /// [`InvalidTransition`] when no path leads there.
    pub fn path_to(self, to: Self) -> Result<&'static [Self], InvalidTransition> {
        match (self, to) {
            (from, to) if from == to => Ok(&[]),
            (Self::Pending, Self::Completed) => Ok(&[Self::Running, Self::Completed]),
            _ => self.transition(to).map(|to| match to {
                Self::Pending => &[Self::Pending][..],
                Self::Running => &[Self::Running],
                Self::Completed => &[Self::Completed],
                Self::Failed => &[Self::Failed],
                Self::Cancelled => &[Self::Cancelled],
            }),
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobStatus {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        word("job status", text, &Self::ALL.map(|status| (status.as_str(), status)))
    }
}

impl TryFrom<String> for JobStatus {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<JobStatus> for &'static str {
    fn from(status: JobStatus) -> Self {
        status.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::JobStatus::{Cancelled, Completed, Failed, Pending, Running};
    use super::*;

    #[test]
    fn only_documented_edges_are_there() {
        let edges = [
            (Pending, Running),
            (Pending, Failed),
            (Pending, Cancelled),
            (Running, Completed),
            (Running, Failed),
            (Running, Cancelled),
        ];
        for from in JobStatus::ALL {
            for to in JobStatus::ALL {
                let allowed = from == to || edges.contains(&(from, to));
                let expected = if allowed { Ok(to) } else { Err(InvalidTransition { from, to }) };
                assert_eq!(from.transition(to), expected, "{from} -> {to}");
            }
        }
    }

    #[test]
    fn a_path_takes_one_edge_at_a_time_and_ends_where_it_should() {
        for from in JobStatus::ALL {
            for to in JobStatus::ALL {
                let Ok(path) = from.path_to(to) else {
                    assert!(from.is_terminal() || to == Pending, "{from} -> {to}");
                    continue;
                };
                let end = path.iter().fold(from, |at, &next| {
                    assert_ne!(at, next);
                    at.transition(next).unwrap()
                });
                assert_eq!(end, to);
            }
        }
        assert_eq!(Pending.path_to(Completed).unwrap(), [Running, Completed]);
    }

    #[test]
    fn words_are_read_in_any_case_and_written_in_lower_case() {
        for text in ["completed", "COMPLETED", "Completed"] {
            assert_eq!(text.parse::<JobStatus>().unwrap(), Completed);
        }
        assert_eq!(serde_json::to_string(&Failed).unwrap(), r#""failed""#);
        assert_eq!(serde_json::from_str::<JobStatus>(r#""CANCELLED""#).unwrap(), Cancelled);
        let error = "queued".parse::<JobStatus>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`queued` is no job status; allowed are pending, running, completed, failed, cancelled"
        );
    }
}
