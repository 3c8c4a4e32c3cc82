//! What two configs differ in.

use serde_json::{Map, Value};

/// One value that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where it is: keys from the outside in.
    pub path: Vec<String>,
    /// What it was; `None` where it is new.
    pub before: Option<Value>,
    /// What it is; `None` where it is gone.
    pub after: Option<Value>,
}

/// Returns what differs, by path. Objects are looked into, arrays are compared as a whole.
pub(super) fn diff(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(before, after, &mut Vec::new(), &mut differences);
    differences.sort_by(|one, other| one.path.cmp(&other.path));
    differences
}

fn compare(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    path: &mut Vec<String>,
    found: &mut Vec<Difference>,
) {
    let added = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(added) {
        path.push(key.clone());
        match (before.get(key), after.get(key)) {
            (Some(Value::Object(one)), Some(Value::Object(other))) => compare(one, other, path, found),
            (one, other) if one != other => {
                let (before, after) = (one.cloned(), other.cloned());
                found.push(Difference { path: path.clone(), before, after });
            }
            _ => {}
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_by_their_path() {
        let map = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let before = map(r#"{"a": 1, "b": {"x": 1, "y": [1]}, "gone": null, "same": {"k": 1}}"#);
        let after = map(r#"{"b": {"x": 2, "y": [1, 2]}, "a": 1, "new": 3, "same": {"k": 1}}"#);
        let found: Vec<String> = diff(&before, &after)
            .into_iter()
            .map(|difference| {
                let side =
                    |value: Option<Value>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
                let (before, after) = (side(difference.before), side(difference.after));
                format!("{} {before} {after}", difference.path.join("."))
            })
            .collect();
        assert_eq!(found, ["b.x 1 2", "b.y [1] [1,2]", "gone null -", "new - 3"]);
        assert!(diff(&after, &after).is_empty());
    }
}
