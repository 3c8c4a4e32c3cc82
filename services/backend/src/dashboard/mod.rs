//! The dashboard: pages for people, made on the server from the same use cases as the API.
//!
//! | path | file |
//! |---|---|
//! | GET `/`, `/jobs` | `jobs.rs` |
//! | GET `/jobs/{id}` | `job.rs` |
//! | POST `/jobs/{id}/cancel`, `/jobs/{id}/delete` | `actions.rs` |
//! | POST `/jobs/{id}/verify`, `/jobs/{id}/verification/cancel`; GET `/jobs/{id}/verification` | `verify.rs` |
//! | GET `/compare?job=…&job=…` | `compare.rs` |
//! | GET, POST `/backtests/new`; POST `/backtests/check` | `submit.rs` |
//! | GET `/strategies`, `/strategies/{name}` | `strategies.rs` |
//! | POST `/strategies/{name}/configs/{id}/activate` | `configs.rs` |
//! | GET `/data` | `data.rs` |
//! | GET `/health` | `health.rs` |
//! | GET `/assets/…` | `assets.rs` |
//!
//! Every page can be read without scripts. With them, events of jobs move progress bars, and parts of a page are
//! replaced by what the server makes of them anew: nothing is drawn in two ways, save results, which the report's
//! scripts draw. Invariants: text from outside only becomes text; a page asks for nothing from another origin; what
//! is not reachable is said in its place and is no error of the page.

mod actions;
mod assets;
mod batches;
mod catalog;
mod compare;
mod configs;
mod coverage;
mod data;
mod failure;
mod figures;
mod health;
mod imported;
mod job;
mod jobs;
mod login;
mod page;
mod params;
mod peers;
mod request;
mod results;
mod state;
mod strategies;
mod submit;
mod text;
mod verify;

use tradai_service::axum::Router;
use tradai_service::axum::response::Redirect;
use tradai_service::axum::routing::{get, post};

pub(crate) use login::sign_in_page;
pub(crate) use peers::Peers;
pub(crate) use state::{Dashboard, Executor};

/// Returns the routes.
pub(crate) fn routes(state: Dashboard) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/jobs") }))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(job::show))
        .route("/jobs/{id}/cancel", post(actions::cancel))
        .route("/jobs/{id}/delete", post(actions::delete))
        .route("/jobs/{id}/verify", post(verify::verify))
        .route("/jobs/{id}/verification", get(verify::show))
        .route("/jobs/{id}/verification/cancel", post(verify::cancel))
        .route("/batches", get(batches::list))
        .route("/batches/{id}", get(batches::show))
        .route("/batches/{id}/cancel", post(batches::cancel))
        .route("/compare", get(compare::compare))
        .route("/backtests/new", get(submit::new).post(submit::submit))
        .route("/backtests/check", post(submit::check))
        .route("/strategies", get(strategies::list))
        .route("/strategies/{name}", get(strategies::show))
        .route("/strategies/{name}/configs/{id}/activate", post(configs::activate))
        .route("/data", get(data::show))
        .route("/health", get(health::show))
        .with_state(state)
        .merge(assets::routes())
}
