//! What the service is told from outside.

use std::path::PathBuf;

use tradai_platform::settings::sections::{HttpSettings, LogSettings, StateSettings};
use tradai_platform::settings::{Environment, Reader, Settings as HostSettings};
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
    /// The folder of strategies beside those that ship.
    pub strategy_path: PathBuf,
    /// Address of the MLflow server, for configs that name it by `${MLFLOW_TRACKING_URI}`.
    pub mlflow_tracking_uri: Option<String>,
    /// Further variables of this process that configs may read by `${NAME}`.
    pub config_variables: Vec<String>,
    /// The environment of this process.
    pub environment: Environment,
}

impl HostSettings for Settings {
    const SERVICE: &'static str = "strategy-service";
    const PREFIX: &'static str = "STRATEGY_SERVICE_";
    const ABOUT: &'static str = "Knows which strategies there are, and keeps the versions of their configs.";

    fn read(reader: &mut Reader<'_>) -> Self {
        let http = HttpSettings::read(reader, topology().port(Self::SERVICE).unwrap_or_default());
        let log = LogSettings::read(reader);
        let state = StateSettings::read(reader);
        let folder =
            reader.key("STRATEGY_PATH", "folder of strategies beside those that ship; made if missing");
        let folder: Option<String> = folder.optional();
        let tracking_uri =
            reader.key("MLFLOW_TRACKING_URI", "address of the MLflow server, as configs see it");
        let mlflow_tracking_uri = tracking_uri.also(&["MLFLOW_TRACKING_URI"]).optional();
        let config_variables = reader
            .key(
                "CONFIG_VARIABLES",
                "variables that configs may read by ${NAME}; whoever pushes a config sees them",
            )
            .also(&["CONFIG_VARIABLES"])
            .list(&[]);
        Self {
            strategy_path: folder.map_or_else(|| state.strategies(), PathBuf::from),
            http,
            log,
            state,
            mlflow_tracking_uri,
            config_variables,
            environment: reader.environment(),
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
