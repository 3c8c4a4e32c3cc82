//! How settings name an exchange.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An exchange as settings, stores and the API name it: `binance_futures`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExchangeKey(Arc<str>);

/// The text names no exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name an exchange; a name has 1 to 32 of a-z, 0-9 and `_`, such as binance_futures")]
pub struct ExchangeKeyError(pub String);

impl ExchangeKey {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it names the sandbox exchange, whose candles are made up or replayed.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        matches!(self.as_str(), "sandbox" | "sandbox_futures")
    }
}

impl FromStr for ExchangeKey {
    type Err = ExchangeKeyError;

    /// The name becomes a folder of the store, so nothing but plain letters gets through.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.is_empty() || text.len() > 32 || !text.bytes().all(plain) {
            return Err(ExchangeKeyError(text.chars().take(40).collect()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for ExchangeKey {
    type Error = ExchangeKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ExchangeKey> for String {
    fn from(key: ExchangeKey) -> Self {
        key.0.as_ref().to_owned()
    }
}

impl fmt::Display for ExchangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_pass() {
        for good in ["binance", "binance_futures", "okx2"] {
            assert_eq!(good.parse::<ExchangeKey>().unwrap().as_str(), good);
        }
        for bad in ["", "Binance", "../x", "a/b", "a b", &"a".repeat(33)] {
            assert!(bad.parse::<ExchangeKey>().is_err(), "{bad}");
        }
    }
}
