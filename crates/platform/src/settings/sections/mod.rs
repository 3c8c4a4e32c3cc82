//! Settings that several hosts share, one struct per concern.

mod arctic;
mod auth;
mod http;
mod jwt;
mod log;
mod mlflow;
mod state;

pub use arctic::ArcticSettings;
pub use auth::{ApiKeySetting, AuthSettings, Credentials, KeyHash, KeyScope, Role};
pub use http::{HttpLimits, HttpSettings};
pub use jwt::{JwksSource, JwtSettings};
pub use log::{LogFormat, LogLevels, LogSettings};
pub use mlflow::MlflowSettings;
pub use state::StateSettings;
