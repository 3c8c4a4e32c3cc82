//! Strategies by name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use tradai_domain::ErrorKind;

use crate::Strategy;
use crate::declarative::{DeclarativeError, DeclarativeStrategy};
use crate::expression::did_you_mean;

/// The strategies that ship, by file name without its ending.
const BUNDLED: [(&str, &str); 6] = [
    ("ema_cross", include_str!("../strategies/ema_cross.yaml")),
    ("rsi_mean_reversion", include_str!("../strategies/rsi_mean_reversion.yaml")),
    ("donchian_breakout", include_str!("../strategies/donchian_breakout.yaml")),
    ("futures_long_short", include_str!("../strategies/futures_long_short.yaml")),
    ("dca", include_str!("../strategies/dca.yaml")),
    ("multi_timeframe", include_str!("../strategies/multi_timeframe.yaml")),
];

/// Where a strategy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrategyOrigin {
    /// It ships with the program; the text of its file.
    Bundled(&'static str),
    /// A file.
    File(PathBuf),
    /// Rust code.
    Native,
}

/// One strategy of a [`Registry`].
#[derive(Clone)]
pub struct RegistryEntry {
    /// Where it comes from.
    pub origin: StrategyOrigin,
    /// The strategy.
    pub strategy: Arc<dyn Strategy>,
    /// The same as a declared one, when it is.
    pub declarative: Option<Arc<DeclarativeStrategy>>,
}

/// A strategy cannot be found or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No strategy has this name.
    #[error("there is no strategy `{name}`{hint}; there are {known} (or give the path of a tradai.yaml)")]
    Unknown {
        /// The name asked for.
        name: String,
        /// A suggestion, or nothing.
        hint: String,
        /// The names there are.
        known: String,
    },
    /// The name is taken.
    #[error("a strategy `{name}` exists already ({origin})")]
    Taken {
        /// The name.
        name: String,
        /// Where the other one comes from.
        origin: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A new file would replace one that is there.
    #[error("{} exists already and is left alone; choose another folder", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no strategy.
    #[error(transparent)]
    Invalid(#[from] DeclarativeError),
}

impl RegistryError {
    /// Returns what a caller should do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Taken { .. } | Self::FileExists { .. } => ErrorKind::Conflict,
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Read { .. } => ErrorKind::Unavailable,
            Self::Invalid(_) => ErrorKind::Invalid,
        }
    }
}

/// Strategies by name, in the order in which they came.
#[derive(Clone, Default)]
pub struct Registry {
    entries: IndexMap<String, RegistryEntry>,
}

impl Registry {
    /// Returns a registry without any strategy.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Returns a registry of the strategies that ship.
    ///
    /// ```
    /// use tradai_strategy::Registry;
    ///
    /// let registry = Registry::bundled();
    /// assert_eq!(registry.find("EmaCross").unwrap().name(), "EmaCross");
    /// ```
    #[must_use]
    pub fn bundled() -> Self {
        let mut registry = Self::default();
        for (file, text) in BUNDLED {
            // A test loads every one of them, so that nothing is left out here.
            if let Ok(strategy) = DeclarativeStrategy::from_yaml(text, Path::new(file)) {
                registry.insert(strategy, StrategyOrigin::Bundled(text));
            }
        }
        registry
    }

    fn insert(&mut self, strategy: DeclarativeStrategy, origin: StrategyOrigin) -> Arc<DeclarativeStrategy> {
        let declarative = Arc::new(strategy);
        let strategy: Arc<dyn Strategy> = declarative.clone();
        let entry = RegistryEntry { origin, strategy, declarative: Some(declarative.clone()) };
        self.entries.insert(declarative.name().to_owned(), entry);
        declarative
    }

    /// Adds a strategy written in Rust.
    ///
    /// # Errors
    /// [`RegistryError::Taken`] when the name is.
    pub fn register(&mut self, name: &str, strategy: Arc<dyn Strategy>) -> Result<(), RegistryError> {
        self.check_free(name)?;
        let entry = RegistryEntry { origin: StrategyOrigin::Native, strategy, declarative: None };
        self.entries.insert(name.to_owned(), entry);
        Ok(())
    }

    fn check_free(&self, name: &str) -> Result<(), RegistryError> {
        let Some(entry) = self.entries.get(name) else { return Ok(()) };
        let origin = match &entry.origin {
            StrategyOrigin::Bundled(_) => "it ships with tradai".to_owned(),
            StrategyOrigin::File(path) => path.display().to_string(),
            StrategyOrigin::Native => "written in Rust".to_owned(),
        };
        Err(RegistryError::Taken { name: name.to_owned(), origin })
    }

