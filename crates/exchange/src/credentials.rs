//! The keys of an account.

use std::fmt;
use std::sync::Arc;

use crate::base::signing::{HmacKey, KeyError, PrivateKey};
use crate::{Error, ErrorClass};

/// Keys of one account at one exchange. Never printed: `Debug` shows that they are there.
///
/// The secret is prepared for signing once; its text is not kept.
#[derive(Clone)]
pub struct Credentials {
    key: String,
    signer: Signer,
    passphrase: Option<String>,
}

#[derive(Clone)]
enum Signer {
    Shared(HmacKey),
    Private(Arc<PrivateKey>),
    /// A private key that cannot be used: who signs is told.
    Unusable(KeyError),
}

/// A signature, and how it was made: exchanges write the two differently.
pub(crate) enum Signature {
    /// By a shared secret: HMAC-SHA256.
    Shared([u8; 32]),
    /// By a private key.
    Private(Vec<u8>),
}

impl Credentials {
    /// Returns credentials; `secret` is a shared secret or a private key (RSA, Ed25519) in PEM.
    #[must_use]
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        let secret = secret.into();
        let signer = if secret.contains("PRIVATE KEY") {
            match PrivateKey::from_pem(&secret) {
                Ok(key) => Signer::Private(Arc::new(key)),
                Err(error) => Signer::Unusable(error),
            }
        } else {
            Signer::Shared(HmacKey::new(secret.as_bytes()))
        };
        Self { key: key.into(), signer, passphrase: None }
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

    /// Signs a text.
    ///
    /// # Errors
    /// `AuthenticationError` when the private key cannot be used.
    pub(crate) fn sign(&self, text: &str) -> Result<Signature, Error> {
        let refused = |error: &KeyError| Error::new(ErrorClass::AuthenticationError, error.to_string());
        match &self.signer {
            Signer::Shared(key) => Ok(Signature::Shared(key.sign(text.as_bytes()))),
            Signer::Private(key) => {
                key.sign(text.as_bytes()).map(Signature::Private).map_err(|error| refused(&error))
            }
            Signer::Unusable(error) => Err(refused(error)),
        }
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
