//! Where settings come from: handed in, so that tests need no process of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The variable that names the folder of settings files; `settings` in the working directory otherwise.
pub const SETTINGS_DIR: &str = "TRADAI_SETTINGS_DIR";

/// The environment that settings came with, for what a host hands on. Shown by its names alone: it may hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The environment and the arguments of a host.
#[derive(Clone, Default)]
pub struct Inputs {
    /// Environment variables. Empty ones count as not set, as compose files write them.
    pub environment: BTreeMap<String, String>,
    /// Arguments after the program's name.
    pub arguments: Vec<String>,
}

impl Inputs {
    /// Returns the environment and arguments of this process. Variables that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
        Self { environment: std::env::vars_os().filter_map(text).collect(), arguments: arguments.collect() }
    }

    /// Adds a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Returns a variable that is set and not empty, without the space around it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns the settings file of a service.
    pub(super) fn file(&self, service: &str) -> PathBuf {
        PathBuf::from(self.get(SETTINGS_DIR).unwrap_or("settings")).join(format!("{service}.toml"))
    }
}
