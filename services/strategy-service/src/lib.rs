//! The strategy-service, port 8003: strategies, their config versions and how they resolve.

mod settings;

use std::error::Error;

use tradai_platform::settings::Inputs;
use tradai_platform::wiring::Wiring;
use tradai_service::{App, Service, Shutdown};

pub use crate::settings::Settings;

/// Opens what the settings name and returns the service. Must be called within a tokio runtime.
///
/// # Errors
/// When the state cannot be opened.
pub async fn start(settings: &Settings, shutdown: &Shutdown) -> Result<App, Box<dyn Error + Send + Sync>> {
    let wiring = Wiring::open(&settings.state, Inputs::of_process().environment)?;
    Ok(build(settings, &wiring, shutdown))
}

/// Returns the service over its ports. Must be called within a tokio runtime.
#[must_use]
pub fn build(settings: &Settings, wiring: &Wiring, shutdown: &Shutdown) -> App {
    Service::new("strategy-service", env!("CARGO_PKG_VERSION"), &settings.http, shutdown)
        .with_sources(wiring.clock.clone(), wiring.ids.clone())
        .build()
}
