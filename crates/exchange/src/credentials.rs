//! The keys of an account.

use std::fmt;

/// Keys of one account at one exchange. Never printed: `Debug` shows that they are there.
#[derive(Clone)]
pub struct Credentials {
    key: String,
    secret: String,
    passphrase: Option<String>,
}

impl Credentials {
    /// Returns credentials; `secret` is a shared secret or a private key in PEM.
    #[must_use]
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { key: key.into(), secret: secret.into(), passphrase: None }
    }

    /// Returns credentials with the passphrase that some exchanges want as well.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: impl Into<String>) -> Self {
        self.passphrase = Some(passphrase.into());
        self
    }

    /// Returns the public half.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Returns the secret half; only signing may ask for it.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns the passphrase.
    pub(crate) fn passphrase(&self) -> Option<&str> {
        self.passphrase.as_deref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}
