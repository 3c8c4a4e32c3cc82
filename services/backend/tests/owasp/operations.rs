//! Every operation that a service's document lists, with a request that its types let through.

use serde_json::{Map, Value, json};
use tradai_service::App;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::platform::{Reply, Who, ask};

/// An operation of an OpenAPI document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    spec: Value,
}

/// Lists the operations of a service.
pub(crate) fn operations(app: &App) -> Vec<Operation> {
    let document: Value = serde_json::from_str(&tradai_service::write_spec(&app.spec)).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if item[method].is_object() {
                let (method, path) = (method.to_uppercase(), path.clone());
                operations.push(Operation { method, path, spec: document.clone() });
            }
        }
    }
    operations
}

impl Operation {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it may change something.
    pub(crate) fn changes(&self) -> bool {
        self.method != "GET"
    }

    pub(crate) fn is_socket(&self) -> bool {
        self.path.contains("/ws/")
    }

    fn details(&self) -> &Value {
        &self.spec["paths"][&self.path][self.method.to_lowercase()]
    }

    /// Sends a request with the least that the document asks for.
    pub(crate) async fn ask(&self, app: &App, who: Who) -> Reply {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.target());
        for parameter in self.parameters("header") {
            let name = parameter["name"].as_str().unwrap();
            if parameter["required"] == true {
                request = request.header(name, "\"1\"");
            }
        }
        let content = &self.details()["requestBody"]["content"];
        let (request, body) = match content["application/json"]["schema"].as_object() {
            Some(schema) => {
                let body = self.example(&Value::Object(schema.clone()), 0);
                (request.header("content-type", "application/json"), Body::from(body.to_string()))
            }
            None if content.is_object() => {
                (request.header("content-type", "application/octet-stream"), Body::from("x"))
            }
            None => (request, Body::empty()),
        };
        ask(app, who, request, body).await
    }

    fn parameters(&self, place: &str) -> Vec<&Value> {
        let parameters = self.details()["parameters"].as_array();
        parameters.into_iter().flatten().filter(|parameter| parameter["in"] == place).collect()
    }

    fn target(&self) -> String {
        let mut path = self.path.clone();
        for parameter in self.parameters("path") {
            let name = parameter["name"].as_str().unwrap();
            let value = if name == "job_id" { "018bcfe5-6800-7000-8000-0000000000aa" } else { "Example" };
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let required = self.parameters("query").into_iter().filter(|parameter| parameter["required"] == true);
        let query: Vec<String> =
            required.map(|parameter| format!("{}=1", parameter["name"].as_str().unwrap())).collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    /// A value of a schema: what is required, and no more.
    fn example(&self, schema: &Value, depth: usize) -> Value {
        if let Some(name) = schema["$ref"].as_str().filter(|_| depth < 10) {
            let name = name.rsplit('/').next().unwrap();
            return self.example(&self.spec["components"]["schemas"][name], depth + 1);
        }
        for either in ["oneOf", "anyOf", "allOf"] {
            if let Some(first) = schema[either].get(0) {
                return self.example(first, depth + 1);
            }
        }
        if let Some(value) = schema["enum"].get(0) {
            return value.clone();
        }
        match schema["type"].as_str().or_else(|| schema["type"].get(0)?.as_str()) {
            Some("string") => json!("x"),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            _ => {
                let names = schema["required"].as_array().into_iter().flatten();
                let pairs = names
                    .filter_map(Value::as_str)
                    .map(|name| (name.to_owned(), self.example(&schema["properties"][name], depth + 1)));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}
