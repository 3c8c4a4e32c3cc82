//! Loading: all layers, all faults, and what a host's `main` does about them.

use std::path::Path;

use clap::ArgMatches;
use toml::Table;

use super::arguments::{arguments, is_printed};
use super::print::print;
use super::{Fault, Faults, Inputs, Reader, Settings, Variable};

/// Settings, and how they came about.
#[derive(Debug)]
pub struct Loaded<S> {
    /// The settings.
    pub settings: S,
    /// Every value with its name, origin and doc, in the order in which it was read.
    pub variables: Vec<Variable>,
    /// Variables with the service's prefix that nothing reads: probably misspelt. To be logged at warn.
    pub unknown: Vec<String>,
}

/// What a host does after it read its arguments and settings.
#[derive(Debug)]
pub enum Start<S> {
    /// It runs.
    Run(Loaded<S>),
    /// It ends.
    End(End),
}

/// How a host ends that does not run: it prints `text`, to standard error unless `code` is 0.
#[derive(Debug)]
pub struct End {
    /// The exit code: 0, or 2 for wrong settings or arguments.
    pub code: u8,
    /// What to print.
    pub text: String,
}

/// Loads settings.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load<S: Settings>(inputs: &Inputs) -> Result<Loaded<S>, Faults> {
    let path = inputs.file(S::SERVICE);
    let mut faults = Vec::new();
    let table = read_table(&path, &mut faults);
    let mut reader = Reader::new(inputs, S::PREFIX, &path, &table, faults);
    let settings = S::read(&mut reader);
    let unknown = reader.unknown_variables();
    let (variables, faults) = reader.finish();
    if faults.is_empty() { Ok(Loaded { settings, variables, unknown }) } else { Err(Faults(faults)) }
}

/// Reads arguments and settings; the beginning of the `main` of a host without commands.
#[must_use]
pub fn start<S: Settings>(inputs: &Inputs) -> Start<S> {
    match arguments::<S>(inputs, []) {
        Ok(arguments) => start_as(inputs, &arguments),
        Err(end) => Start::End(end),
    }
}

/// Loads settings and does with them what the [`arguments`] say.
#[must_use]
pub fn start_as<S: Settings>(inputs: &Inputs, arguments: &ArgMatches) -> Start<S> {
    match load::<S>(inputs) {
        Ok(loaded) if is_printed(arguments) => Start::End(End { code: 0, text: print(&loaded.variables) }),
        Ok(loaded) => Start::Run(loaded),
        Err(faults) => Start::End(End { code: 2, text: faults.to_string() }),
    }
}

/// Reads the settings file. None is fine.
fn read_table(path: &Path, faults: &mut Vec<Fault>) -> Table {
    let mut fault = |problem: String| {
        faults.push(Fault { place: path.display().to_string(), problem });
        Table::new()
    };
    match std::fs::read_to_string(path) {
        Ok(text) => text.parse().unwrap_or_else(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
            fault(format!("line {line}: {}", error.message()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Table::new(),
        Err(error) => fault(format!("cannot be read: {error}")),
    }
}
