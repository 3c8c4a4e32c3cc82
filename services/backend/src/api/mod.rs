//! The route table.
//!
//! | path | file |
//! |---|---|
//! | POST `/api/v1/backtests`, `/api/v1/backtest`; `/backtests` leads there | `submit.rs` |
//! | GET `/api/v1/backtests`, `/backtests/{job_id}`; DELETE `/backtests/{job_id}`; POST `/backtests/{job_id}/cancel` | `backtests.rs` |
//!
//! Handlers parse, call a use case and present. The role viewer reads, trader submits and cancels, admin deletes.

mod backtests;
mod job_view;
mod problem;
mod state;
mod submit;

use tradai_service::axum::routing::any;
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::utoipa_axum::routes;
use tradai_service::{axum, utoipa};

pub(crate) use state::State;

/// Returns the routes. None of them needs the shared layer for `Idempotency-Key`: submitting binds the key to the
/// job's id before the job is made, which also a restart in between does not undo, and the others repeat safely.
pub(crate) fn routes(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(backtests::list, submit::submit))
        .routes(routes!(submit::submit_alias))
        .routes(routes!(backtests::show, backtests::delete))
        .routes(routes!(backtests::cancel))
        .route("/backtests", any(submit::moved))
        .with_state(state)
}
