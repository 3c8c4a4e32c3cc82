//! Rules of a `Choice`.

use serde_json::Value;

use super::reader::{Faults, Fields};
use crate::workflow::fault::WorkflowFault;
use crate::workflow::moment;
use crate::workflow::path::{Path, Scope};

/// How deep rules may be in one another.
const MAX_DEPTH: usize = 20;

/// A rule: it matches or not.
#[derive(Debug, Clone)]
pub(in crate::workflow) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test { variable: Path, test: Test },
}

/// What is asked of a variable.
#[derive(Debug, Clone)]
pub(in crate::workflow) enum Test {
    /// Whether it is of a kind, or is not.
    Is(Nature, bool),
    Compare(Kind, Comparison, Operand),
    /// Text with `*` for any characters; `\*` is an asterisk.
    Matches(String),
}

#[derive(Debug, Clone, Copy)]
pub(in crate::workflow) enum Nature {
    Present,
    Null,
    Numeric,
    Text,
    Boolean,
    Timestamp,
}

/// What is compared; values of another kind do not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workflow) enum Kind {
    Text,
    Numeric,
    Boolean,
    Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::workflow) enum Comparison {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

#[derive(Debug, Clone)]
pub(in crate::workflow) enum Operand {
    Value(Value),
    Path(Path),
}

const NATURES: [(&str, Nature); 6] = [
    ("IsPresent", Nature::Present),
    ("IsNull", Nature::Null),
    ("IsNumeric", Nature::Numeric),
    ("IsString", Nature::Text),
    ("IsBoolean", Nature::Boolean),
    ("IsTimestamp", Nature::Timestamp),
];
const KINDS: [(&str, Kind); 4] = [
    ("String", Kind::Text),
    ("Numeric", Kind::Numeric),
    ("Boolean", Kind::Boolean),
    ("Timestamp", Kind::Timestamp),
];
const COMPARISONS: [(&str, Comparison); 5] = [
    ("Equals", Comparison::Equals),
    ("LessThan", Comparison::LessThan),
    ("GreaterThan", Comparison::GreaterThan),
    ("LessThanEquals", Comparison::LessThanEquals),
    ("GreaterThanEquals", Comparison::GreaterThanEquals),
];

impl Rule {
    /// Reads an entry of `Choices`: a rule and where it leads.
    pub(super) fn parse_choice(value: &Value, place: &str, faults: &mut Faults) -> Option<(Self, String)> {
        let mut fields = Fields::new(value, place.to_owned(), faults)?;
        let next = fields.needed_text("Next", faults);
        Self::parse(value, place, 0, true, faults).map(|rule| (rule, next))
    }

    fn parse(value: &Value, place: &str, depth: usize, is_choice: bool, faults: &mut Faults) -> Option<Self> {
        let map = value.as_object().or_else(|| {
            faults.add(place, "must be an object");
            None
        })?;
        if depth > MAX_DEPTH {
            faults.add(place, format!("has rules in one another deeper than {MAX_DEPTH}"));
            return None;
        }
        let known = |name: &str| name == "Comment" || name == "Variable" || (is_choice && name == "Next");
        let mut operators = map.iter().filter(|(name, _)| !known(name));
        let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
            faults.add(place, "must have one operator, such as StringEquals, And or Not");
            return None;
        };
        let place = format!("{place}.{operator}");
        let list = |faults: &mut Faults| {
            let rules = operand.as_array().filter(|rules| !rules.is_empty());
            if rules.is_none() {
                faults.add(&place, "must be an array of rules that is not empty");
            }
            let rules = rules.into_iter().flatten().enumerate();
            rules
                .filter_map(|(at, rule)| {
                    Self::parse(rule, &format!("{place}[{at}]"), depth + 1, false, faults)
                })
                .collect::<Vec<_>>()
        };
        match operator.as_str() {
            "And" => return Some(Self::And(list(faults))),
            "Or" => return Some(Self::Or(list(faults))),
            "Not" => {
                let rule = Self::parse(operand, &place, depth + 1, false, faults);
                return rule.map(|rule| Self::Not(Box::new(rule)));
            }
            _ => {}
        }
        let variable = map.get("Variable").and_then(Value::as_str).map(Path::parse);
        let test = Test::parse(operator, operand);
        if let Err(problem) = &test {
            faults.add(&place, problem);
        }
        match variable {
            Some(Ok(variable)) => test.ok().map(|test| Self::Test { variable, test }),
            _ => {
                faults.add(place, "needs a Variable beside it: a path");
                None
            }
        }
    }

    /// Returns whether the rule matches.
    pub(in crate::workflow) fn matches(&self, scope: Scope<'_>) -> Result<bool, WorkflowFault> {
        match self {
            Self::And(rules) => {
                rules.iter().try_fold(true, |so_far, rule| Ok(so_far && rule.matches(scope)?))
            }
            Self::Or(rules) => {
                rules.iter().try_fold(false, |so_far, rule| Ok(so_far || rule.matches(scope)?))
            }
            Self::Not(rule) => rule.matches(scope).map(|matches| !matches),
            Self::Test { variable, test: Test::Is(Nature::Present, expected) } => {
                Ok(variable.find(scope).is_some() == *expected)
            }
            Self::Test { variable, test } => {
                let value = variable.resolve(scope).map_err(|fault| WorkflowFault::runtime(fault.cause))?;
                test.passes(&value, scope)
            }
        }
    }
}

