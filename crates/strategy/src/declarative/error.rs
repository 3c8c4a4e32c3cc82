//! What is wrong with a strategy file, and where.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::yaml::Place;
use crate::expression::ExpressionError;

/// One thing wrong with a strategy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Line, from 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// Column, from 1; 0 when it is about the file as a whole.
    pub column: usize,
    /// The key, with dots and indices between levels (`signals.entry[0].when`).
    pub key: String,
    /// What is wrong and what is allowed.
    pub message: String,
    /// For an expression: its text with the place marked below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

/// Most faults that are told of one file: nobody reads more at once.
pub(crate) const MAX_FAULTS: usize = 100;

/// Longest key and longest message, in characters: a file may hold names of any length.
const MAX_KEY: usize = 200;
const MAX_MESSAGE: usize = 2_000;

impl Fault {
    pub(crate) fn new(place: Place, key: &str, message: impl Into<String>) -> Self {
        let Place { line, column } = place;
        let (key, message) = (shortened(key.to_owned(), MAX_KEY), shortened(message.into(), MAX_MESSAGE));
        Self { line, column, key, message, snippet: None }
    }

    pub(crate) fn expression(place: Place, key: &str, text: &str, error: &ExpressionError) -> Self {
        let snippet = Some(error.snippet(text));
        Self { snippet, ..Self::new(place, key, error.message.clone()) }
    }

    /// Returns the fault as people read it, with the file's name in front.
    #[must_use]
    pub fn render(&self, file: &Path) -> String {
        let mut text = file.display().to_string();
        if self.line > 0 {
            text.push_str(&format!(":{}", self.line));
        }
        if !self.key.is_empty() {
            text.push_str(&format!(": {}", self.key));
        }
        text.push_str(&format!(": {}", self.message));
        for line in self.snippet.iter().flat_map(|snippet| snippet.lines()) {
            text.push_str(&format!("\n    {line}"));
        }
        // A file may hold anything; it must not steer the terminal of those who check it.
        text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
    }
}

/// Cuts a text that is longer than so many characters, and marks that it was.
fn shortened(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Everything wrong with a strategy file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", rendered(.file, .faults))]
pub struct DeclarativeError {
    /// The file, or what stands for it.
    pub file: PathBuf,
    /// The faults in the order of the file, at least one. Of more than a hundred the first are told, and how many there
    /// are.
    pub faults: Vec<Fault>,
}

impl DeclarativeError {
    pub(crate) fn new(file: &Path, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults.dedup();
        let more = faults.len().saturating_sub(MAX_FAULTS);
        if more > 0 {
            faults.truncate(MAX_FAULTS);
            faults.push(Fault::new(
                Place::default(),
                "",
                format!("has {more} more faults; these are the first"),
            ));
        }
        Self { file: file.to_owned(), faults }
    }
}

fn rendered(file: &Path, faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| fault.render(file)).collect();
    lines.join("\n")
}
