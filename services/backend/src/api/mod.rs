//! The route table.
//!
//! | path | file |
//! |---|---|
//! | POST `/api/v1/backtests`, `/api/v1/backtest`; `/backtests` leads there | `submit.rs` |
//! | GET `/api/v1/backtests`, `/backtests/{job_id}`; DELETE `/backtests/{job_id}`; POST `/backtests/{job_id}/cancel` | `backtests.rs` |
//! | GET `/ws/backtests/{job_id}`, `/ws/jobs`, and the same below `/api/v1`; GET `/api/v1/backtests/{job_id}/events`, `/api/v1/jobs/events` | `streams.rs` |
//! | GET `/api/v1/backtests/{job_id}/metrics`, `/trades`, `/equity`, `/manifest`, `/logs` | `results.rs` |
//! | GET `/api/v1/backtests/{job_id}/report.html`, `/report-data` | `report.rs` |
//! | POST `/api/v1/backtests/compare` | `compare.rs` |
//! | GET `/api/v1/strategies`, `/strategies/{name}` | `strategies.rs` |
//! | POST `/api/v1/strategies/{name}/stage` | `stage.rs` |
//! | POST `/api/v1/backtests/{job_id}/verify`; GET, DELETE `/verification` | `verify.rs` |
//! | GET `/api/v1/executors` | `executors.rs` |
//! | GET `/api/v1/audit`, `/traces/{trace_id}` | `journal.rs` |
//! | GET, POST `/api/v1/batches`; GET `/batches/{batch_id}`; POST `/batches/{batch_id}/cancel` | `batches.rs` |
//! | GET `/api/v1/workflows`, `/workflows/{execution}`, `/{execution}/history`; POST `/{execution}/stop` | `workflows.rs` |
//! | GET, POST `/api/v1/api-keys`; GET, DELETE `/api-keys/{id}` | `api_keys.rs` |
//!
//! Handlers parse, call a use case and present. The role viewer reads, trader submits and cancels, admin deletes.

mod api_keys;
mod backtests;
mod batches;
mod compare;
mod executors;
mod format;
mod job_view;
mod journal;
mod message;
mod problem;
mod report;
mod results;
mod stage;
mod state;
mod strategies;
mod streams;
mod submit;
mod verify;
mod workflows;
mod written;

use tradai_service::axum::routing::{any, get};
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::utoipa_axum::routes;
use tradai_service::{axum, utoipa};

pub(crate) use api_keys::KeyRing;
pub(crate) use executors::ExecutorsBody;
pub(crate) use state::{Shared, State};
pub(crate) use written::Written;

/// Returns the routes. None of them needs the shared layer for `Idempotency-Key`: submitting binds the key to the
/// job in the transaction that stores it, and the others repeat safely.
pub(crate) fn routes(state: State) -> OpenApiRouter {
    let alias = OpenApiRouter::new().routes(routes!(submit::submit_alias));
    let (alias, mut alias_spec) = alias.split_for_parts();
    let operations = alias_spec.paths.paths.values_mut().filter_map(|path| path.post.as_mut());
    operations.for_each(|operation| operation.deprecated = Some(utoipa::openapi::Deprecated::True));
    OpenApiRouter::new()
        .routes(routes!(backtests::list, submit::submit))
        .routes(routes!(backtests::show, backtests::delete))
        .routes(routes!(backtests::cancel))
        .routes(routes!(results::metrics))
        .routes(routes!(results::trades))
        .routes(routes!(results::equity))
        .routes(routes!(results::manifest))
        .routes(routes!(results::logs))
        .routes(routes!(report::report))
        .routes(routes!(report::report_data))
        .routes(routes!(compare::compare))
        .routes(routes!(verify::verify))
        .routes(routes!(verify::show, verify::cancel))
        .routes(routes!(batches::list, batches::submit))
        .routes(routes!(batches::show))
        .routes(routes!(batches::cancel))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::show, api_keys::revoke))
        .routes(routes!(workflows::list))
        .routes(routes!(workflows::show))
        .routes(routes!(workflows::history))
        .routes(routes!(workflows::stop))
        .routes(routes!(executors::show))
        .routes(routes!(journal::audit))
        .routes(routes!(journal::trace))
        .routes(routes!(strategies::list))
        .routes(routes!(strategies::show))
        .routes(routes!(stage::stage))
        .routes(routes!(streams::backtest_socket))
        .routes(routes!(streams::jobs_socket))
        .routes(routes!(streams::backtest_events))
        .routes(routes!(streams::jobs_events))
        .route("/api/v1/ws/backtests/{job_id}", get(streams::backtest_socket))
        .route("/api/v1/ws/jobs", get(streams::jobs_socket))
        .route("/backtests", any(submit::moved))
        .merge(OpenApiRouter::with_openapi(alias_spec).merge(submit::ALIAS.layer(alias).into()))
        .with_state(state)
}
