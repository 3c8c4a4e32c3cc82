//! Who may call the platform: roles, and API keys that are kept in its state.
//!
//! Keys that are given in settings are the host's; these are the ones that are made and revoked while services run.
//!
//! Invariant: of a key only its hash is held, and no text shows that.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Millis;

/// How long the name of a key may be, in bytes.
const MAX_NAME: usize = 64;

/// What a caller may do; each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Starts and stops jobs and sessions.
    Trader,
    /// Everything.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Trader => "trader",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "trader" => Ok(Self::Trader),
            "admin" => Ok(Self::Admin),
            _ => Err("roles are viewer, trader and admin"),
        }
    }
}

/// The BLAKE3 hash of a key. Keys are long and random, so that a fast hash without salt is enough.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl FromStr for KeyHash {
    type Err = &'static str;

    fn from_str(hex: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "the hash must be 64 hexadecimal digits";
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EXPECTED);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| EXPECTED)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| EXPECTED)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The id of a key that is kept: a UUIDv7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeyId(pub Uuid);

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ApiKeyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Who holds a key, as logs and the audit log have it: 1 to 64 letters, digits, `.`, `_`, `-` and `@`. None is `local`,
/// which stands for everybody where nobody is asked, and none holds the colon that names of tokens have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKeyName(String);

/// A text is no name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyNameError {
    /// Its length or its characters.
    #[error("expected 1 to {MAX_NAME} letters, digits, `.`, `_`, `-` and `@`")]
    Shape,
    /// It means somebody else.
    #[error("`local` is everybody where nobody is asked who they are; choose another name")]
    Reserved,
}

impl ApiKeyName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ApiKeyName {
    type Err = ApiKeyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(is_allowed) {
            return Err(ApiKeyNameError::Shape);
        }
        if text == "local" {
            return Err(ApiKeyNameError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ApiKeyName {
    type Error = ApiKeyNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ApiKeyName> for String {
    fn from(name: ApiKeyName) -> Self {
        name.0
    }
}

impl fmt::Display for ApiKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// The key's id, which says nothing about the key.
    pub id: ApiKeyId,
    /// Who holds it.
    pub name: ApiKeyName,
    /// What they may do.
    pub role: Role,
    /// What it is recognised by.
    pub hash: KeyHash,
    /// Its last characters, by which people tell keys apart.
    pub ending: String,
    /// When it was made.
    pub created_at: Millis,
    /// By whom.
    pub created_by: String,
    /// The first moment at which it is good no more; never without.
    pub expires_at: Option<Millis>,
}

impl ApiKeyRecord {
    /// Returns whether the key has had its time.
    #[must_use]
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_json_and_shows_no_hash() {
        let record = ApiKeyRecord {
            id: "018cc251-f400-7000-8000-000000000001".parse().unwrap(),
            name: "ci".parse().unwrap(),
            role: Role::Trader,
            hash: KeyHash([0xab; 32]),
            ending: "wxyz".to_owned(),
            created_at: 1,
            created_by: "ada".to_owned(),
            expires_at: Some(10),
        };
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.contains(&"ab".repeat(32)) && text.contains(r#""role":"trader""#), "{text}");
        assert_eq!(serde_json::from_str::<ApiKeyRecord>(&text).unwrap(), record);
        let shown = format!("{record:?}");
        assert!(shown.contains("[redacted]") && !shown.contains("171"), "{shown}");
        assert!(!record.is_expired(9) && record.is_expired(10));
        assert!(!ApiKeyRecord { expires_at: None, ..record }.is_expired(Millis::MAX));
    }

    #[test]
    fn names_stand_for_one_caller() {
        for name in ["ci", "ann@example.com", "a.b_c-1", &"x".repeat(64)] {
            assert_eq!(name.parse::<ApiKeyName>().unwrap().as_str(), name);
        }
        for name in ["", "jwt:ann", "a b", "a,b", "é", &"x".repeat(65)] {
            assert_eq!(name.parse::<ApiKeyName>(), Err(ApiKeyNameError::Shape), "{name}");
        }
        assert_eq!("local".parse::<ApiKeyName>(), Err(ApiKeyNameError::Reserved));
    }

    #[test]
    fn a_hash_is_64_digits() {
        assert_eq!("0f".repeat(32).parse(), Ok(KeyHash([15; 32])));
        for text in ["", "0f", &"0g".repeat(32), &"0f".repeat(33)] {
            assert!(text.parse::<KeyHash>().is_err(), "{text}");
        }
    }
}
