//! Paths into a state's data and into the context object.
//!
//! A reference path (`$.a.b[0]`, `$.a[-1]`) names one place, and comes to the value there; only it can be written to.
//! Any other path is a query of RFC 9535, and comes to a list of what it finds, as in Step Functions, whose JsonPath
//! tells definite paths from others in the same way.

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
    /// The last item is 1.
    FromEnd(usize),
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
            Step::FromEnd(distance) => {
                let list = value.as_array()?;
                list.get(list.len().checked_sub(*distance)?)
            }
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
        // `.['name']` is a name in brackets too.
        if let Some(inside) = text.strip_prefix("[").or_else(|| text.strip_prefix(".[")) {
            let inside = inside.trim_start();
            let (step, rest) = match inside.chars().next()? {
                quote @ ('\'' | '"') => Self::quoted(&inside[1..], quote)?,
                _ => Self::index(inside)?,
            };
            return Some((step, rest.trim_start().strip_prefix(']')?));
        }
        let rest = text.strip_prefix('.')?;
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        (!name.is_empty() && name.chars().all(plain)).then(|| (Self::Field(name.to_owned()), rest))
    }

    /// Reads a name up to its closing quote.
    fn quoted(text: &str, quote: char) -> Option<(Self, &str)> {
        let mut name = String::new();
        let mut characters = text.char_indices();
        loop {
            match characters.next()? {
                (at, end) if end == quote => return Some((Self::Field(name), &text[at + 1..])),
                (_, '\\') => match characters.next()?.1 {
                    escaped @ ('\\' | '\'' | '"' | '/') => name.push(escaped),
                    // Those that stand for other characters are read by the query's grammar.
                    _ => return None,
                },
                (_, character) => name.push(character),
            }
        }
    }

    fn index(text: &str) -> Option<(Self, &str)> {
        let (is_from_end, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let number = digits[..end].parse().ok()?;
        let step = if is_from_end && number > 0 { Self::FromEnd(number) } else { Self::Index(number) };
        Some((step, &digits[end..]))
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
            Self::FromEnd(distance) => {
                let list = place.as_array_mut();
                let item = list.and_then(|list| {
                    let index = list.len().checked_sub(*distance)?;
                    list.get_mut(index)
                });
                item.ok_or_else(|| {
                    WorkflowFault::result_path(format!("there is no item [-{distance}] to put it at"))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolve(path: &str) -> Result<Value, WorkflowFault> {
        let data = json!({"a": {"b c": [1, {"x": 2}, 3]}, "n": null, "it's [0]": 4});
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
        for text in ["", "a", "$.", "$[", "$.a b", "$.a[?", "$.a[-]", "$.a[+1]", "$.a['b", "$.a['b'"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }

    /// As Step Functions reads them: a path of single names and single indexes comes to a value, however it is written.
    #[test]
    fn a_single_item_is_a_value_from_either_end() {
        assert_eq!(resolve("$.a['b c'][-1]").unwrap(), 3);
        assert_eq!(resolve("$.a['b c'][-2].x").unwrap(), 2);
        assert_eq!(resolve("$.a['b c'][-0]").unwrap(), 1);
        assert_eq!(resolve("$.a.[\"b c\"][ 0 ]").unwrap(), 1);
        assert_eq!(resolve(r"$['it\'s [0]']").unwrap(), 4);
        assert_eq!(resolve("$.a['b c'][-1:]").unwrap(), json!([3]));
        assert_eq!(resolve("$.a['b c'][0,-1]").unwrap(), json!([1, 3]));
        for nothing in ["$.a['b c'][-4]", "$.a[-1]", "$.n[-1]"] {
            assert_eq!(resolve(nothing).unwrap_err().error, "States.ParameterPathFailure", "{nothing}");
        }
    }

    #[test]
    fn results_are_put_where_the_path_says() {
        let put = |path: &str, root: Value| Reference::parse(path).unwrap().put(root, json!(7));
        assert_eq!(put("$", json!({"a": 1})).unwrap(), 7);
        assert_eq!(put("$.b.c", json!({"a": 1})).unwrap(), json!({"a": 1, "b": {"c": 7}}));
        assert_eq!(put("$.a", json!({"a": 1})).unwrap(), json!({"a": 7}));
        assert_eq!(put("$.l[1]", json!({"l": [1]})).unwrap(), json!({"l": [1, 7]}));
        assert_eq!(put("$.l[-1]", json!({"l": [1, 2]})).unwrap(), json!({"l": [1, 7]}));
        for (path, root) in [("$.l[-3]", json!({"l": [1, 2]})), ("$.l[-1]", json!({}))] {
            assert_eq!(put(path, root).unwrap_err().error, "States.ResultPathMatchFailure", "{path}");
        }
        assert_eq!(put("$.a.b", json!({"a": 1})).unwrap_err().error, "States.ResultPathMatchFailure");
        assert_eq!(
            put("$.l[99999999]", json!({"l": []})).unwrap_err().error,
            "States.ResultPathMatchFailure"
        );
        assert_eq!(Reference::parse("$.a[*]"), None);
    }
}
