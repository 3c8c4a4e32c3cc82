//! What can be chosen from: strategies and exchanges.

use serde_json::Value;

use super::peers::{self, text};
use super::state::Dashboard;

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
    timeframe: String,
    trading_mode: String,
    summary: String,
}

impl Choice {
    fn of(value: &Value) -> Self {
        let owned = |key| text(value, key).to_owned();
        Self {
            name: owned("name"),
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
            Err(error) => Self::Unreachable(error.to_string()),
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

    /// Returns the timeframe that a strategy brings along.
    pub(super) fn timeframe(&self, name: &str) -> Option<&str> {
        self.find(name).map(|choice| choice.timeframe.as_str()).filter(|timeframe| !timeframe.is_empty())
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
}
