//! What a config version is named for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// SHA-256 of a config, whatever the order of its keys: 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConfigHash(String);

/// The text is no hash of a config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no config hash; it has 64 of 0-9 and a-f")]
pub struct ConfigHashError(pub String);

impl ConfigHash {
    /// Returns the hash of a config.
    #[must_use]
    pub fn of(config: &Map<String, Value>) -> Self {
        let mut text = String::new();
        write_map(config, &mut text);
        let digest = Sha256::digest(text.as_bytes());
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Returns its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes JSON with the keys of every object in order: equal configs, equal text.
fn write_map(map: &Map<String, Value>, text: &mut String) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    text.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push(':');
        write_value(value, text);
    }
    text.push('}');
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => write_map(map, text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

impl FromStr for ConfigHash {
    type Err = ConfigHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.bytes().all(hex) {
            return Err(ConfigHashError(text.chars().take(70).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ConfigHash {
    type Error = ConfigHashError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ConfigHash> for String {
    fn from(hash: ConfigHash) -> Self {
        hash.0
    }
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a version is called: `v{number}-{first 8 digits of the hash}`, such as `v3-0f1e2d3c`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConfigId(String);

/// The text is no id of a config version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no config id; it looks like v3-0f1e2d3c")]
pub struct ConfigIdError(pub String);

impl ConfigId {
    /// Returns the id of a version.
    #[must_use]
    pub fn new(version_number: u32, hash: &ConfigHash) -> Self {
        Self(format!("v{version_number}-{:.8}", hash.as_str()))
    }

    /// Returns its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConfigId {
    type Err = ConfigIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('-'));
        let fits = parts.is_some_and(|(number, hash)| {
            number.parse::<u32>().is_ok_and(|parsed| parsed > 0 && parsed.to_string() == number)
                && hash.len() == 8
                && hash.bytes().all(hex)
        });
        if fits { Ok(Self(text.to_owned())) } else { Err(ConfigIdError(text.chars().take(40).collect())) }
    }
}

impl TryFrom<String> for ConfigId {
    type Error = ConfigIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ConfigId> for String {
    fn from(id: ConfigId) -> Self {
        id.0
    }
}

impl fmt::Display for ConfigId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn order_of_keys_does_not_count_and_order_of_items_does() {
        let one = ConfigHash::of(&map(r#"{"b": {"y": 1, "x": [1, 2]}, "a": null}"#));
        assert_eq!(one, ConfigHash::of(&map(r#"{"a": null, "b": {"x": [1, 2], "y": 1}}"#)));
        assert_ne!(one, ConfigHash::of(&map(r#"{"a": null, "b": {"x": [2, 1], "y": 1}}"#)));
        // printf '{"a":null,"b":{"x":[1,2],"y":1}}' | sha256sum
        assert_eq!(one.as_str(), "8a71a9b53872213caed589cf46185894e9386953c425f4533c3ec628cfad6069");
        assert_eq!(ConfigId::new(3, &one).as_str(), format!("v3-{}", &one.as_str()[..8]));
    }

    #[test]
    fn ids_and_hashes_read_what_they_write_and_nothing_else() {
        let hash = ConfigHash::of(&Map::new());
        assert_eq!(hash.to_string().parse::<ConfigHash>().unwrap(), hash);
        assert!("abc".parse::<ConfigHash>().is_err());
        assert_eq!("v12-0f1e2d3c".parse::<ConfigId>().unwrap().as_str(), "v12-0f1e2d3c");
        for bad in
            ["", "v0-0f1e2d3c", "v1-0f1e2d3", "v01-0f1e2d3c", "1-0f1e2d3c", "v1-0F1E2D3C", "v1-../../x"]
        {
            assert!(bad.parse::<ConfigId>().is_err(), "{bad}");
        }
    }
}
