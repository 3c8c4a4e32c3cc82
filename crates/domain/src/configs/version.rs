//! One version of a config, and its life.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ConfigHash, ConfigId};
use crate::Millis;
use crate::jobs::UnknownWord;
use crate::strategy_name::StrategyName;

/// How long a superseded version is kept: 90 days.
pub const DEPRECATED_TTL_MS: Millis = 90 * 86_400_000;

/// Where a version is in its life. Spoken in lower case, read in any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum ConfigStatus {
    /// It was pushed and is not in use.
    Draft,
    /// It is the one in use.
    Active,
    /// It was in use, or was given up.
    Deprecated,
}

impl ConfigStatus {
    /// Every status, in the order of a version's life.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Active, Self::Deprecated];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Deprecated => "deprecated",
        }
    }
}

impl fmt::Display for ConfigStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ConfigStatus {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::jobs::word("config status", text, &Self::ALL.map(|status| (status.as_str(), status)))
    }
}

impl TryFrom<String> for ConfigStatus {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ConfigStatus> for &'static str {
    fn from(status: ConfigStatus) -> Self {
        status.as_str()
    }
}

/// One version of a strategy's config. Its content never changes; its status goes forward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigVersion {
    /// The strategy.
    pub strategy_name: StrategyName,
    /// What the version is called.
    pub config_id: ConfigId,
    /// Hash of its content.
    pub config_hash: ConfigHash,
    /// Its content.
    pub config_data: Map<String, Value>,
    /// Where it is in its life.
    pub status: ConfigStatus,
    /// The how manyth version of the strategy, from 1; numbers are not used again.
    pub version_number: u32,
    /// When it was pushed.
    pub created_at: Millis,
    /// When it was activated; `None` for one that never was.
    pub deployed_at: Option<Millis>,
    /// When it was deprecated.
    pub deprecated_at: Option<Millis>,
    /// The version that took its place.
    pub superseded_by: Option<ConfigId>,
    /// What its author says of it.
    pub description: Option<String>,
}

impl ConfigVersion {
    /// Returns a draft.
    #[must_use]
    pub fn draft(
        strategy_name: StrategyName,
        version_number: u32,
        config_data: Map<String, Value>,
        description: Option<String>,
        created_at: Millis,
    ) -> Self {
        let config_hash = ConfigHash::of(&config_data);
        Self {
            strategy_name,
            config_id: ConfigId::new(version_number, &config_hash),
            config_hash,
            config_data,
            status: ConfigStatus::Draft,
            version_number,
            created_at,
            deployed_at: None,
            deprecated_at: None,
            superseded_by: None,
            description,
        }
    }

    /// Makes the version the one in use; nothing changes when it is. A deprecated version comes back this way.
    pub fn activate(&mut self, at: Millis) {
        if self.status != ConfigStatus::Active {
            self.status = ConfigStatus::Active;
            self.deployed_at = Some(at);
            self.deprecated_at = None;
            self.superseded_by = None;
        }
    }

    /// Takes the version out of use, in favour of another one if there is one; nothing changes when it is.
    pub fn deprecate(&mut self, by: Option<&ConfigId>, at: Millis) {
        if self.status != ConfigStatus::Deprecated {
            self.status = ConfigStatus::Deprecated;
            self.deprecated_at = Some(at);
            self.superseded_by = by.cloned();
        }
    }

    /// Returns when the version may be deleted; never unless it is deprecated.
    #[must_use]
    pub fn expires_at(&self) -> Option<Millis> {
        self.deprecated_at.map(|at| at.saturating_add(DEPRECATED_TTL_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_leaves_its_marks() {
        let mut version = ConfigVersion::draft("Demo".parse().unwrap(), 1, Map::new(), None, 5);
        assert_eq!((version.status, version.expires_at()), (ConfigStatus::Draft, None));
        version.activate(10);
        version.activate(11);
        assert_eq!((version.deployed_at, version.expires_at()), (Some(10), None));
        let next = ConfigId::new(2, &version.config_hash);
        version.deprecate(Some(&next), 20);
        version.deprecate(None, 21);
        assert_eq!(version.superseded_by, Some(next));
        assert_eq!(version.expires_at(), Some(20 + DEPRECATED_TTL_MS));
        version.activate(30);
        assert_eq!((version.expires_at(), version.superseded_by), (None, None));
    }

    #[test]
    fn statuses_are_read_in_any_case() {
        assert_eq!("ACTIVE".parse::<ConfigStatus>().unwrap(), ConfigStatus::Active);
        assert_eq!(serde_json::to_string(&ConfigStatus::Draft).unwrap(), r#""draft""#);
    }
}
