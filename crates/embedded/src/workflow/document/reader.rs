//! Taking fields out of a JSON object: each read once, what is left over is a fault.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{DocumentFault, ResultPath, Selection};
use crate::workflow::path::{Path, Reference};
use crate::workflow::template::{Expression, Template};

/// Seconds and counts that Step Functions takes.
pub(super) const MAX_NUMBER: u32 = 99_999_999;

/// Fields that Step Functions knows and that are not there, with what is there instead.
const ABSENT: [(&[&str], &str); 7] = [
    (
        &["HeartbeatSeconds", "HeartbeatSecondsPath"],
        "tasks tell nothing while they work; TimeoutSeconds bounds them",
    ),
    (&["Credentials"], "tasks are done by whoever goes on with the run"),
    (
        &["ItemReader", "ItemBatcher", "ResultWriter", "Label"],
        "items are worked on within the run, one by one",
    ),
    (
        &[
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ],
        "an item that fails fails its map; a Catch within its states keeps it from that",
    ),
    (&["MaxConcurrencyPath"], "MaxConcurrency is a number of the document"),
    (&["Assign"], "there are no variables; ResultPath keeps values in the data"),
    (&["Arguments", "Output", "Items"], "they are of JSONata, and the language is JSONPath"),
];

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
            let absent = ABSENT.iter().find(|(names, _)| names.contains(&name.as_str()));
            let problem = match absent {
                Some((_, instead)) => format!("is not supported: {instead}"),
                None => "is not known here".to_owned(),
            };
            faults.add(self.place(name), problem);
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

    /// Reads a whole number.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        allowed: RangeInclusive<u32>,
        faults: &mut Faults,
    ) -> Option<u32> {
        let value = self.take(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| allowed.contains(number));
        if number.is_none() {
            let (least, most) = allowed.into_inner();
            faults.add(self.place(name), format!("must be a whole number from {least} to {most}"));
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
