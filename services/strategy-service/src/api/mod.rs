//! The route table.
//!
//! | path | file |
//! |---|---|
//! | GET `/api/v1/strategies`, `/strategies/{name}`; POST `/strategies/{name}/register` | `strategies.rs` |
//! | POST `/api/v1/strategies/validate` | `validate.rs` |
//! | POST `/api/v1/strategies/{name}/check` | `check.rs` |
//! | GET, POST `/api/v1/strategies/{name}/configs`; GET `…/configs/active`, `…/configs/diff`, `…/configs/{config_id}` | `configs.rs` |
//! | POST `/api/v1/strategies/{name}/configs/{config_id}/activate`, `…/deprecate` | `configs.rs` |
//! | GET `/api/v1/strategies/{name}/resolved-config`; POST `/strategies/merge` | `resolve.rs` |
//! | GET `/api/v1/strategies/schema`, `/indicators` | `language.rs` |
//!
//! Handlers parse, call a use case and present. Reading, checking and merging need no more than the role viewer;
//! registering, pushing, activating and deprecating the role trader: who may start a session may choose its config.

mod check;
mod config_view;
mod configs;
mod language;
mod parse;
mod problem;
mod resolve;
mod state;
mod strategies;
mod strategy_view;
mod validate;

use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::utoipa_axum::routes;
use tradai_service::{axum, utoipa};

pub(crate) use state::State;

/// Returns the routes that read or repeat safely, and those that create.
pub(crate) fn routes(state: State) -> (OpenApiRouter, OpenApiRouter) {
    let plain = OpenApiRouter::new()
        .routes(routes!(strategies::list_strategies))
        .routes(routes!(strategies::show_strategy))
        .routes(routes!(validate::validate_strategy))
        .routes(routes!(check::check_job))
        .routes(routes!(configs::show_active_config))
        .routes(routes!(configs::diff_configs))
        .routes(routes!(configs::show_config))
        .routes(routes!(configs::activate_config))
        .routes(routes!(configs::deprecate_config))
        .routes(routes!(resolve::resolved_config))
        .routes(routes!(resolve::merge_config))
        .routes(routes!(language::strategy_schema))
        .routes(routes!(language::list_indicators));
    let create = OpenApiRouter::new()
        .routes(routes!(strategies::register_strategy))
        .routes(routes!(configs::list_configs, configs::push_config));
    (plain.with_state(state.clone()), create.with_state(state))
}
