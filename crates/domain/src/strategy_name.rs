//! How strategies are named.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a strategy: `TrendFollower`. It becomes part of paths and keys, so nothing but plain characters gets
/// through. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StrategyName(Arc<str>);

/// The text names no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name a strategy; a name has 1 to 64 of A-Z, a-z, 0-9, `_` and `-`, and begins with a letter or `_`"
)]
pub struct StrategyNameError(pub String);

impl StrategyName {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StrategyName {
    type Err = StrategyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !begins || !plain || text.len() > 64 {
            return Err(StrategyNameError(text.chars().take(70).collect()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for StrategyName {
    type Error = StrategyNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StrategyName> for String {
    fn from(name: StrategyName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for StrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_pass() {
        for good in ["Demo", "_a", "trend-2", "RSI_Dip"] {
            assert_eq!(good.parse::<StrategyName>().unwrap().as_str(), good);
        }
        for bad in ["", "2fast", "-x", "../x", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<StrategyName>().is_err(), "{bad}");
        }
    }
}
