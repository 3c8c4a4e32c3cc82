//! API keys. A key is known by its hash; hashes are compared in constant time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use tradai_platform::settings::sections::{ApiKeySetting, KeyHash, KeyScope, Role};

use super::caller::{Caller, Proof};

/// What every key begins with, so that people and programs that look for leaked secrets know one.
pub(super) const PREFIX: &str = "tradai_";
/// Characters at a key's end by which people tell keys apart: 24 of 256 bits.
const ENDING: usize = 4;

/// Returns who holds the key of a hash.
pub(super) fn find_holder(keys: &[ApiKeySetting], hash: blake3::Hash) -> Option<Caller> {
    find(keys, hash, |key| blake3::Hash::from_bytes(key.hash.0)).map(caller)
}

/// Returns who holds the key of this id.
pub(super) fn find_by_id(keys: &[ApiKeySetting], id: &str) -> Option<Caller> {
    let id = blake3::Hash::from_hex(id).ok()?;
    find(keys, id, key_id).map(caller)
}

/// Returns what a session knows a key by: neither the key nor its hash follows from it.
pub(super) fn id_of(presented: &str) -> String {
    id_of_hash(blake3::hash(presented.as_bytes()).as_bytes()).to_hex().to_string()
}

fn key_id(key: &ApiKeySetting) -> blake3::Hash {
    id_of_hash(&key.hash.0)
}

fn id_of_hash(hash: &[u8; 32]) -> blake3::Hash {
    blake3::Hash::from_bytes(blake3::derive_key("tradai-service 2026 ids of API keys", hash))
}

/// All keys are compared, so that time does not tell which one was near.
fn find(
    keys: &[ApiKeySetting],
    wanted: blake3::Hash,
    hash: fn(&ApiKeySetting) -> blake3::Hash,
) -> Option<&ApiKeySetting> {
    keys.iter().fold(None, |known, key| if hash(key) == wanted { Some(key) } else { known })
}

fn caller(key: &ApiKeySetting) -> Caller {
    Caller { name: key.name.clone(), role: key.role, proof: Proof::ApiKey, until: None, via: None, key: None }
}

/// Makes a key, and returns it with the item of `API_KEYS` that lets it in; `None` when the system has no randomness.
#[must_use]
pub fn new_key(name: &str, role: Role, scope: KeyScope) -> Option<(String, String)> {
    let NewSecret { key, hash, .. } = new_secret()?;
    let item = format!("{name}:{role}:{}{}", String::from(hash), scope.suffix());
    Some((key.expose_secret().to_owned(), item))
}

/// A key that was just made, and what may be kept of it.
#[derive(Debug)]
pub struct NewSecret {
    /// The key, to be shown once.
    pub key: SecretString,
    /// What it is recognised by.
    pub hash: KeyHash,
    /// Its last characters.
    pub ending: String,
}

/// Makes a key; `None` when the system has no randomness.
#[must_use]
pub fn new_secret() -> Option<NewSecret> {
    let key = format!("{PREFIX}{}", random_text()?);
    let hash = KeyHash(*blake3::hash(key.as_bytes()).as_bytes());
    let ending = key[key.len() - ENDING..].to_owned();
    Some(NewSecret { key: key.into(), hash, ending })
}

/// Returns 256 bits of the system's randomness as text.
pub(super) fn random_text() -> Option<String> {
    let mut random = [0; 32];
    SystemRandom::new().fill(&mut random).ok()?;
    Some(URL_SAFE_NO_PAD.encode(random))
}
