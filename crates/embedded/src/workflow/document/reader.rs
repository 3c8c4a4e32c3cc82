//! Taking fields out of a JSON object: each read once, what is left over is a fault.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{DocumentFault, ResultPath, Selection};
use crate::workflow::path::{Path, Reference};
use crate::workflow::template::{Expression, Template};

/// Faults that are kept; a document with more is told enough.
const MAX_FAULTS: usize = 100;

/// What is wrong with a document so far.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<DocumentFault>);

impl Faults {
    pub(super) fn add(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(DocumentFault { place: place.into(), problem: problem.into() });
        }
    }
}

/// An object of the document.
pub(super) struct Fields<'a> {
    pub(super) place: String,
    map: &'a Map<String, Value>,
    seen: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(value: &'a Value, place: String, faults: &mut Faults) -> Option<Self> {
        let Some(map) = value.as_object() else {
            faults.add(place, "must be an object");
            return None;
        };
        Some(Self { place, map, seen: BTreeSet::from(["Comment"]) })
    }

    pub(super) fn place(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.seen.insert(name);
        self.map.get(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Tells of fields that nobody took.
    pub(super) fn finish(self, faults: &mut Faults) {
        for name in self.map.keys().filter(|name| !self.seen.contains(name.as_str())) {
            faults.add(self.place(name), "is not known here");
        }
    }

    pub(super) fn text(&mut self, name: &'static str, faults: &mut Faults) -> Option<&'a str> {
        let value = self.take(name)?;
        if value.as_str().is_none_or(str::is_empty) {
            faults.add(self.place(name), "must be a text that is not empty");
        }
        value.as_str()
    }

    pub(super) fn needed_text(&mut self, name: &'static str, faults: &mut Faults) -> String {
        if !self.has(name) {
            faults.add(self.place(name), "is missing");
        }
        self.text(name, faults).unwrap_or_default().to_owned()
    }

    /// Reads a whole number of at least `least`.
    pub(super) fn number(&mut self, name: &'static str, least: u32, faults: &mut Faults) -> Option<u32> {
        let value = self.take(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|n| *n >= least);
        if number.is_none() {
            faults.add(self.place(name), format!("must be a whole number from {least} to {}", u32::MAX));
        }
        number
    }

    pub(super) fn flag(&mut self, name: &'static str, faults: &mut Faults) -> bool {
        let value = self.take(name);
        if value.is_some_and(|value| !value.is_boolean()) {
            faults.add(self.place(name), "must be true or false");
        }
        value.and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn list(&mut self, name: &'static str, faults: &mut Faults) -> Option<&'a Vec<Value>> {
        let value = self.take(name)?;
        if value.as_array().is_none_or(Vec::is_empty) {
            faults.add(self.place(name), "must be an array that is not empty");
        }
        value.as_array()
    }

    pub(super) fn path(&mut self, name: &'static str, faults: &mut Faults) -> Option<Path> {
        let text = self.text(name, faults)?;
        match Path::parse(text) {
            Ok(path) => Some(path),
            Err(problem) => {
                faults.add(self.place(name), format!("`{text}` {problem}"));
                None
            }
        }
    }

    pub(super) fn expression(&mut self, name: &'static str, faults: &mut Faults) -> Option<Expression> {
        let text = self.text(name, faults)?;
        Expression::parse(text)
            .map_err(|problem| faults.add(self.place(name), format!("`{text}` {problem}")))
            .ok()
    }

    pub(super) fn selection(&mut self, name: &'static str, faults: &mut Faults) -> Selection {
        match self.map.get(name) {
            None => Selection::All,
            Some(Value::Null) => {
                self.seen.insert(name);
                Selection::Nothing
            }
            Some(_) => self.path(name, faults).map_or(Selection::All, Selection::Path),
        }
    }

    pub(super) fn template(&mut self, name: &'static str, faults: &mut Faults) -> Option<Template> {
        let value = self.take(name)?;
        let place = self.place(name);
        Some(Template::parse(value, &place, &mut |place, problem| faults.add(place, problem)))
    }

    pub(super) fn result_path(&mut self, faults: &mut Faults) -> ResultPath {
        match self.take("ResultPath") {
            None => ResultPath::default(),
            Some(Value::Null) => ResultPath::Discard,
            Some(value) => match value.as_str().and_then(Reference::parse) {
                Some(reference) => ResultPath::At(reference),
                None => {
                    faults.add(
                        self.place("ResultPath"),
                        "must be a path that names one place, such as $.result",
                    );
                    ResultPath::Discard
                }
            },
        }
    }
}
