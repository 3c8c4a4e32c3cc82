//! Reading a map of the file key by key, collecting what is wrong.

use serde::Serialize;

use super::error::Fault;
use super::yaml::{Node, Place, Value};
use crate::expression::{Expr, did_you_mean, parse};

/// The faults found so far.
pub(crate) type Faults = Vec<Fault>;

/// An expression with the place that its faults are reported at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located {
    pub(crate) expression: Expr,
    pub(crate) text: String,
    pub(crate) place: Place,
    pub(crate) key: String,
}

impl Located {
    pub(crate) fn fault(&self, error: &crate::expression::ExpressionError) -> Fault {
        Fault::expression(self.place, &self.key, &self.text, error)
    }
}

/// People see the expression as it was written.
impl Serialize for Located {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A map of the file and the path to it.
pub(crate) struct Section<'n> {
    node: &'n Node,
    path: String,
}

impl<'n> Section<'n> {
    /// Opens a map. Anything else is a fault, nothing at all an empty map.
    pub(crate) fn open(node: &'n Node, path: &str, faults: &mut Faults) -> Option<Self> {
        if node.entries().is_none() && !node.is_null() {
            faults.push(Fault::new(node.place, path, format!("is {}; a map is needed", node.shown())));
            return None;
        }
        Some(Self { node, path: path.to_owned() })
    }

    pub(crate) fn place(&self) -> Place {
        self.node.place
    }

    pub(crate) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'n str, Place, &'n Node)> + use<'n> {
        let entries = self.node.entries().unwrap_or_default();
        entries.iter().map(|entry| (entry.key.as_str(), entry.place, &entry.node))
    }

    /// Faults every key that is not allowed.
    pub(crate) fn allow(&self, allowed: &[&str], faults: &mut Faults) {
        for (key, place, _) in self.entries() {
            if !allowed.contains(&key) && key.contains([')', '(']) {
                let message = "is the rest of an expression that has a comma; put the expression in quotes";
                faults.push(Fault::new(place, &self.key(key), message));
            } else if !allowed.contains(&key) {
                let hint = did_you_mean(key, allowed.iter().copied());
                let message = format!("is unknown{hint}; allowed are {}", allowed.join(", "));
                faults.push(Fault::new(place, &self.key(key), message));
            }
        }
    }

    /// Returns the value of a key that is there and not empty.
    pub(crate) fn find(&self, key: &str) -> Option<&'n Node> {
        self.node.find(key).filter(|node| !node.is_null())
    }

    pub(crate) fn missing(&self, key: &str, what: &str, faults: &mut Faults) {
        faults.push(Fault::new(self.place(), &self.key(key), format!("is missing; {what}")));
    }

    fn wrong(&self, key: &str, node: &Node, needed: &str, faults: &mut Faults) {
        let message = format!("is {}; {needed}", node.shown());
        faults.push(Fault::new(node.place, &self.key(key), message));
    }

    pub(crate) fn section(&self, key: &str, faults: &mut Faults) -> Option<Self> {
        Self::open(self.find(key)?, &self.key(key), faults)
    }

    pub(crate) fn text(&self, key: &str, faults: &mut Faults) -> Option<String> {
        let node = self.find(key)?;
        let text = node.text();
        if text.is_none() {
            self.wrong(key, node, "a text is needed", faults);
        }
        text.map(str::to_owned)
    }

    pub(crate) fn count(&self, key: &str, faults: &mut Faults) -> Option<u64> {
        let node = self.find(key)?;
        let count = node.text().and_then(|text| text.parse().ok());
        if count.is_none() {
            self.wrong(key, node, "a whole number, 0 or more, is needed", faults);
        }
        count
    }

    pub(crate) fn flag(&self, key: &str, faults: &mut Faults) -> Option<bool> {
        let node = self.find(key)?;
        let flag = node.as_bool();
        if flag.is_none() {
            self.wrong(key, node, "true or false", faults);
        }
        flag
    }

    /// Returns a scalar that parses.
    pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        key: &str,
        faults: &mut Faults,
    ) -> Option<T> {
        let text = self.text(key, faults)?;
        let node = self.find(key)?;
        text.parse()
            .map_err(|error| faults.push(Fault::new(node.place, &self.key(key), format!("{error}"))))
            .ok()
    }

    /// Returns a list of texts.
    pub(crate) fn texts(&self, key: &str, faults: &mut Faults) -> Option<Vec<String>> {
        let node = self.find(key)?;
        let texts: Option<Vec<String>> = match &node.value {
            Value::List(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
            _ => None,
        };
        if texts.is_none() {
            self.wrong(key, node, "a list of texts is needed", faults);
        }
        texts
    }

    /// Returns an expression; a bare number is one, too.
    pub(crate) fn expression(&self, key: &str, faults: &mut Faults) -> Option<Located> {
        located(self.find(key)?, &self.key(key), faults)
    }
}

/// Parses a scalar as an expression.
pub(crate) fn located(node: &Node, key: &str, faults: &mut Faults) -> Option<Located> {
    let Some(text) = node.text() else {
        let message = format!("is {}; an expression is needed, such as `close > open`", node.shown());
        faults.push(Fault::new(node.place, key, message));
        return None;
    };
    match parse(text) {
        Ok(expression) => {
            Some(Located { expression, text: text.to_owned(), place: node.place, key: key.to_owned() })
        }
        Err(error) => {
            faults.push(Fault::expression(node.place, key, text, &error));
            None
        }
    }
}
