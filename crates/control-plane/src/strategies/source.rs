//! Where strategies are found and kept.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tradai_domain::StrategyName;
use tradai_domain::ports::PortError;

use super::entry::{FileFault, StrategyEntry};
use crate::configs::JobInputs;

/// Finds, reads and keeps strategies.
#[async_trait]
pub trait StrategySource: Send + Sync {
    /// Returns every strategy, by name, and the files that hold none. A file stands in for a strategy that ships under
    /// the same name.
    async fn list(&self) -> Result<SourceListing, PortError>;

    /// Returns a strategy, or `None` when there is none of this name.
    async fn find(&self, name: &StrategyName) -> Result<Option<StrategyEntry>, PortError>;

    /// Reads the text of a file, which may be anything: bounded in time and memory. Every fault at once.
    async fn read(&self, text: String) -> Result<Result<ReadFile, Vec<FileFault>>, PortError>;

    /// Returns everything that keeps a strategy from running with these settings and parameters.
    async fn faults(
        &self,
        strategy: &StrategyEntry,
        inputs: &JobInputs,
    ) -> Result<Vec<InputFault>, PortError>;

    /// Stores the text of a strategy's file, whole or not at all. A strategy of this name is replaced only if
    /// `replaces` is the hash of its text; of any number of concurrent calls with one hash, one replaces. Storing what
    /// is there changes nothing, whatever `replaces` says.
    async fn store(
        &self,
        name: &StrategyName,
        text: String,
        replaces: Option<&str>,
    ) -> Result<StoredFile, PortError>;
}

/// One value that a strategy cannot run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFault {
    /// `settings` or `parameters`.
    pub section: &'static str,
    /// Its key, with dots between levels; empty where several together do not fit.
    pub key: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for InputFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.section)?;
        if !self.key.is_empty() {
            write!(f, ".{}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What a source has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceListing {
    /// The strategies, by name.
    pub strategies: Vec<StrategyEntry>,
    /// Files that hold none.
    pub broken: Vec<BrokenFile>,
}

/// A file that holds no strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenFile {
    /// The file, in the folder it is in.
    pub file: String,
    /// What is wrong, at least one.
    pub faults: Vec<FileFault>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadFile {
    /// A strategy.
    Strategy(Box<StrategyEntry>),
    /// The description of a strategy whose rules are elsewhere; nothing here can run it.
    Elsewhere {
        /// Its name.
        name: String,
        /// What runs it.
        entry_point: String,
        /// The file as JSON, variables in texts not resolved.
        document: Map<String, Value>,
    },
}

/// What became of a file that was to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredFile {
    /// The strategy is new.
    Created,
    /// It took the place of another text.
    Replaced,
    /// It was there already.
    Unchanged,
    /// The strategy is there, and nobody said that it is to be replaced.
    Exists,
    /// The strategy is not what was to be replaced.
    Changed,
    /// The file is taken by something else.
    Taken,
}