impl Test {
    fn parse(operator: &str, operand: &Value) -> Result<Self, String> {
        if let Some((_, nature)) = NATURES.iter().find(|(name, _)| *name == operator) {
            let expected = operand.as_bool().ok_or("must be true or false")?;
            return Ok(Self::Is(*nature, expected));
        }
        if operator == "StringMatches" {
            let pattern = operand.as_str().ok_or("must be a text")?;
            return Ok(Self::Matches(pattern.to_owned()));
        }
        let (name, is_path) = match operator.strip_suffix("Path") {
            Some(name) => (name, true),
            None => (operator, false),
        };
        let kind = KINDS.iter().find_map(|(prefix, kind)| Some((*kind, name.strip_prefix(prefix)?)));
        let (kind, rest) = kind.ok_or("is no operator of a choice")?;
        let comparison =
            COMPARISONS.iter().find(|(name, _)| *name == rest).map(|(_, comparison)| *comparison);
        let comparison = comparison.ok_or("is no operator of a choice")?;
        if kind == Kind::Boolean && !matches!(comparison, Comparison::Equals) {
            return Err("is no operator of a choice".to_owned());
        }
        if is_path {
            let path = operand.as_str().map(Path::parse).ok_or("must be a path")??;
            return Ok(Self::Compare(kind, comparison, Operand::Path(path)));
        }
        if !kind.fits(operand) {
            return Err(format!("must be {}", kind.name()));
        }
        Ok(Self::Compare(kind, comparison, Operand::Value(operand.clone())))
    }

    fn passes(&self, value: &Value, scope: Scope<'_>) -> Result<bool, WorkflowFault> {
        Ok(match self {
            Self::Is(nature, expected) => nature.of(value) == *expected,
            Self::Matches(pattern) => value.as_str().is_some_and(|text| matches_pattern(pattern, text)),
            Self::Compare(kind, comparison, operand) => {
                let other = match operand {
                    Operand::Value(value) => value.clone(),
                    Operand::Path(path) => {
                        path.resolve(scope).map_err(|fault| WorkflowFault::runtime(fault.cause))?
                    }
                };
                kind.compare(value, &other).is_some_and(|order| comparison.admits(order))
            }
        })
    }
}

impl Nature {
    fn of(self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Null => value.is_null(),
            Self::Numeric => value.is_number(),
            Self::Text => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => Kind::Timestamp.fits(value),
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Numeric => "a number",
            Self::Boolean => "true or false",
            Self::Timestamp => moment::EXAMPLE,
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Numeric => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => moment(value).is_some(),
        }
    }

    /// Returns how two values compare; `None` when one of them is of another kind.
    fn compare(self, one: &Value, other: &Value) -> Option<std::cmp::Ordering> {
        match self {
            Self::Text => Some(one.as_str()?.cmp(other.as_str()?)),
            Self::Numeric => one.as_f64()?.partial_cmp(&other.as_f64()?),
            Self::Boolean => Some(one.as_bool()?.cmp(&other.as_bool()?)),
            Self::Timestamp => Some(moment(one)?.cmp(&moment(other)?)),
        }
    }
}

fn moment(value: &Value) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    moment::parse(value.as_str()?)
}

