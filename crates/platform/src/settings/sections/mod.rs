//! Settings that several hosts share, one struct per concern.

mod arctic;
mod auth;
mod http;
mod log;
mod mlflow;
mod state;

pub use arctic::ArcticSettings;
pub use auth::{ApiKeySetting, AuthSettings, KeyHash, Role};
pub use http::{HttpLimits, HttpSettings};
pub use log::{LogFormat, LogLevels, LogSettings};
pub use mlflow::MlflowSettings;
pub use state::StateSettings;
