//! Strategies by name, by file, and from a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tradai_strategy::declarative::{DeclarativeStrategy, ParameterValue};
use tradai_strategy::registry::{Registry, RegistryEntry, StrategyOrigin};
use tradai_strategy::{RegistryError, Strategy};

use crate::Error;
use crate::backtest::StrategySource;

/// Folder in which strategies are looked for when none is named.
pub const DEFAULT_FOLDER: &str = "strategies";

/// Strategies that ship and those of a folder (`strategies` in the working directory without one), and what is
/// wrong with files that hold none. A file takes the place of a strategy that ships under the same name.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be read; a default folder that does not exist is empty.
pub fn registry(folder: Option<&Path>) -> Result<(Registry, Vec<RegistryError>), Error> {
    let mut registry = Registry::bundled();
    let default = Path::new(DEFAULT_FOLDER);
    let folder = match folder {
        Some(folder) => folder,
        None if default.is_dir() => default,
        None => return Ok((registry, Vec::new())),
    };
    let mut broken = Vec::new();
    for path in strategy_files(folder)? {
        if let Err(error) = registry.load_file(&path) {
            broken.push(error);
        }
    }
    Ok((registry, broken))
}

/// The YAML files of a folder, and the `tradai.yaml` of each folder in it, by name.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be read.
pub fn strategy_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let nested = path.join("tradai.yaml");
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() && nested.is_file() {
            files.push(nested);
        } else if path.is_file() && matches!(ending, Some("yaml" | "yml")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A strategy that was found, without parameters yet.
pub enum Located {
    /// A declarative one.
    Declarative {
        /// What the text declares.
        strategy: Box<DeclarativeStrategy>,
        /// Name of the file or bundled strategy it was read from.
        file: String,
        /// The text.
        text: String,
    },
    /// One in Rust.
    Native {
        /// The name it is registered under.
        name: String,
        /// The strategy.
        strategy: Arc<dyn Strategy>,
    },
}

/// Finds a strategy in a registry by name.
///
/// # Errors
/// [`Error::Registry`] with the names there are, or every fault of the file.
pub fn locate(registry: &Registry, name: &str) -> Result<Located, Error> {
    locate_entry(registry.entry(name)?.clone(), name)
}

fn locate_entry(entry: RegistryEntry, name: &str) -> Result<Located, Error> {
    let (path, text) = match (&entry.origin, &entry.declarative) {
        (StrategyOrigin::Bundled(text), Some(declarative)) => {
            (declarative.path().to_owned(), (*text).to_owned())
        }
        (StrategyOrigin::File(path), _) => {
            (path.clone(), std::fs::read_to_string(path).map_err(Error::io(path))?)
        }
        _ => return Ok(Located::Native { name: name.to_owned(), strategy: entry.strategy }),
    };
    // Made from the very text that the manifest keeps: the file may change at any time.
    let strategy = DeclarativeStrategy::from_yaml(&text, &path).map_err(RegistryError::Invalid)?;
    Ok(Located::Declarative { strategy: Box::new(strategy), file: path.display().to_string(), text })
}

impl Located {
    /// Returns the strategy with these parameters, and where it came from.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a parameter that it does not have or allow.
    pub fn with_parameters(
        self,
        parameters: BTreeMap<String, String>,
    ) -> Result<(Arc<dyn Strategy>, StrategySource), Error> {
        match self {
            Self::Declarative { strategy, file, text } => {
                let strategy = set_parameters(&strategy, &parameters)?;
                Ok((strategy, StrategySource::Declarative { file, text, parameters }))
            }
            Self::Native { name, strategy } if parameters.is_empty() => {
                Ok((strategy, StrategySource::Native { name }))
            }
            Self::Native { name, .. } => {
                Err(Error::Invalid(format!("{name} is written in Rust and takes no parameters")))
            }
        }
    }
}

fn set_parameters(
    strategy: &DeclarativeStrategy,
    parameters: &BTreeMap<String, String>,
) -> Result<Arc<dyn Strategy>, Error> {
    let values: BTreeMap<String, ParameterValue> =
        parameters.iter().map(|(name, text)| (name.clone(), ParameterValue::parse(text))).collect();
    let strategy = strategy.with_parameters(&values).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(Arc::new(strategy))
}

/// Finds a strategy by name (as [`registry`] knows it) or file and sets parameters; also says where it came from.
///
/// # Errors
/// [`Error::Registry`] with the names there are, or every fault of the file; [`Error::Invalid`] for a parameter that
/// it does not have or allow.
pub fn find(
    name_or_file: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<(Arc<dyn Strategy>, StrategySource), Error> {
    let (mut registry, _) = registry(None)?;
    let entry = registry.find_or_load(name_or_file)?;
    locate_entry(entry, name_or_file)?.with_parameters(parameters.clone())
}

/// Makes the strategy of a manifest again.
///
/// # Errors
/// As [`find`].
pub fn remake(source: &StrategySource) -> Result<Arc<dyn Strategy>, Error> {
    match source {
        StrategySource::Declarative { file, text, parameters } => {
            let strategy =
                DeclarativeStrategy::from_yaml(text, Path::new(file)).map_err(RegistryError::Invalid)?;
            set_parameters(&strategy, parameters)
        }
        StrategySource::Native { name } => Ok(Registry::bundled().find(name)?),
    }
}
