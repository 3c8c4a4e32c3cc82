//! Variables in the values of a config: `${NAME}` and `${NAME:-default}`.

use std::collections::BTreeMap;

use serde_json::Value;

/// Puts variables into every text of a value, keys left alone; one that is empty counts as not set. A variable without
/// value and default is a fault, named with its path.
pub(super) fn interpolate(
    value: &mut Value,
    variables: &BTreeMap<String, String>,
    path: &str,
    faults: &mut Vec<String>,
) {
    match value {
        Value::String(text) => match resolve(text, variables) {
            Ok(resolved) => *text = resolved,
            Err(name) => faults.push(format!("{path}: the variable {name} is not set and has no default")),
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                interpolate(item, variables, &format!("{path}[{index}]"), faults);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                interpolate(item, variables, &path, faults);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the text with its variables' values, or the name of one that has none. What a variable holds is not looked
/// at again, so that no value can ask for another one.
fn resolve(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((variable, behind)) = after.split_once('}') else { break };
        resolved.push_str(before);
        let (name, default) = match variable.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (variable, None),
        };
        let value = variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
        resolved.push_str(value.or(default).ok_or_else(|| name.chars().take(60).collect::<String>())?);
        rest = behind;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn variables_defaults_and_what_is_neither() {
        let set = BTreeMap::from([("A".to_owned(), "1".to_owned()), ("EMPTY".to_owned(), String::new())]);
        for (text, expected) in [
            ("plain", Ok("plain")),
            ("x${A}y${A:-2}", Ok("x1y1")),
            ("${B:-http://localhost:5001}/api", Ok("http://localhost:5001/api")),
            ("${B:-}", Ok("")),
            ("${EMPTY:-d}", Ok("d")),
            ("${B}", Err("B")),
            ("${A", Ok("${A")),
            ("$A {A}", Ok("$A {A}")),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(resolve(text, &set), expected, "{text}");
        }
        let mut value = serde_json::json!({"a": ["${A}", {"b": "${MISSING}"}], "n": 1});
        let mut faults = Vec::new();
        interpolate(&mut value, &set, "", &mut faults);
        assert_eq!(value["a"][0], "1");
        assert_eq!(faults, ["a[1].b: the variable MISSING is not set and has no default"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,60}", value in ".{0,10}") {
            let set = BTreeMap::from([("A".to_owned(), value)]);
            let resolved = resolve(&text, &set);
            if !text.contains("${") {
                prop_assert_eq!(resolved, Ok(text));
            }
        }
    }
}
