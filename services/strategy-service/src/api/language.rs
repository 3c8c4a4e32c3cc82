//! What strategies are written in.

use serde::Serialize;
use serde_json::Value;
use tradai_service::Json;
use tradai_service::axum::http::{HeaderName, header};
use tradai_service::axum::response::IntoResponse;
use tradai_service::utoipa::{self, ToSchema};
use tradai_strategy::indicators::{IndicatorSpec, Inputs, catalogue};

/// Shows the JSON Schema of `tradai.yaml`
///
/// For editors: it says which keys there are and what stands there. Whether expressions make sense is said by
/// `/strategies/validate`.
#[utoipa::path(get, path = "/api/v1/strategies/schema", tag = "language",
    responses((status = 200, body = Object, content_type = "application/schema+json")))]
pub(super) async fn strategy_schema() -> impl IntoResponse {
    let kind: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/schema+json")];
    (kind, tradai_strategy::declarative::schema().to_string())
}

/// An indicator.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IndicatorReply {
    /// TA-Lib's name in lower case.
    #[schema(example = "bbands")]
    name: &'static str,
    /// What it is.
    doc: &'static str,
    /// Columns of a candle that it reads.
    #[schema(example = json!(["close"]))]
    inputs: &'static [&'static str],
    /// Whether it can be computed on another column (`source`) in place of close.
    takes_source: bool,
    parameters: Vec<IndicatorParameterBody>,
    /// Its columns; one that is alone has the name of the declaration.
    outputs: &'static [&'static str],
    /// Candles before its first value, with defaults.
    lookback: usize,
}

/// A parameter of an indicator.
#[derive(Debug, Serialize, ToSchema)]
struct IndicatorParameterBody {
    #[schema(example = "timeperiod")]
    name: &'static str,
    #[schema(value_type = f64)]
    default: Value,
    #[schema(value_type = f64)]
    min: Value,
    #[schema(value_type = f64)]
    max: Value,
    /// Whether only whole numbers are allowed.
    integer: bool,
}

/// The indicators.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IndicatorsReply {
    /// By name.
    items: Vec<IndicatorReply>,
}

/// Lists the indicators that strategies can use
#[utoipa::path(get, path = "/api/v1/indicators", tag = "language", responses((status = 200, body = IndicatorsReply)))]
pub(super) async fn list_indicators() -> Json<IndicatorsReply> {
    let mut items: Vec<IndicatorReply> = catalogue().iter().map(indicator).collect();
    items.sort_unstable_by_key(|indicator| indicator.name);
    Json(IndicatorsReply { items })
}

fn indicator(spec: &IndicatorSpec) -> IndicatorReply {
    let parameters = spec.params.iter().map(|param| IndicatorParameterBody {
        name: param.name,
        default: number(param.default, param.integer),
        min: number(param.min, param.integer),
        max: number(param.max, param.integer),
        integer: param.integer,
    });
    IndicatorReply {
        name: spec.name,
        doc: spec.summary,
        inputs: spec.inputs.names(),
        takes_source: spec.inputs == Inputs::Series,
        parameters: parameters.collect(),
        outputs: spec.outputs,
        lookback: spec.lookback(&[]),
    }
}

/// Whole numbers without a point.
fn number(value: f64, is_whole: bool) -> Value {
    // Exact: whole parameters are far below 2^53.
    if is_whole { Value::from(value as i64) } else { Value::from(value) }
}
