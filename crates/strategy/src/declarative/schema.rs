//! `tradai.yaml` as a JSON Schema, for editors.
//!
//! It accepts every file that loads. It also accepts some that do not: what expressions mean, and which values fit
//! together, only reading the file says.

use serde_json::{Map, Value as Json, json};
use tradai_domain::Timeframe;

use super::hooks::{Answer, Hook};
use crate::expression::indicator;
use crate::indicators::{IndicatorSpec, catalogue};
use crate::settings::{IGNORED_KEYS, KNOWN_KEYS, REFUSED_KEYS};

/// Returns the JSON Schema (2020-12) of a strategy file.
#[must_use]
pub fn schema() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tradai.yaml",
        "description": "A strategy: who it is, its settings, signals and hooks.",
        "type": "object",
        "required": ["strategy"],
        "properties": {
            "strategy": header(),
            "settings": section("Settings by Freqtrade's names.", &settings()),
            "signals": signals(),
            "hooks": section("Answers to the engine's questions about single trades.", &hooks()),
            "strategy_service": section("Where candles come from and where they go.", &json!({
                "source": section("", &json!({"KIND": text()})),
                "adapter": section("", &json!({"KIND": text(), "bucket_name": text(), "library": text()})),
                "defaults": defaults(),
                "mlflow": mlflow(),
            })),
            "defaults": defaults(),
            "mlflow": mlflow(),
            "optimization": section("How parameters are searched.", &json!({
                "defaults": optimization_run(),
                "presets": {"type": ["object", "null"], "additionalProperties": optimization_run()},
            })),
            "deployment": section("How its container runs.", &json!({
                "ecr": section("", &json!({"repository": text()})),
                "ecs": section("", &json!({"cpu": count(), "memory": count()})),
            })),
        },
        "patternProperties": {"^x-": true},
        "additionalProperties": false,
    })
}

/// A map with these keys and no others; nothing stands for an empty one.
fn section(description: &str, properties: &Json) -> Json {
    let mut schema =
        json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false});
    if let (false, Some(map)) = (description.is_empty(), schema.as_object_mut()) {
        map.insert("description".to_owned(), description.into());
    }
    schema
}

/// Any scalar is a text.
fn text() -> Json {
    json!({"type": ["string", "number", "boolean", "null"]})
}

/// Whole numbers, with or without quotes.
fn count() -> Json {
    json!({"anyOf": [{"type": ["integer", "null"], "minimum": 0}, {"type": "string", "pattern": "^[+]?[0-9]+$"}]})
}

fn flag() -> Json {
    json!({"type": ["boolean", "null"]})
}

/// Expressions; a bare number or switch is one, too.
fn expression() -> Json {
    json!({"type": ["string", "number", "boolean", "null"], "description": "An expression, such as `close > open`."})
}

fn timeframe() -> Json {
    let mut all: Vec<Json> = Timeframe::ALL.iter().map(|timeframe| timeframe.as_str().into()).collect();
    all.push(Json::Null);
    json!({"enum": all, "description": "A candle length."})
}

fn header() -> Json {
    json!({
        "type": "object",
        "description": "Who the strategy is.",
        "required": ["name", "timeframe"],
        "properties": {
            "name": {"type": ["string", "boolean"], "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"},
            "version": text(),
            "entry_point": text(),
            "category": text(),
            "timeframe": timeframe(),
            "summary": text(),
        },
        "additionalProperties": false,
    })
}

/// Keys alone: what stands there is said by Freqtrade's own schema, and checked when the file is read.
fn settings() -> Json {
    let known =
        KNOWN_KEYS.iter().chain(IGNORED_KEYS).chain(&["exchange"]).map(|key| (*key, Json::Bool(true)));
    let refused = REFUSED_KEYS.iter().map(|(key, why)| {
        (
            *key,
            json!({"description": format!("Refused unless it is switched off: {why}."), "deprecated": true}),
        )
    });
    let mut map: Map<String, Json> =
        known.chain(refused).map(|(key, schema)| (key.to_owned(), schema)).collect();
    for (key, schema) in [
        ("timeframe", timeframe()),
        ("timeframe_detail", timeframe()),
        ("pair_whitelist", json!({"type": ["array", "null"], "items": {"type": "string"}})),
    ] {
        map.insert(key.to_owned(), schema);
    }
    Json::Object(map)
}