impl Comparison {
    fn admits(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::GreaterThan => order.is_gt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

/// Returns whether a text is what a pattern says. Going back no further than the last asterisk keeps it quadratic.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (tokens(pattern), text.chars().collect::<Vec<_>>());
    let (mut at, mut in_text, mut star) = (0, 0, None);
    while in_text < text.len() {
        match pattern.get(at) {
            Some(Some(character)) if *character == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            Some(None) => {
                star = Some((at, in_text));
                at += 1;
            }
            _ => match star {
                Some((of_star, taken)) => {
                    star = Some((of_star, taken + 1));
                    at = of_star + 1;
                    in_text = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(Option::is_none)
}

/// Characters of a pattern; `None` stands for an asterisk that is not escaped.
fn tokens(pattern: &str) -> Vec<Option<char>> {
    let mut tokens = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => None,
            '\\' => Some(characters.next().unwrap_or('\\')),
            character => Some(character),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(rule: &Value) -> Result<bool, WorkflowFault> {
        let mut faults = Faults::default();
        let rule = Rule::parse(rule, "rule", 0, false, &mut faults);
        assert_eq!(faults.0, []);
        let data =
            json!({"s": "log-7.txt", "n": 5, "m": 5.0, "b": true, "z": null, "t": "2024-01-31T12:00:00Z"});
        rule.unwrap().matches(Scope { data: &data, context: &json!({}) })
    }

    #[test]
    fn operators_do_what_their_names_say() {
        for (rule, expected) in [
            (json!({"Variable": "$.s", "StringEquals": "log-7.txt"}), true),
            (json!({"Variable": "$.s", "StringLessThan": "m"}), true),
            (json!({"Variable": "$.s", "StringMatches": "log-*.txt"}), true),
            (json!({"Variable": "$.s", "StringMatches": "*7*"}), true),
            (json!({"Variable": "$.s", "StringMatches": "log-*.json"}), false),
            (json!({"Variable": "$.s", "StringMatches": r"log\*"}), false),
            (json!({"Variable": "$.n", "NumericEqualsPath": "$.m"}), true),
            (json!({"Variable": "$.n", "NumericGreaterThan": 4.5}), true),
            (json!({"Variable": "$.n", "NumericLessThanEquals": 4}), false),
            (json!({"Variable": "$.n", "StringEquals": "5"}), false),
            (json!({"Variable": "$.b", "BooleanEquals": true}), true),
            (json!({"Variable": "$.t", "TimestampGreaterThan": "2024-01-31T12:30:00+01:00"}), true),
            (json!({"Variable": "$.z", "IsNull": true}), true),
            (json!({"Variable": "$.none", "IsPresent": false}), true),
            (json!({"Variable": "$.z", "IsPresent": true}), true),
            (json!({"Variable": "$.t", "IsTimestamp": true}), true),
            (json!({"Variable": "$.s", "IsTimestamp": false}), true),
            (json!({"Not": {"Variable": "$.b", "BooleanEquals": true}}), false),
            (
                json!({"And": [{"Variable": "$.b", "IsBoolean": true}, {"Variable": "$.n", "IsNumeric": true}]}),
                true,
            ),
            (
                json!({"Or": [{"Variable": "$.b", "IsString": true}, {"Variable": "$.n", "IsString": true}]}),
                false,
            ),
            // What comes after the answer is clear is not looked at.
            (
                json!({"And": [{"Variable": "$.x", "IsPresent": true}, {"Variable": "$.x", "IsNull": true}]}),
                false,
            ),
        ] {
            assert_eq!(matches(&rule).unwrap(), expected, "{rule}");
        }
        let missing = matches(&json!({"Variable": "$.none", "StringEquals": "x"})).unwrap_err();
        assert_eq!(missing.error, "States.Runtime");
    }

    #[test]
    fn wrong_rules_say_what_is_allowed() {
        for (rule, part) in [
            (json!([]), "must be an object"),
            (json!({"Variable": "$.a"}), "must have one operator"),
            (json!({"Variable": "$.a", "IsNull": true, "IsString": true}), "must have one operator"),
            (json!({"Variable": "$.a", "StringEqual": "x"}), "is no operator"),
            (json!({"Variable": "$.a", "BooleanLessThan": true}), "is no operator"),
            (json!({"Variable": "$.a", "NumericEquals": "5"}), "must be a number"),
            (json!({"Variable": "$.a", "TimestampEquals": "today"}), "must be a moment"),
            (json!({"Variable": "a", "IsNull": true}), "needs a Variable"),
            (json!({"IsNull": true}), "needs a Variable"),
            (json!({"And": []}), "must be an array of rules"),
        ] {
            let mut faults = Faults::default();
            assert!(Rule::parse(&rule, "rule", 0, false, &mut faults).is_none() || !faults.0.is_empty());
            assert!(faults.0.iter().any(|fault| fault.problem.contains(part)), "{rule}: {faults:?}");
        }
    }
}
