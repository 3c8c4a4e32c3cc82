//! Who may call: nobody is asked (loopback only), or keys, tokens, or both.

use std::fmt;
use std::str::FromStr;

pub use tradai_domain::access::{KeyHash, Role};

use super::JwtSettings;
use crate::settings::Reader;

/// How callers prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthSettings {
    /// Nobody is asked. Such a service serves loopback addresses only.
    Open,
    /// One of these.
    Required(Credentials),
}

/// What lets a caller in; at least one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// One of these keys, as `Authorization: Bearer <key>` or `X-API-Key: <key>`.
    pub keys: Vec<ApiKeySetting>,
    /// A token of an identity provider, as `Authorization: Bearer <token>`.
    pub tokens: Option<JwtSettings>,
}

impl AuthSettings {
    /// Returns the setting for these keys alone.
    #[must_use]
    pub fn keys(keys: Vec<ApiKeySetting>) -> Self {
        Self::Required(Credentials { keys, tokens: None })
    }

    /// Reads the section.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let keys = reader.key(
            "API_KEYS",
            "who may call, each name:role:blake3-hash-of-the-key-in-hex, and :service for a service's own",
        );
        let keys: Vec<ApiKeySetting> = keys.hidden().list(&[]);
        if let Some(twice) = repeated(&keys) {
            reader.fault("API_KEYS", format!("the name {twice} is there twice"));
        }
        let tokens = JwtSettings::read(reader);
        if keys.is_empty() && tokens.is_none() {
            return Self::Open;
        }
        Self::Required(Credentials { keys, tokens })
    }
}

/// A name stands for one caller: audit entries and idempotency keys go by it.
fn repeated(keys: &[ApiKeySetting]) -> Option<&str> {
    let mut names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// A key that opens a service, known by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeySetting {
    /// Who holds it; appears in logs.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The hash of the key.
    pub hash: KeyHash,
    /// For whom they may speak.
    pub scope: KeyScope,
}

/// For whom the holder of a key may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyScope {
    /// For themselves.
    #[default]
    Own,
    /// A service of the platform: also for callers of its own, whom it names.
    Service,
}

impl KeyScope {
    /// What an item ends in.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Own => "",
            Self::Service => ":service",
        }
    }
}

/// The hash is left out: `--print-settings` uses this.
impl fmt::Display for ApiKeySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:[redacted]{}", self.name, self.role, self.scope.suffix())
    }
}

impl FromStr for ApiKeySetting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':').map(str::trim);
        let (Some(name), Some(role), Some(hash), scope, None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("expected name:role:hash, or name:role:hash:service");
        };
        let scope = match scope {
            None => KeyScope::Own,
            Some("service") => KeyScope::Service,
            Some(_) => return Err("what follows the hash is `service` or nothing"),
        };
        if name.is_empty() {
            return Err("the name is empty");
        }
        Ok(Self { name: name.to_owned(), hash: hash.parse()?, role: role.parse()?, scope })
    }
}