fn defaults() -> Json {
    section(
        "Settings under the names that configs have them.",
        &json!({"timerange": text(), "symbols": {"type": ["array", "null"], "items": {"type": "string"}},
            "stake_amount": {"type": ["number", "string", "null"]}, "max_open_trades": {"type": ["integer", "null"]}}),
    )
}

fn mlflow() -> Json {
    let keys = json!({"tracking_uri": text(), "experiment_name": text(), "auto_log_params": flag()});
    section("Where runs are tracked.", &keys)
}

fn optimization_run() -> Json {
    section(
        "",
        &json!({"epochs": count(), "loss_function": text(),
            "spaces": {"type": ["array", "null"], "items": text()}, "walk_forward": flag()}),
    )
}

fn signals() -> Json {
    let map_of = |schema: Json| json!({"type": ["object", "null"], "additionalProperties": schema});
    section(
        "Indicators, and when to enter and exit.",
        &json!({"parameters": map_of(parameter()), "indicators": map_of(declaration()),
            "entry": rules(), "exit": rules()}),
    )
}

fn parameter() -> Json {
    json!({
        "type": "object",
        "description": "Something that can be tuned.",
        "required": ["type", "default"],
        "properties": {
            "type": {"enum": ["int", "decimal", "bool", "categorical"]},
            "default": {"type": ["string", "number", "boolean"]},
            "range": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            "options": {"type": "array", "minItems": 1},
            "decimals": count(),
            "space": text(),
            "optimize": flag(),
        },
        "additionalProperties": false,
    })
}

/// An indicator of the catalogue, or an expression.
fn declaration() -> Json {
    let of_expression = json!({
        "type": "object",
        "required": ["expression"],
        "properties": {"expression": expression(), "timeframe": timeframe(), "pair": text()},
        "additionalProperties": false,
    });
    let all: Vec<Json> = catalogue().iter().map(of_indicator).chain([of_expression]).collect();
    json!({"anyOf": all})
}

fn of_indicator(spec: &IndicatorSpec) -> Json {
    let mut properties = Map::new();
    properties.insert("indicator".to_owned(), json!({"enum": [spec.name, spec.name.to_uppercase()]}));
    for param in spec.params {
        let mut schema = expression();
        if let Some(map) = schema.as_object_mut() {
            let whole = if param.integer { "whole number" } else { "number" };
            let description =
                format!("A {whole} from {} to {}, or an expression that is one.", param.min, param.max);
            map.insert("description".to_owned(), description.into());
            map.insert("default".to_owned(), param.default.into());
        }
        properties.insert(param.name.to_owned(), schema);
    }
    if indicator::takes_source(spec) {
        properties.insert("source".to_owned(), expression());
    }
    properties.insert("timeframe".to_owned(), timeframe());
    properties.insert("pair".to_owned(), text());
    json!({"type": "object", "description": spec.summary, "required": ["indicator"], "properties": properties,
        "additionalProperties": false})
}

fn rules() -> Json {
    let rule = json!({
        "type": "object",
        "required": ["when"],
        "properties": {"when": expression(), "side": {"enum": ["long", "short", null]}, "tag": text()},
        "additionalProperties": false,
    });
    json!({"anyOf": [{"type": "array", "items": rule}, rule, {"type": "null"}]})
}

fn hooks() -> Json {
    Json::Object(Hook::ALL.iter().map(|hook| (hook.as_str().to_owned(), answers(hook.answer()))).collect())
}

fn answers(answer: Answer) -> Json {
    let case = |value: Option<&str>, has_tag: bool| {
        let mut properties = Map::from_iter([("when".to_owned(), expression())]);
        properties.extend(value.map(|key| (key.to_owned(), expression())));
        properties.extend(has_tag.then(|| ("tag".to_owned(), text())));
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    };
    let cases = |case: Json| vec![json!({"type": "array", "items": case}), case];
    let all = match answer {
        Answer::Flag => vec![expression()],
        Answer::Number(key) => [cases(case(Some(key), false)), vec![expression()]].concat(),
        Answer::Tagged(key) => cases(case(Some(key), true)),
        Answer::Tag => cases(case(None, true)),
    };
    json!({"anyOf": all})
}
