//! What can be chosen from: strategies, versions of their configs, exchanges.

use serde_json::Value;
use tradai_domain::StrategyName;

use super::figures::few;
use super::peers::{self, text};
use super::state::Dashboard;
use crate::infrastructure::peer::PeerError;

/// Pages of the catalogue that are read: 1,000 strategies.
const PAGES: usize = 2;

/// The strategies that there are.
pub(super) enum Catalog {
    Known(Vec<Choice>),
    /// The service that knows is not there, for this reason.
    Unreachable(String),
}

/// One strategy.
pub(super) struct Choice {
    pub(super) name: String,
    version: String,
    timeframe: String,
    trading_mode: String,
    summary: String,
}

impl Choice {
    fn of(value: &Value) -> Self {
        let owned = |key| text(value, key).to_owned();
        Self {
            name: owned("name"),
            version: owned("version"),
            timeframe: owned("timeframe"),
            trading_mode: owned("trading_mode"),
            summary: owned("summary"),
        }
    }

    /// Returns what to know before it is chosen.
    pub(super) fn about(&self) -> String {
        let parts = [self.summary.as_str(), &self.timeframe, &self.trading_mode];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

impl Catalog {
    pub(super) async fn read(state: &Dashboard) -> Self {
        match peers::list(&state.peers.strategy_service, "/api/v1/strategies", &[], PAGES).await {
            Ok((items, _)) => Self::Known(items.iter().map(Choice::of).collect()),
            Err(error) => Self::Unreachable(error.for_callers()),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Choice> {
        match self {
            Self::Known(choices) => choices.iter().find(|choice| choice.name == name),
            Self::Unreachable(_) => None,
        }
    }

    /// Returns why a name cannot be right; nothing for one that was not written, or that nobody can judge.
    pub(super) fn unknown(&self, name: &str) -> Option<String> {
        let Self::Known(choices) = self else { return None };
        if name.is_empty() || self.find(name).is_some() {
            return None;
        }
        let names = choices.iter().map(|choice| choice.name.as_str()).collect::<Vec<_>>().join(", ");
        Some(format!("there is no strategy `{name}`; there are {names}"))
    }

    /// Returns why another version of a strategy cannot be asked for; nothing where nobody can judge.
    pub(super) fn other_version(&self, name: &str, asked: &str) -> Option<String> {
        let there = &self.find(name)?.version;
        match there.as_str() {
            "" => Some(format!("{name} has no version")),
            there if there != asked => Some(format!("there is {there}")),
            _ => None,
        }
    }

    /// Returns the timeframe that a strategy brings along.
    pub(super) fn timeframe(&self, name: &str) -> Option<&str> {
        self.find(name).map(|choice| choice.timeframe.as_str()).filter(|timeframe| !timeframe.is_empty())
    }
}

/// The config versions of a strategy.
pub(super) enum Versions {
    /// No strategy is chosen, or none that there is.
    OfNone,
    Known {
        /// Newest first.
        versions: Vec<Version>,
        /// Whether there are older ones that were not asked for.
        more: bool,
    },
    /// The service that knows is not there, for this reason.
    Unreachable(String),
}

/// One config version.
pub(super) struct Version {
    pub(super) id: String,
    status: String,
    description: String,
}

impl Version {
    fn of(value: &Value) -> Self {
        let owned = |key| text(value, key).to_owned();
        Self { id: owned("config_id"), status: owned("status"), description: owned("description") }
    }

    /// Returns what to know before it is chosen.
    pub(super) fn about(&self) -> String {
        let parts = [self.status.as_str(), &self.description];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

impl Versions {
    pub(super) async fn read(state: &Dashboard, strategy: &str) -> Self {
        // The name goes into the address of another service.
        let Ok(strategy) = strategy.parse::<StrategyName>() else { return Self::OfNone };
        let path = format!("/api/v1/strategies/{strategy}/configs");
        match peers::list(&state.peers.strategy_service, &path, &[], 1).await {
            Ok((items, more)) => Self::Known { versions: items.iter().map(Version::of).collect(), more },
            Err(PeerError::Refused { status: 404, .. }) => Self::OfNone,
            Err(error) => Self::Unreachable(error.for_callers()),
        }
    }

    /// Returns what there is to choose from.
    pub(super) fn choices(&self) -> &[Version] {
        match self {
            Self::Known { versions, .. } => versions,
            Self::OfNone | Self::Unreachable(_) => &[],
        }
    }

    /// Returns why an id cannot be right; nothing where nobody can judge.
    pub(super) fn unknown(&self, id: &str) -> Option<String> {
        let Self::Known { versions, more: false } = self else { return None };
        if versions.iter().any(|version| version.id == id) {
            return None;
        }
        let ids = versions.iter().map(|version| version.id.as_str());
        let there =
            if versions.is_empty() { "there is none".to_owned() } else { format!("there are {}", few(ids)) };
        Some(format!("there is no such version of this strategy; {there}"))
    }

    /// Says what a job takes that names no version.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::OfNone => "Empty: the strategy's active version, if it has one.".to_owned(),
            Self::Unreachable(reason) => {
                format!("Empty: the active version. Which there are is not known: {reason}.")
            }
            Self::Known { versions, .. } => {
                let active = versions.iter().find(|version| version.status == "active");
                active.map_or_else(
                    || "Empty: the strategy's own settings; no version is active.".to_owned(),
                    |version| format!("Empty: the active version, now {}.", version.id),
                )
            }
        }
    }
}

/// Returns the exchanges that candles are collected from; none when the service that knows is not there, which the
/// panel of stored candles says.
pub(super) async fn exchanges(state: &Dashboard) -> Vec<String> {
    let reply = peers::ask(&state.peers.data_collection, "/api/v1/exchanges", &[]).await;
    let reply = reply.unwrap_or_default();
    peers::items(&reply, "items").iter().map(|item| text(item, "exchange").to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_name_is_told_from_one_that_nobody_can_judge() {
        let known = Catalog::Known(vec![Choice::of(
            &json!({"name": "EmaCross", "timeframe": "1h", "summary": null}),
        )]);
        assert_eq!(known.unknown("EmaCross"), None);
        assert!(known.unknown("x").is_some_and(|reason| reason.contains("there are EmaCross")));
        assert_eq!((known.timeframe("EmaCross"), known.timeframe("x")), (Some("1h"), None));
        assert_eq!(Catalog::Unreachable("down".into()).unknown("x"), None);
        assert_eq!(known.find("EmaCross").unwrap().about(), "1h");
    }

    #[test]
    fn a_version_is_judged_by_those_that_are_known() {
        let version = |id: &str, status: &str| {
            Version::of(&json!({"config_id": id, "status": status, "description": "a tighter stop"}))
        };
        let known = |more| Versions::Known {
            versions: vec![version("v2-0", "draft"), version("v1-0", "active")],
            more,
        };
        assert_eq!((known(false).unknown("v1-0"), known(true).unknown("v0-0")), (None, None));
        assert!(known(false).unknown("v0-0").is_some_and(|reason| reason.contains("there are v2-0, v1-0")));
        assert!(known(false).hint().contains("now v1-0"));
        assert_eq!(known(false).choices()[0].about(), "draft · a tighter stop");
        let none = Versions::Known { versions: Vec::new(), more: false };
        assert!(none.unknown("v1-0").is_some() && none.hint().contains("no version is active"));
        for unjudged in [Versions::OfNone, Versions::Unreachable("down".into())] {
            assert!(unjudged.unknown("v1-0").is_none() && unjudged.choices().is_empty());
        }
    }

    #[test]
    fn another_version_of_a_strategy_is_said() {
        let known = Catalog::Known(vec![Choice::of(&json!({"name": "EmaCross", "version": "1.0.0"}))]);
        assert_eq!(known.other_version("EmaCross", "1.0.0"), None);
        assert_eq!(known.other_version("EmaCross", "2.0.0").as_deref(), Some("there is 1.0.0"));
        assert_eq!(Catalog::Unreachable("down".into()).other_version("EmaCross", "2.0.0"), None);
    }
}
