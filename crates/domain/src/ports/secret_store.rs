//! Where secrets are kept.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use secrecy::SecretString;

use super::PortError;

/// Gives out secrets. They are read when they are asked for, so that one that was changed is found changed.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Returns a secret, or `None` when there is none of this name. Texts of errors never hold any part of one.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, PortError>;
}

/// The name of a secret: `tradai/exchange/binance`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(String);

/// The text names no secret. It is not repeated: it may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is named by 1 to 200 of A-Z, a-z, 0-9, `/`, `_`, `-` and `.`")]
pub struct SecretNameError;

impl SecretName {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'.');
        let fits = (1..=200).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(SecretNameError) }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
