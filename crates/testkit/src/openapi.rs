//! What the OpenAPI document of every service is held to.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use crate::checked_in;

/// Checks a document as it is served: it is the file that is checked in, of OpenAPI 3.1, has every operation of the
/// design (a path and its methods, between spaces), and no two operations have one name. Returns it.
#[track_caller]
pub fn openapi(file: impl AsRef<Path>, served: &str, design: &[(&str, &str)]) -> Value {
    checked_in(file, served);
    let document: Value = serde_json::from_str(served).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in design {
        for method in methods.split(' ') {
            assert!(document["paths"][path][method].is_object(), "{method} {path}");
        }
    }
    let mut names = BTreeSet::new();
    for operation in
        document["paths"].as_object().unwrap().values().filter_map(Value::as_object).flat_map(Map::values)
    {
        // What is no operation (`parameters`, `summary`) is a list or a text.
        let Some(name) = operation.is_object().then(|| operation["operationId"].as_str()) else { continue };
        assert!(names.insert(name), "{name:?} names two operations");
    }
    document
}
