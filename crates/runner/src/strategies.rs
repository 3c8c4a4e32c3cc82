//! Strategies by name, by file, and from a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tradai_strategy::declarative::{DeclarativeStrategy, ParameterValue};
use tradai_strategy::registry::{Registry, StrategyOrigin};
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
fn strategy_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
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
    let (path, text) = match (&entry.origin, &entry.declarative) {
        (StrategyOrigin::Bundled(text), Some(declarative)) => {
            (declarative.path().to_owned(), (*text).to_owned())
        }
        (StrategyOrigin::File(path), _) => {
            (path.clone(), std::fs::read_to_string(path).map_err(Error::io(path))?)
        }
        _ if parameters.is_empty() => {
            return Ok((entry.strategy, StrategySource::Native { name: name_or_file.to_owned() }));
        }
        _ => {
            return Err(Error::Invalid(format!("{name_or_file} is written in Rust and takes no parameters")));
        }
    };
    // Made from the very text that the manifest keeps: the file may change at any time.
    let file = path.display().to_string();
    let source = StrategySource::Declarative { file, text, parameters: parameters.clone() };
    Ok((remake(&source)?, source))
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
            let values: BTreeMap<String, ParameterValue> =
                parameters.iter().map(|(name, text)| (name.clone(), ParameterValue::parse(text))).collect();
            let strategy =
                strategy.with_parameters(&values).map_err(|error| Error::Invalid(error.to_string()))?;
            Ok(Arc::new(strategy))
        }
        StrategySource::Native { name } => Ok(Registry::bundled().find(name)?),
    }
}