    /// Reads a strategy file and adds it. A file that was added before is read anew; one that ships gives way to a
    /// file of the same name.
    ///
    /// # Errors
    /// [`RegistryError::Read`], [`RegistryError::Invalid`]; [`RegistryError::Taken`] when another file has the name.
    pub fn load_file(&mut self, path: &Path) -> Result<Arc<DeclarativeStrategy>, RegistryError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RegistryError::Read { path: path.to_owned(), source })?;
        let strategy = DeclarativeStrategy::from_yaml(&text, path)?;
        let origin = StrategyOrigin::File(path.to_owned());
        match self.entries.get(strategy.name()).map(|entry| &entry.origin) {
            Some(StrategyOrigin::Bundled(_)) | None => {}
            Some(known) if *known == origin => {}
            Some(_) => self.check_free(strategy.name())?,
        }
        Ok(self.insert(strategy, origin))
    }

    /// Returns a strategy by name.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] with the names there are.
    pub fn find(&self, name: &str) -> Result<Arc<dyn Strategy>, RegistryError> {
        self.entry(name).map(|entry| entry.strategy.clone())
    }

    /// Returns a strategy by name, with its origin.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] with the names there are.
    pub fn entry(&self, name: &str) -> Result<&RegistryEntry, RegistryError> {
        self.entries.get(name).ok_or_else(|| RegistryError::Unknown {
            name: name.to_owned(),
            hint: did_you_mean(name, self.names()),
            known: self.names().collect::<Vec<_>>().join(", "),
        })
    }

    /// Returns a strategy by name, or from the file when it looks like a path (has a separator, or ends in `.yaml`
    /// or `.yml`).
    ///
    /// # Errors
    /// As [`Registry::find`] and [`Registry::load_file`].
    pub fn find_or_load(&mut self, name_or_path: &str) -> Result<RegistryEntry, RegistryError> {
        let path = Path::new(name_or_path);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_path =
            name_or_path.contains(std::path::is_separator) || matches!(ending, Some("yaml" | "yml"));
        if !is_path {
            return self.entry(name_or_path).cloned();
        }
        let strategy = self.load_file(path)?;
        self.entry(strategy.name()).cloned()
    }

    /// Returns the text of a new strategy file that begins as a copy of one that ships, comments included.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] when no strategy of that name ships; [`RegistryError::Invalid`] when `name` cannot
    /// be one.
    pub fn new_file(&self, name: &str, example: &str) -> Result<String, RegistryError> {
        let bundled = |entry: &RegistryEntry| match entry.origin {
            StrategyOrigin::Bundled(text) => Some(text),
            _ => None,
        };
        let text = self.entries.get(example).and_then(bundled).ok_or_else(|| {
            let known: Vec<&str> =
                self.entries().filter(|(_, entry)| bundled(entry).is_some()).map(|(name, _)| name).collect();
            RegistryError::Unknown {
                name: example.to_owned(),
                hint: did_you_mean(example, known.iter().copied()),
                known: known.join(", "),
            }
        })?;
        let copy = text.replacen(&format!("  name: {example}\n"), &format!("  name: {name}\n"), 1);
        DeclarativeStrategy::from_yaml(&copy, Path::new("tradai.yaml"))?;
        Ok(copy)
    }

    /// Returns the names, in the order in which the strategies came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Returns the strategies with their names.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &RegistryEntry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_ships_is_there_and_without_warnings() {
        for (file, text) in BUNDLED {
            let strategy =
                DeclarativeStrategy::from_yaml(text, Path::new(file)).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(strategy.warnings(), [], "{file}");
        }
        let names: Vec<String> = Registry::bundled().names().map(str::to_owned).collect();
        let expected =
            ["EmaCross", "RsiMeanReversion", "DonchianBreakout", "FuturesLongShort", "Dca", "MultiTimeframe"];
        assert_eq!(names, expected);
    }

    #[test]
    fn errors_list_the_names_there_are() {
        let registry = Registry::bundled();
        let error = registry.find("EmaCros").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let text = error.to_string();
        assert!(text.starts_with(
            "there is no strategy `EmaCros`; did you mean `EmaCross`?; there are EmaCross, Rsi"
        ));
    }

    #[test]
    fn names_are_taken_once() {
        let mut registry = Registry::bundled();
        let strategy = registry.find("Dca").unwrap();
        registry.register("Mine", strategy.clone()).unwrap();
        let error = registry.register("Mine", strategy.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.to_string(), "a strategy `Mine` exists already (written in Rust)");
        assert!(registry.register("Dca", strategy).is_err());
        assert_eq!(registry.find("Mine").unwrap().name(), "Dca");
    }

    #[test]
    fn new_files_are_copies_with_another_name() {
        let registry = Registry::bundled();
        for example in registry.names() {
            let text = registry.new_file("My_Own-1", example).unwrap();
            let strategy = DeclarativeStrategy::from_yaml(&text, Path::new("x")).unwrap();
            assert_eq!(strategy.name(), "My_Own-1");
        }
        assert_eq!(registry.new_file("a b", "Dca").unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(registry.new_file("A", "Dcaa").unwrap_err().kind(), ErrorKind::NotFound);
    }
}
