//! The route table.
//!
//! | path | file |
//! |---|---|
//! | POST `/api/v1/sync`, `/sync/incremental`; GET `/sync`, `/sync/{job_id}`; POST `/sync/{job_id}/cancel` | `sync.rs` |
//! | POST `/api/v1/ensure` | `ensure.rs` |
//! | GET `/api/v1/ohlcv` | `ohlcv.rs` |
//! | GET `/api/v1/symbols`, `/symbols/{key}/versions`; POST `/symbols/{key}/rollback` | `symbols.rs` |
//! | GET `/api/v1/exchanges`, `/exchanges/{exchange}/markets`, `/timeframes`, `/status` | `exchanges.rs` |
//! | GET `/api/v1/freshness`, `/coverage`, `/gaps`, `/quality` | `completeness.rs` |
//! | GET, POST `/api/v1/snapshots` | `snapshots.rs` |
//! | GET `/api/v1/funding`, `/tickers` | `market_data.rs` |
//! | GET, PUT `/api/v1/schedules` | `schedules.rs` |
//! | POST `/api/v1/import`, `/export` | `files.rs` |
//! | GET `/ws/ohlcv`, `/ws/tickers`, and the same below `/api/v1`; `/ohlcv/events`, `/tickers/events` | `streams.rs` |
//!
//! Handlers parse, call a use case and present. Reading needs no more than the role viewer, collecting and changing
//! the role trader.

mod completeness;
mod ensure;
mod exchanges;
mod files;
mod live;
mod market_data;
mod ohlcv;
mod parse;
mod problem;
mod schedules;
mod series_view;
mod snapshots;
mod state;
mod streams;
mod symbols;
mod sync;
mod sync_view;

use tradai_service::axum::routing::get;
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::utoipa_axum::routes;
use tradai_service::{axum, utoipa};

pub(crate) use live::Hubs;
pub(crate) use state::State;

/// Returns the routes that read, change in place or repeat safely, and those that create or trigger.
pub(crate) fn routes(state: State) -> (OpenApiRouter, OpenApiRouter) {
    let read = OpenApiRouter::new()
        .routes(routes!(sync::list))
        .routes(routes!(sync::show))
        .routes(routes!(ohlcv::read))
        .routes(routes!(symbols::list))
        .routes(routes!(symbols::versions))
        .routes(routes!(exchanges::list))
        .routes(routes!(exchanges::markets))
        .routes(routes!(exchanges::timeframes))
        .routes(routes!(exchanges::status))
        .routes(routes!(completeness::freshness))
        .routes(routes!(completeness::coverage))
        .routes(routes!(completeness::gaps))
        .routes(routes!(completeness::quality))
        .routes(routes!(market_data::funding))
        .routes(routes!(market_data::tickers))
        .routes(routes!(schedules::read, schedules::replace))
        .routes(routes!(files::export))
        .routes(routes!(streams::ohlcv))
        .routes(routes!(streams::tickers))
        .routes(routes!(streams::ohlcv_events))
        .routes(routes!(streams::tickers_events))
        .route("/api/v1/ws/ohlcv", get(streams::ohlcv))
        .route("/api/v1/ws/tickers", get(streams::tickers));
    let create = OpenApiRouter::new()
        .routes(routes!(sync::start))
        .routes(routes!(sync::start_incremental))
        .routes(routes!(sync::cancel))
        .routes(routes!(ensure::ensure))
        .routes(routes!(snapshots::list, snapshots::create))
        .routes(routes!(symbols::rollback))
        .routes(routes!(files::import));
    (read.with_state(state.clone()), create.with_state(state))
}
