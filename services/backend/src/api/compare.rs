//! Several backtests side by side.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_domain::JobId;
use tradai_service::axum::extract;
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{FieldFault, Json, Problem};

use super::problem::problem;
use super::state::State;
use crate::core::ResultFile;

/// Jobs of one comparison.
const MOST: usize = 20;

/// What to compare.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareBody {
    /// Completed jobs, 2 to 20.
    job_ids: Vec<String>,
}

/// Figures side by side.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ComparisonBody {
    /// The jobs, in the order of the request.
    jobs: Vec<ComparedBody>,
    /// The figures that are numbers: by name, one value per job in the order of `jobs`; `null` where a job has none.
    #[schema(value_type = Object)]
    figures: Map<String, Value>,
}

/// What the figures of a job refer to.
#[derive(Debug, Serialize, ToSchema)]
struct ComparedBody {
    job_id: String,
    strategy: Value,
    timeframe: Value,
    backtest_start: Value,
    backtest_end: Value,
    stake_currency: Value,
    /// Whether candles are made up.
    synthetic: Value,
}

/// Puts the figures of completed backtests side by side
#[utoipa::path(post, path = "/api/v1/backtests/compare", operation_id = "compare_backtests", tag = "results",
    request_body = CompareBody, responses(
    (status = 200, body = ComparisonBody),
    (status = 404, description = "A job is not there"),
    (status = 409, description = "A job is not completed"),
))]
pub(super) async fn compare(
    extract::State(state): extract::State<State>,
    Json(body): Json<CompareBody>,
) -> Result<Json<ComparisonBody>, Problem> {
    let ids = ids(&body.job_ids)?;
    let (mut jobs, mut statistics) = (Vec::new(), Vec::new());
    for id in ids {
        let mut result = state.core.results.document(id, ResultFile::Result).await.map_err(problem)?;
        statistics.push(result.remove("statistics").unwrap_or_default());
        jobs.push(compared(id, result));
    }
    Ok(Json(ComparisonBody { jobs, figures: figures(&statistics) }))
}

fn ids(texts: &[String]) -> Result<Vec<JobId>, Problem> {
    if !(2..=MOST).contains(&texts.len()) {
        let reason = format!("{} jobs; 2 to {MOST} are allowed", texts.len());
        return Err(Problem::fields(vec![FieldFault::body("/job_ids", reason)]));
    }
    let (mut ids, mut faults) = (Vec::new(), Vec::new());
    for (at, text) in texts.iter().enumerate() {
        match text.parse::<JobId>() {
            Ok(id) if ids.contains(&id) => {
                faults.push(FieldFault::body(format!("/job_ids/{at}"), "is named twice"));
            }
            Ok(id) => ids.push(id),
            Err(_) => faults.push(FieldFault::body(format!("/job_ids/{at}"), "is no id of a job: a UUID")),
        }
    }
    if faults.is_empty() { Ok(ids) } else { Err(Problem::fields(faults)) }
}

fn compared(id: JobId, mut result: Map<String, Value>) -> ComparedBody {
    let mut take = |name: &str| result.remove(name).unwrap_or_default();
    ComparedBody {
        job_id: id.to_string(),
        strategy: take("strategy"),
        timeframe: take("timeframe"),
        backtest_start: take("backtest_start"),
        backtest_end: take("backtest_end"),
        stake_currency: take("stake_currency"),
        synthetic: take("synthetic"),
    }
}

/// The numbers that any of the jobs has, in the order of the first that has them.
fn figures(statistics: &[Value]) -> Map<String, Value> {
    let mut figures = Map::new();
    for (name, _) in
        statistics.iter().filter_map(Value::as_object).flatten().filter(|(_, value)| value.is_number())
    {
        if !figures.contains_key(name) {
            let of_each = statistics.iter().map(|one| one.get(name).cloned().unwrap_or_default());
            figures.insert(name.clone(), of_each.collect());
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_stand_in_the_order_of_the_jobs() {
        let found =
            figures(&[json!({"trades": 3, "note": "x"}), json!({"sharpe": 1.5, "trades": 4}), Value::Null]);
        assert_eq!(Value::Object(found), json!({"trades": [3, 4, null], "sharpe": [null, 1.5, null]}));
    }
}
