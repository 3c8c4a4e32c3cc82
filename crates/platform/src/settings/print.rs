//! `--print-settings`: every value, where it came from and what it means.

use std::fmt::{self, Write};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing set it.
    Default,
    /// The settings file.
    File,
    /// This environment variable.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("file"),
            Self::Environment(name) => write!(f, "environment {name}"),
        }
    }
}

/// One value of the settings, as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its environment variable, with the prefix.
    pub name: String,
    /// Names that it is also read from, when the first is not set.
    pub also: Vec<&'static str>,
    /// The value as text; secrets as `[redacted]`, absent ones empty.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
    /// What it means.
    pub doc: &'static str,
}

/// Returns the list as a file of variables that a shell or compose could read.
pub(super) fn print(variables: &[Variable]) -> String {
    let mut text = String::new();
    for variable in variables {
        let also = if variable.also.is_empty() {
            String::new()
        } else {
            format!("; also {}", variable.also.join(", "))
        };
        let Variable { name, value, origin, doc, .. } = variable;
        // Writing to a string cannot fail.
        writeln!(text, "# {doc} ({origin}{also})\n{name}={value}").unwrap_or_default();
    }
    text
}
