//! A document of the Amazon States Language, read and checked.
//!
//! What is there is what JSONPath documents need: the eight kinds of states, with a `Map` whose items are worked on
//! within the run. JSONata, variables, distributed maps, heartbeats and tokens of tasks are refused by name, not
//! ignored. What is accepted here is meant to be accepted by Step Functions: the same document runs there.

mod check;
mod choice;
mod parse;
mod reader;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::path::{Path, Reference};
use super::template::{Expression, Template};

pub(super) use choice::Rule;

/// A workflow's document.
#[derive(Debug, Clone)]
pub struct WorkflowDocument {
    pub(super) source: Value,
    pub(super) states: States,
    pub(super) timeout: Option<Duration>,
}

/// What is wrong with a document: every fault that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFaults(pub Vec<DocumentFault>);

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFault {
    /// Where: `States.Run.Retry[0].MaxAttempts`.
    pub place: String,
    /// What is wrong there, and what is allowed.
    pub problem: String,
}

/// States that lead to one another: those of the document, of a branch, or of a map's items.
#[derive(Debug, Clone)]
pub(super) struct States {
    pub(super) start: String,
    pub(super) states: BTreeMap<String, State>,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) input: Selection,
    pub(super) output: Selection,
    pub(super) then: Then,
    pub(super) kind: Kind,
}

/// Which part of the data goes on.
#[derive(Debug, Clone)]
pub(super) enum Selection {
    All,
    /// An empty object instead.
    Nothing,
    Path(Path),
}

/// What comes after a state.
#[derive(Debug, Clone)]
pub(super) enum Then {
    Next(String),
    End,
    /// The state itself says: `Choice`, `Fail`.
    Own,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Pass {
        result: Option<Value>,
        io: Io,
    },
    Task {
        resource: String,
        io: Io,
        recovery: Recovery,
        timeout: Option<Amount>,
    },
    Choice {
        rules: Vec<(Rule, String)>,
        default: Option<String>,
    },
    Wait(WaitFor),
    Succeed,
    Fail {
        error: Option<Wording>,
        cause: Option<Wording>,
    },
    Parallel {
        branches: Vec<States>,
        io: Io,
        recovery: Recovery,
    },
    Map {
        items: Path,
        selector: Option<Template>,
        states: Box<States>,
        at_once: usize,
        io: Io,
        recovery: Recovery,
    },
}

/// How a state's data is made and put back.
#[derive(Debug, Clone, Default)]
pub(super) struct Io {
    pub(super) parameters: Option<Template>,
    pub(super) result_selector: Option<Template>,
    pub(super) result: ResultPath,
}

/// Where a result goes.
#[derive(Debug, Clone)]
pub(super) enum ResultPath {
    Discard,
    At(Reference),
}

/// A number of seconds.
#[derive(Debug, Clone)]
pub(super) enum Amount {
    Seconds(u32),
    Path(Path),
}

/// A text of `Fail`.
#[derive(Debug, Clone)]
pub(super) enum Wording {
    Text(String),
    Expression(Expression),
}

#[derive(Debug, Clone)]
pub(super) enum WaitFor {
    Amount(Amount),
    /// A moment in RFC 3339.
    Timestamp(String),
    TimestampPath(Path),
}

/// What becomes of faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Recovery {
    pub(super) retry: Vec<Retrier>,
    pub(super) catch: Vec<Catcher>,
}

#[derive(Debug, Clone)]
pub(super) struct Retrier {
    pub(super) errors: Vec<String>,
    pub(super) interval: u32,
    pub(super) attempts: u32,
    pub(super) backoff: f64,
    pub(super) longest: Option<u32>,
    pub(super) full_jitter: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Catcher {
    pub(super) errors: Vec<String>,
    pub(super) result: ResultPath,
    pub(super) next: String,
}

impl Default for ResultPath {
    /// The result is the whole output.
    fn default() -> Self {
        Self::At(Reference::whole())
    }
}

impl WorkflowDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// [`DocumentFaults`] with all that is wrong.
    pub fn parse(source: &Value) -> Result<Self, DocumentFaults> {
        parse::document(source)
    }

    /// Returns the resources that its tasks name, each once.
    #[must_use]
    pub fn resources(&self) -> Vec<&str> {
        let mut resources = Vec::new();
        self.states.visit(&mut |state| {
            if let Kind::Task { resource, .. } = &state.kind
                && !resources.contains(&resource.as_str())
            {
                resources.push(resource);
            }
        });
        resources
    }
}

impl States {
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a State)) {
        for state in self.states.values() {
            visit(state);
            match &state.kind {
                Kind::Parallel { branches, .. } => branches.iter().for_each(|branch| branch.visit(visit)),
                Kind::Map { states, .. } => states.visit(visit),
                _ => {}
            }
        }
    }
}

impl State {
    pub(super) fn recovery(&self) -> Option<&Recovery> {
        match &self.kind {
            Kind::Task { recovery, .. } | Kind::Parallel { recovery, .. } | Kind::Map { recovery, .. } => {
                Some(recovery)
            }
            _ => None,
        }
    }
}

impl fmt::Display for DocumentFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.0.iter().map(ToString::to_string).collect::<Vec<_>>();
        f.write_str(&faults.join("; "))
    }
}

impl fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for DocumentFaults {}
