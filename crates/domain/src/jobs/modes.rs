//! How jobs are handed over, as settings say it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text is not one of a few words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no {what}; allowed are {}", allowed.join(", "))]
pub struct UnknownWord {
    /// What the word would name.
    pub what: &'static str,
    /// The text, cut to 40 characters.
    pub given: String,
    /// The words.
    pub allowed: Vec<&'static str>,
}

/// Finds a word in any case.
pub(crate) fn word<T: Copy>(
    what: &'static str,
    text: &str,
    words: &[(&'static str, T)],
) -> Result<T, UnknownWord> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|&(_, value)| value).ok_or_else(|| UnknownWord {
        what,
        given: text.chars().take(40).collect(),
        allowed: words.iter().map(|&(word, _)| word).collect(),
    })
}

/// How a job reaches whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorMode {
    /// On this machine, see [`LocalExecutionMode`].
    Local,
    /// As a container task.
    Ecs,
    /// Through a queue.
    Sqs,
    /// As a run of the workflow.
    StepFunctions,
}

impl ExecutorMode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Local, Self::Ecs, Self::Sqs, Self::StepFunctions];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Ecs => "ecs",
            Self::Sqs => "sqs",
            Self::StepFunctions => "stepfunctions",
        }
    }
}

impl fmt::Display for ExecutorMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ExecutorMode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        word("executor mode", text, &Self::ALL.map(|mode| (mode.as_str(), mode)))
    }
}

/// How a job runs on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocalExecutionMode {
    /// In a process of its own.
    Subprocess,
    /// In a container.
    Docker,
    /// In the process that takes the request.
    InProcess,
}

impl LocalExecutionMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Subprocess, Self::Docker, Self::InProcess];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subprocess => "subprocess",
            Self::Docker => "docker",
            Self::InProcess => "inprocess",
        }
    }
}

impl fmt::Display for LocalExecutionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LocalExecutionMode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        word("local execution mode", text, &Self::ALL.map(|mode| (mode.as_str(), mode)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_what_they_write_in_any_case() {
        for mode in ExecutorMode::ALL {
            assert_eq!(mode.as_str().to_uppercase().parse::<ExecutorMode>().unwrap(), mode);
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
        for mode in LocalExecutionMode::ALL {
            assert_eq!(mode.to_string().parse::<LocalExecutionMode>().unwrap(), mode);
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
        let error = "lambda".parse::<ExecutorMode>().unwrap_err().to_string();
        assert_eq!(error, "`lambda` is no executor mode; allowed are local, ecs, sqs, stepfunctions");
    }
}
