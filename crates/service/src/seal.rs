//! Texts that a client holds for the service: it can neither make one up nor change one.
//!
//! They are sealed, not encrypted: what is in them may be read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of the seal at the end of a text.
const SEAL: usize = 16;
/// Longest text that is looked at.
pub(crate) const TEXT_LENGTH: usize = 2048;

/// Seals and opens. Clones have the same key.
#[derive(Clone)]
pub(crate) struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// Returns the seal of one use of a secret; `context` names the use, and keeps it apart from all others.
    pub(crate) fn new(context: &str, secret: &SecretString) -> Self {
        Self { key: blake3::derive_key(context, secret.expose_secret().as_bytes()) }
    }

    /// Makes a text of a value; `purpose` is needed to open it.
    pub(crate) fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> String {
        let mut bytes = serde_json::to_vec(value).unwrap_or_default();
        let seal = self.sign(purpose, &bytes);
        bytes.extend_from_slice(&seal.as_bytes()[..SEAL]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Opens a text; `None` when it was not made by this seal, for this purpose.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Option<T> {
        let bytes = (text.len() <= TEXT_LENGTH).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
        let (value, seal) = bytes.split_last_chunk::<SEAL>()?;
        let expected = self.sign(purpose, value);
        // Compared without telling by time how much was right.
        let mut whole = *expected.as_bytes();
        whole[..SEAL].copy_from_slice(seal);
        if expected != blake3::Hash::from_bytes(whole) {
            return None;
        }
        serde_json::from_slice(value).ok()
    }

    fn sign(&self, purpose: &str, value: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&u64::try_from(purpose.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(purpose.as_bytes());
        hasher.update(value);
        hasher.finalize()
    }
}
