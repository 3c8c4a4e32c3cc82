//! The MLflow server.

use secrecy::SecretString;

use crate::settings::Reader;

/// Where MLflow is and who we are there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MlflowSettings {
    /// The server's base address; `None`: no MLflow.
    pub tracking_uri: Option<String>,
    /// The user, where the server asks for one.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<SecretString>,
}

impl MlflowSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            tracking_uri: reader
                .key("MLFLOW_TRACKING_URI", "address of the MLflow server")
                .also(&["MLFLOW_TRACKING_URI"])
                .optional(),
            username: reader
                .key("MLFLOW_USERNAME", "user of the MLflow server")
                .also(&["MLFLOW_USERNAME", "MLFLOW_TRACKING_USERNAME"])
                .optional(),
            password: reader
                .key("MLFLOW_PASSWORD", "password of the MLflow server")
                .also(&["MLFLOW_PASSWORD", "MLFLOW_TRACKING_PASSWORD"])
                .secret(),
        }
    }
}
