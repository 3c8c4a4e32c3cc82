//! JSON objects that carry the checksum of their own text as their last member.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::data::len_u64;
use super::manifest::FORMAT;
use super::objects::MAX_DOCUMENT_BYTES;
use crate::error::{Damage, Error, Source};

const CHECKSUM_MEMBER: &str = ",\"blake3\":\"";
const CHECKSUM_END: &str = "\"}\n";
const FIRST_MEMBER: &[u8] = b"{\"format\":";

/// Returns the text to store, and its checksum. The first member must be `format`.
pub(crate) fn seal(object: &impl Serialize, what: impl Fn() -> String) -> Result<(Bytes, String), Error> {
    let failed = |source: Source| Error::Encode { what: what(), source };
    let mut text = serde_json::to_string(object).map_err(|e| failed(e.into()))?;
    if text.pop() != Some('}') {
        return Err(failed("no object".into()));
    }
    if len_u64(text.len()) + 1_000 > MAX_DOCUMENT_BYTES {
        return Err(failed(format!("it would have more than {MAX_DOCUMENT_BYTES} bytes").into()));
    }
    let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
    text.push_str(CHECKSUM_MEMBER);
    text.push_str(&hash);
    text.push_str(CHECKSUM_END);
    Ok((Bytes::from(text), hash))
}

/// Reads a stored object of our format, and its checksum; `what` is its name in errors.
pub(crate) fn unseal<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<(T, String), Damage> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    if !bytes.starts_with(FIRST_MEMBER) {
        return Err(Damage::Foreign(format!("no {what} of this store")));
    }
    let tail = CHECKSUM_MEMBER.len() + 64 + CHECKSUM_END.len();
    let at = bytes.len().checked_sub(tail).ok_or(Damage::Checksum)?;
    let (text, member) = bytes.split_at(at);
    let hash = blake3::hash(text).to_hex().to_string();
    if member != format!("{CHECKSUM_MEMBER}{hash}{CHECKSUM_END}").as_bytes() {
        return Err(Damage::Checksum);
    }
    let mut object = text.to_vec();
    object.push(b'}');
    let unreadable = |e: serde_json::Error| Damage::Foreign(format!("{what}: {e}"));
    let found: Format = serde_json::from_slice(&object).map_err(unreadable)?;
    if found.format != FORMAT {
        return Err(Damage::Foreign(format!("format {}, while this program reads {FORMAT}", found.format)));
    }
    Ok((serde_json::from_slice(&object).map_err(unreadable)?, hash))
}
