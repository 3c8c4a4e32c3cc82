//! Payload templates: JSON in which a field whose name ends in `.$` holds a path or a call instead of a value.

use serde_json::{Map, Value};

use super::fault::WorkflowFault;
use super::intrinsic::Call;
use super::path::{Path, Scope};
use super::random::Random;

/// A template.
#[derive(Debug, Clone)]
pub(super) enum Template {
    Value(Value),
    Expression(Expression),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
}

/// What a field `name.$` holds.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Path(Path),
    Call(Call),
}

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('$') {
            return Path::parse(text).map(Self::Path);
        }
        if text.starts_with("States.") {
            return Call::parse(text).map(Self::Call);
        }
        Err("is neither a path ($...) nor a call (States...)".to_owned())
    }

    pub(super) fn evaluate(&self, scope: Scope<'_>, random: &Random) -> Result<Value, WorkflowFault> {
        match self {
            Self::Path(path) => path.resolve(scope),
            Self::Call(call) => call.evaluate(scope, random),
        }
    }
}

impl Template {
    /// Reads a template; `fault` gets the place and the problem of each wrong field.
    pub(super) fn parse(value: &Value, place: &str, fault: &mut dyn FnMut(String, String)) -> Self {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter();
                Self::Object(
                    fields.filter_map(|(name, value)| Self::field(name, value, place, fault)).collect(),
                )
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                Self::Array(
                    items.map(|(at, item)| Self::parse(item, &format!("{place}[{at}]"), fault)).collect(),
                )
            }
            value => Self::Value(value.clone()),
        }
    }

    fn field(
        name: &str,
        value: &Value,
        place: &str,
        fault: &mut dyn FnMut(String, String),
    ) -> Option<(String, Self)> {
        let place = format!("{place}.{name}");
        let Some(plain) = name.strip_suffix(".$") else {
            return Some((name.to_owned(), Self::parse(value, &place, fault)));
        };
        let expression = match value.as_str() {
            Some(text) => Expression::parse(text),
            None => Err("must be a text: a path or a call".to_owned()),
        };
        match expression {
            Ok(expression) => Some((plain.to_owned(), Self::Expression(expression))),
            Err(problem) => {
                fault(place, problem);
                None
            }
        }
    }

    /// Fills the template in.
    pub(super) fn fill(&self, scope: Scope<'_>, random: &Random) -> Result<Value, WorkflowFault> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Expression(expression) => expression.evaluate(scope, random),
            Self::Array(items) => items.iter().map(|item| item.fill(scope, random)).collect(),
            Self::Object(fields) => {
                let mut filled = Map::with_capacity(fields.len());
                for (name, field) in fields {
                    filled.insert(name.clone(), field.fill(scope, random)?);
                }
                Ok(Value::Object(filled))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_filled_in_at_every_depth() {
        let template = json!({"a": 1, "b.$": "$.x", "c": [{"d.$": "$$.Execution.Name"}, "$.x"],
            "e": {"f.$": "States.Format('<{}>', $.x)"}});
        let mut faults = Vec::new();
        let template =
            Template::parse(&template, "Parameters", &mut |place, problem| faults.push((place, problem)));
        assert_eq!(faults, []);
        let (data, context) = (json!({"x": 7}), json!({"Execution": {"Name": "run"}}));
        let filled = template.fill(Scope { data: &data, context: &context }, &Random::new("s")).unwrap();
        let expected = json!({"a": 1, "b": 7, "c": [{"d": "run"}, "$.x"], "e": {"f": "<7>"}});
        assert_eq!(filled, expected);
    }

    #[test]
    fn every_wrong_field_is_told() {
        let template = json!({"a.$": "x", "b": [{"c.$": 1}], "d": {"e.$": "States.Nothing()"}});
        let mut places = Vec::new();
        Template::parse(&template, "Parameters", &mut |place, _| places.push(place));
        assert_eq!(places, ["Parameters.a.$", "Parameters.b[0].c.$", "Parameters.d.e.$"]);
    }
}
