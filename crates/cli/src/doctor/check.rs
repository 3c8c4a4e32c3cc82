//! One thing that was looked at.

use std::fmt::Display;

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// Things work, but not all of them, or not for long.
    Warn,
    /// The platform cannot run like this.
    Fail,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// What was found.
    pub(super) detail: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Display) -> Self {
        Self { name, status: Status::Ok, detail: detail.to_string(), advice: None }
    }

    pub(super) fn warn(name: &'static str, detail: impl Display, advice: impl Display) -> Self {
        Self { name, status: Status::Warn, detail: detail.to_string(), advice: Some(advice.to_string()) }
    }

    pub(super) fn fail(name: &'static str, detail: impl Display, advice: impl Display) -> Self {
        Self { name, status: Status::Fail, detail: detail.to_string(), advice: Some(advice.to_string()) }
    }
}
