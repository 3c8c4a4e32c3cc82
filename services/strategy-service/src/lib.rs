//! The strategy-service, port 8003: which strategies there are, whether a file is one, and the versions of their
//! configs. The backend, the command line, the dashboard and people call it.
//!
//! Routes are listed in [`api`]; the use cases are those of `tradai_control_plane::{strategies, configs}`. Strategies
//! are those that ship and those in a folder, which every program that runs jobs reads, too.
//!
//! Versions whose time is over are deleted by the platform's housekeeping, which the backend runs.
//!
//! Invariant: at most one config version of a strategy is active, however many instances there are; a file in the
//! folder is whole, and nobody's work is overwritten unseen.

pub mod api;
mod infrastructure;
mod settings;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tradai_control_plane::configs::{Configs, Variables};
use tradai_control_plane::strategies::Strategies;
use tradai_platform::wiring::Wiring;
use tradai_service::{App, Check, Service, Shutdown, StoredIdempotency, StoredKeys};

pub use crate::infrastructure::StrategyFolder;
pub use crate::settings::Settings;
use api::State;

/// How long a dependency may take to answer a health check.
const CHECK_PATIENCE: Duration = Duration::from_secs(3);

/// The outside world of the service: what [`start`] makes of settings, and tests by hand.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The platform's ports.
    pub wiring: Wiring,
    /// The folder of strategies.
    pub folder: StrategyFolder,
    /// What texts of configs may refer to.
    pub variables: Variables,
}

/// Opens what the settings name and returns the service. Must be called within a tokio runtime.
///
/// # Errors
/// When the state or the folder of strategies cannot be opened.
pub async fn start(settings: &Settings, shutdown: &Shutdown) -> Result<App, Box<dyn Error + Send + Sync>> {
    let environment = settings.environment.0.clone();
    let tracking_uri =
        settings.mlflow_tracking_uri.clone().map(|uri| ("MLFLOW_TRACKING_URI".to_owned(), uri));
    let let_in: Vec<String> =
        settings.config_variables.iter().cloned().chain(["MLFLOW_TRACKING_URI".to_owned()]).collect();
    let variables = environment.clone().into_iter().chain(tracking_uri);
    let parts = Parts {
        wiring: Wiring::open(&settings.state, environment)?,
        folder: StrategyFolder::open(&settings.strategy_path)?,
        variables: Variables::named(variables, &let_in),
    };
    Ok(build(settings, parts, shutdown))
}

/// Returns the service over its parts.
#[must_use]
pub fn build(settings: &Settings, parts: Parts, shutdown: &Shutdown) -> App {
    let Parts { wiring, folder, variables } = parts;
    let configs = Configs::new(wiring.configs.clone(), wiring.audit.clone(), wiring.clock.clone());
    let strategies = Strategies::new(Arc::new(folder.clone()), configs, variables);
    let idempotency = Arc::new(StoredIdempotency::new(wiring.idempotency.clone()));
    let service = Service::new("strategy-service", env!("CARGO_PKG_VERSION"), &settings.http, shutdown)
        .with_sources(wiring.clock.clone(), wiring.ids.clone())
        .built_from(tradai_runner::GIT_COMMIT)
        .used_tickets(idempotency.clone())
        .stored_keys(StoredKeys::new(wiring.api_keys.clone(), wiring.clock.clone(), &settings.http.auth))
        .check(state_check(&wiring))
        .check(folder_check(folder));
    let state = State { strategies, cursors: service.cursors() };
    let (plain, create) = api::routes(state);
    service.routes(plain).idempotent_routes(create, idempotency).build()
}

/// Nothing works without the state.
fn state_check(wiring: &Wiring) -> Check {
    let events = wiring.events.clone();
    Check::hard("state", CHECK_PATIENCE, move || {
        let events = events.clone();
        async move { events.newest().await.map(drop).map_err(|error| error.to_string()) }
    })
}

/// Strategies that ship are there without the folder.
fn folder_check(folder: StrategyFolder) -> Check {
    Check::soft("strategies", CHECK_PATIENCE, move || {
        let folder = folder.clone();
        async move { folder.ping().await.map_err(|error| error.to_string()) }
    })
}
