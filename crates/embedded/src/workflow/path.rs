//! Paths into a state's data and into the context object.
//!
//! A reference path (`$.a.b[0]`) names one place; only it can be written to. Any other path is a query of RFC 9535,
//! and comes to a list of what it finds.

use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use super::fault::WorkflowFault;

/// Elements that a reference path may have.
const MAX_STEPS: usize = 100;
/// How far beyond an array's end a path may write; what lies between would be filled with null.
const MAX_INDEX: usize = 10_000;

/// A path of a document.
#[derive(Debug, Clone)]
pub(super) struct Path {
    text: String,
    is_context: bool,
    target: Target,
}

#[derive(Debug, Clone)]
enum Target {
    Place(Reference),
    Query(JsonPath),
}

/// One place in data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

/// What paths are looked up in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) data: &'a Value,
    pub(super) context: &'a Value,
}

impl Path {
    /// Reads a path: `$` and what follows is of the data, `$$` of the context object.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let is_context = text.starts_with("$$");
        let path = if is_context { &text[1..] } else { text };
        let target = match Reference::parse(path) {
            Some(reference) => Target::Place(reference),
            None => Target::Query(JsonPath::parse(path).map_err(|error| format!("is no path: {error}"))?),
        };
        Ok(Self { text: text.to_owned(), is_context, target })
    }

    /// Returns what the path finds: the value of a place, or the list of a query.
    pub(super) fn resolve(&self, scope: Scope<'_>) -> Result<Value, WorkflowFault> {
        let root = if self.is_context { scope.context } else { scope.data };
        match &self.target {
            Target::Query(query) => Ok(query.query(root).all().into_iter().cloned().collect()),
            Target::Place(place) => place
                .find(root)
                .cloned()
                .ok_or_else(|| WorkflowFault::parameter_path(format!("there is nothing at {}", self.text))),
        }
    }

    /// Returns what the path finds, or `None` when that is nothing.
    pub(super) fn find(&self, scope: Scope<'_>) -> Option<Value> {
        self.resolve(scope).ok().filter(|found| {
            matches!(self.target, Target::Place(_)) || found.as_array().is_some_and(|list| !list.is_empty())
        })
    }
}

impl Reference {
    /// Returns the path `$`.
    pub(super) fn whole() -> Self {
        Self(Vec::new())
    }

    /// Reads a reference path; `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() && steps.len() < MAX_STEPS {
            let (step, after) = Step::parse(rest)?;
            steps.push(step);
            rest = after;
        }
        rest.is_empty().then_some(Self(steps))
    }

    fn find<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }

    /// Puts a value at the place; objects on the way are made.
    pub(super) fn put(&self, root: Value, value: Value) -> Result<Value, WorkflowFault> {
        let mut root = root;
        let mut place = &mut root;
        for step in &self.0 {
            place = step.enter(place)?;
        }
        *place = value;
        Ok(root)
    }
}

impl Step {
    /// Reads the first step of a text that is not empty.
    fn parse(text: &str) -> Option<(Self, &str)> {
        if let Some(rest) = text.strip_prefix('.') {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            return (!name.is_empty() && name.chars().all(plain))
                .then(|| (Self::Field(name.to_owned()), rest));
        }
        let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
        let quoted = ['\'', '"'].iter().find_map(|quote| inside.strip_prefix(*quote)?.strip_suffix(*quote));
        if let Some(name) = quoted {
            return (!name.contains(['\\', '\'', '"'])).then(|| (Self::Field(name.to_owned()), rest));
        }
        Some((Self::Index(inside.parse().ok()?), rest))
    }

    fn enter<'a>(&self, place: &'a mut Value) -> Result<&'a mut Value, WorkflowFault> {
        match self {
            Self::Field(name) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                let object = place.as_object_mut();
                let object = object.ok_or_else(|| {
                    WorkflowFault::result_path(format!("{name:?} cannot be put into what is no object"))
                })?;
                Ok(object.entry(name.clone()).or_insert(Value::Null))
            }
            Self::Index(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let list = place.as_array_mut();
                let list = list.filter(|_| *index <= MAX_INDEX).ok_or_else(|| {
                    WorkflowFault::result_path(format!("[{index}] cannot be put into what is no such array"))
                })?;
                if list.len() <= *index {
                    list.resize(index + 1, Value::Null);
                }
                Ok(&mut list[*index])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolve(path: &str) -> Result<Value, WorkflowFault> {
        let data = json!({"a": {"b c": [1, {"x": 2}, 3]}, "n": null});
        let context = json!({"Execution": {"Name": "run"}});
        Path::parse(path).unwrap().resolve(Scope { data: &data, context: &context })
    }

    #[test]
    fn places_are_values_and_queries_are_lists() {
        assert_eq!(resolve("$.a['b c'][1].x").unwrap(), 2);
        assert_eq!(resolve("$.n").unwrap(), Value::Null);
        assert_eq!(resolve("$$.Execution.Name").unwrap(), "run");
        assert_eq!(resolve("$.a['b c'][?@ > 1]").unwrap(), json!([3]));
        assert_eq!(resolve("$..x").unwrap(), json!([2]));
        assert_eq!(resolve("$..nothing").unwrap(), json!([]));
        assert_eq!(resolve("$.a.nothing").unwrap_err().error, "States.ParameterPathFailure");
        assert_eq!(resolve("$$.nothing").unwrap_err().error, "States.ParameterPathFailure");
        for text in ["", "a", "$.", "$[", "$.a b", "$.a[?"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn results_are_put_where_the_path_says() {
        let put = |path: &str, root: Value| Reference::parse(path).unwrap().put(root, json!(7));
        assert_eq!(put("$", json!({"a": 1})).unwrap(), 7);
        assert_eq!(put("$.b.c", json!({"a": 1})).unwrap(), json!({"a": 1, "b": {"c": 7}}));
        assert_eq!(put("$.a", json!({"a": 1})).unwrap(), json!({"a": 7}));
        assert_eq!(put("$.l[1]", json!({"l": [1]})).unwrap(), json!({"l": [1, 7]}));
        assert_eq!(put("$.a.b", json!({"a": 1})).unwrap_err().error, "States.ResultPathMatchFailure");
        assert_eq!(
            put("$.l[99999999]", json!({"l": []})).unwrap_err().error,
            "States.ResultPathMatchFailure"
        );
        assert_eq!(Reference::parse("$.a[*]"), None);
    }
}
