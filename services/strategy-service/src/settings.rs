//! What the service is told from outside.

use tradai_platform::settings::sections::{HttpSettings, LogSettings, StateSettings};
use tradai_platform::settings::{Reader, Settings as HostSettings};
use tradai_platform::topology::topology;
use tradai_service::HttpHost;

/// The settings of the service.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Address and limits.
    pub http: HttpSettings,
    /// Logs.
    pub log: LogSettings,
    /// Where state is kept.
    pub state: StateSettings,
}

impl HostSettings for Settings {
    const SERVICE: &'static str = "strategy-service";
    const PREFIX: &'static str = "STRATEGY_SERVICE_";

    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            http: HttpSettings::read(reader, topology().port("strategy-service").unwrap_or_default()),
            log: LogSettings::read(reader),
            state: StateSettings::read(reader),
        }
    }
}

impl HttpHost for Settings {
    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }
}
