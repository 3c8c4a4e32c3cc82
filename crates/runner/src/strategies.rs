//! Strategies by name, by file, and from a manifest.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tradai_strategy::declarative::{DeclarativeStrategy, ParameterValue};
use tradai_strategy::registry::{Registry, StrategyOrigin};
use tradai_strategy::{RegistryError, Strategy};

use crate::Error;
use crate::backtest::StrategySource;

/// Finds a strategy by name or file and sets parameters; also says where it came from.
///
/// # Errors
/// [`Error::Registry`] with the names there are, or every fault of the file; [`Error::Invalid`] for a parameter that
/// it does not have or allow.
pub fn find(
    name_or_file: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<(Arc<dyn Strategy>, StrategySource), Error> {
    let entry = Registry::bundled().find_or_load(name_or_file)?;
    let text = match &entry.origin {
        StrategyOrigin::Bundled(text) => (*text).to_owned(),
        StrategyOrigin::File(path) => std::fs::read_to_string(path).map_err(Error::io(path))?,
        StrategyOrigin::Native => String::new(),
    };
    match entry.declarative {
        Some(declarative) => {
            let file = declarative.path().display().to_string();
            let source = StrategySource::Declarative { file, text, parameters: parameters.clone() };
            Ok((with_parameters(&declarative, parameters)?, source))
        }
        None if parameters.is_empty() => {
            Ok((entry.strategy, StrategySource::Native { name: name_or_file.to_owned() }))
        }
        None => Err(Error::Invalid(format!("{name_or_file} is written in Rust and takes no parameters"))),
    }
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
            with_parameters(&strategy, parameters)
        }
        StrategySource::Native { name } => Ok(Registry::bundled().find(name)?),
    }
}

fn with_parameters(
    strategy: &DeclarativeStrategy,
    parameters: &BTreeMap<String, String>,
) -> Result<Arc<dyn Strategy>, Error> {
    let values: BTreeMap<String, ParameterValue> =
        parameters.iter().map(|(name, text)| (name.clone(), ParameterValue::parse(text))).collect();
    let strategy = strategy.with_parameters(&values).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(Arc::new(strategy))
}
