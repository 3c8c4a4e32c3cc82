//! The use cases of strategies and their files.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::info;
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigVersion;
use tradai_domain::ports::PushedConfig;

use super::entry::{FileFault, StrategyEntry};
use super::source::{BrokenFile, ReadFile, StoredFile, StrategySource};
use crate::configs::{Configs, Variables};
use crate::jobs::Requester;
use crate::{Error, RequestFault};

/// Sections of a file that no config has: its rules, which only the file says.
const NOT_OF_CONFIGS: [&str; 2] = ["hooks", "signals"];

/// Lists, checks and registers strategies, and lets configs in that fit them.
#[derive(Clone)]
pub struct Strategies {
    pub(super) source: Arc<dyn StrategySource>,
    pub(super) configs: Configs,
    pub(super) variables: Variables,
}

/// A strategy, and the config that is in use.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogued {
    /// The strategy.
    pub strategy: StrategyEntry,
    /// Its active version, if one is.
    pub active: Option<ConfigVersion>,
}

/// Every strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The strategies, by name.
    pub strategies: Vec<Catalogued>,
    /// Files that hold none.
    pub broken: Vec<BrokenFile>,
}

/// What is said of a file that somebody wants checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileCheck {
    /// The strategy's name, if it could be read.
    pub name: Option<String>,
    /// Everything wrong; none: it is valid.
    pub faults: Vec<FileFault>,
    /// What works but is likely not meant.
    pub warnings: Vec<FileFault>,
    /// What else there is to know.
    pub note: Option<String>,
}

/// A strategy that was registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// The strategy.
    pub strategy: StrategyEntry,
    /// Whether its file is new, took another one's place, or was there.
    pub stored: StoredFile,
    /// The config version that holds the file's values.
    pub config: PushedConfig,
}

impl Strategies {
    /// Returns the use cases; `variables` is what texts of configs may refer to.
    #[must_use]
    pub fn new(source: Arc<dyn StrategySource>, configs: Configs, variables: Variables) -> Self {
        Self { source, configs, variables }
    }

    /// Returns the config versions themselves.
    #[must_use]
    pub fn configs(&self) -> &Configs {
        &self.configs
    }

    /// Returns every strategy, by name.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn list(&self) -> Result<Listing, Error> {
        let found = self.source.list().await?;
        let mut strategies = Vec::with_capacity(found.strategies.len());
        for strategy in found.strategies {
            let active = self.configs.active(&strategy.name).await?;
            strategies.push(Catalogued { strategy, active });
        }
        Ok(Listing { strategies, broken: found.broken })
    }

    /// Returns a strategy.
    ///
    /// # Errors
    /// [`Error::NoSuchStrategy`]; [`Error::Port`].
    pub async fn get(&self, name: &StrategyName) -> Result<Catalogued, Error> {
        let strategy = self.entry(name).await?;
        let active = self.configs.active(name).await?;
        Ok(Catalogued { strategy, active })
    }

    pub(super) async fn entry(&self, name: &StrategyName) -> Result<StrategyEntry, Error> {
        self.source.find(name).await?.ok_or_else(|| Error::NoSuchStrategy { name: name.clone() })
    }

    /// Says what is wrong with the text of a file.
    ///
    /// # Errors
    /// [`Error::Port`]. What is wrong with the text is no error.
    pub async fn validate(&self, text: String) -> Result<FileCheck, Error> {
        Ok(match self.source.read(text).await? {
            Ok(ReadFile::Strategy(entry)) => FileCheck {
                name: Some(entry.name.to_string()),
                warnings: entry.warnings,
                ..FileCheck::default()
            },
            Ok(ReadFile::Elsewhere { name, entry_point, .. }) => FileCheck {
                name: Some(name),
                note: Some(format!("its rules live in {entry_point}; it cannot be registered or run here")),
                ..FileCheck::default()
            },
            Err(faults) => FileCheck { faults, ..FileCheck::default() },
        })
    }

    /// Returns a file's text as a document, rules or not.
    ///
    /// # Errors
    /// [`Error::Request`] with every fault of the file; [`Error::Port`].
    pub async fn document(&self, text: String) -> Result<Map<String, Value>, Error> {
        match self.source.read(text).await? {
            Ok(ReadFile::Strategy(entry)) => Ok(entry.document),
            Ok(ReadFile::Elsewhere { document, .. }) => Ok(document),
            Err(faults) => Err(file_faults(&faults)),
        }
    }

    /// Stores a strategy's file and pushes its values as a config version, a draft. `replaces` is the hash of the file
    /// that it takes the place of. Repeating it changes nothing, so that whoever was cut off may repeat it.
    ///
    /// # Errors
    /// [`Error::Request`] with every fault of the file, and everything that keeps it from running with the config in
    /// use; [`Error::StrategyExists`], [`Error::StrategyChanged`] and [`Error::StrategyFileTaken`] when another file is
    /// in the way; [`Error::Port`].
    pub async fn register(
        &self,
        name: &StrategyName,
        text: String,
        replaces: Option<&str>,
        requester: &Requester,
    ) -> Result<Registered, Error> {
        let strategy = self.readable(name, &text).await?;
        let config = config_of(&strategy.document);
        // All that could refuse the config does so before the file is stored.
        self.check_config(&strategy, &config).await?;
        Configs::check(&config, None)?;
        self.check_active(&strategy).await?;
        self.configs
            .audit
            .note(requester, "strategy.register", format!("{name} {}", strategy.source_hash))
            .await?;
        let stored = self.source.store(name, text, replaces).await?;
        match stored {
            StoredFile::Created | StoredFile::Replaced | StoredFile::Unchanged => {}
            StoredFile::Exists => return Err(Error::StrategyExists { name: name.clone() }),
            StoredFile::Changed => return Err(Error::StrategyChanged { name: name.clone() }),
            StoredFile::Taken => return Err(Error::StrategyFileTaken { name: name.clone() }),
        }
        info!(strategy = %name, hash = %strategy.source_hash, "{name} is registered");
        let description = Some(format!("registered from {} {}", strategy.file, strategy.version));
        let config = self.configs.push(name, config, description, requester).await?;
        let strategy = self.entry(name).await?;
        Ok(Registered { strategy, stored, config })
    }

    /// Returns the strategy that a text declares under this name.
    async fn readable(&self, name: &StrategyName, text: &str) -> Result<StrategyEntry, Error> {
        let fault = |reason: String| Error::Request(vec![RequestFault::new("file", reason)]);
        match self.source.read(text.to_owned()).await? {
            Ok(ReadFile::Strategy(entry)) if entry.name == *name => Ok(*entry),
            Ok(ReadFile::Strategy(entry)) => {
                Err(fault(format!("strategy.name: is {}; it is to be registered as {name}", entry.name)))
            }
            Ok(ReadFile::Elsewhere { entry_point, .. }) => Err(fault(format!(
                "strategy.entry_point: is {entry_point}; only declared strategies can be run"
            ))),
            Err(faults) => Err(file_faults(&faults)),
        }
    }
}

fn file_faults(faults: &[FileFault]) -> Error {
    Error::Request(faults.iter().map(|fault| RequestFault::new("file", fault.to_string())).collect())
}

/// The part of a file that is a config: all but its rules and notes.
fn config_of(document: &Map<String, Value>) -> Map<String, Value> {
    let is_config = |key: &str| !NOT_OF_CONFIGS.contains(&key) && !key.starts_with("x-");
    document
        .iter()
        .filter(|(key, _)| is_config(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

impl fmt::Debug for Strategies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Strategies")
    }
}
