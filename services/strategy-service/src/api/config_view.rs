//! Config versions as clients see them.

use serde::Serialize;
use serde_json::{Map, Value};
use tradai_domain::configs::ConfigVersion;
use tradai_domain::ports::PushedConfig;
use tradai_service::ETag;
use tradai_service::utoipa::{self, ToSchema};

use super::parse::date;

/// A config version without its content.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigSummary {
    strategy_name: String,
    #[schema(example = "v3-0f1e2d3c")]
    config_id: String,
    /// SHA-256 of the content, whatever the order of its keys.
    config_hash: String,
    /// `draft`, `active` or `deprecated`.
    status: &'static str,
    /// The how manyth version of the strategy, from 1.
    version_number: u32,
    created_at: String,
    /// When it was activated; `null` for one that never was.
    deployed_at: Option<String>,
    deprecated_at: Option<String>,
    /// When it is deleted; `null` unless it is deprecated.
    expires_at: Option<String>,
    /// The version that took its place.
    superseded_by: Option<String>,
    description: Option<String>,
}

/// A config version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigBody {
    #[serde(flatten)]
    summary: ConfigSummary,
    /// What it says.
    #[schema(value_type = Object)]
    config_data: Map<String, Value>,
}

/// A config version that was pushed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PushedBody {
    #[serde(flatten)]
    version: ConfigBody,
    /// Whether a version with this content was there before.
    duplicate: bool,
}

impl ConfigSummary {
    pub(super) fn of(version: &ConfigVersion) -> Self {
        Self {
            strategy_name: version.strategy_name.to_string(),
            config_id: version.config_id.to_string(),
            config_hash: version.config_hash.to_string(),
            status: version.status.as_str(),
            version_number: version.version_number,
            created_at: date(version.created_at),
            deployed_at: version.deployed_at.map(date),
            deprecated_at: version.deprecated_at.map(date),
            expires_at: version.expires_at().map(date),
            superseded_by: version.superseded_by.as_ref().map(ToString::to_string),
            description: version.description.clone(),
        }
    }
}

impl ConfigBody {
    pub(super) fn of(version: ConfigVersion) -> Self {
        Self { summary: ConfigSummary::of(&version), config_data: version.config_data }
    }
}

impl PushedBody {
    pub(super) fn of(pushed: PushedConfig) -> Self {
        Self { version: ConfigBody::of(pushed.version), duplicate: pushed.duplicate }
    }
}

/// Content never changes, so that id and status name what is shown.
pub(super) fn etag(version: &ConfigVersion) -> ETag {
    let since = version.deprecated_at.or(version.deployed_at).unwrap_or(version.created_at);
    ETag::new(&format!("{}-{}-{since}", version.config_id, version.status))
}
