//! A token in its compact form: header, claims and signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::key_set::{Algorithm, Key};

/// Longest token that is looked at, in bytes. Real ones have one or two thousand.
const LENGTH: usize = 8 * 1024;

/// A token whose signature was not verified yet: nothing in it may be believed but which key to try.
pub(super) struct Token<'a> {
    header: Header,
    signed: &'a [u8],
    claims: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood (RFC 7515, section 4.1.11): none is.
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    /// Reads the parts of a token.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        const NO_TOKEN: &str = "it is no known key and no token";
        if text.len() > LENGTH {
            return Err("it is too long");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(NO_TOKEN)?;
        let (header, claims) = signed.split_once('.').ok_or(NO_TOKEN)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_TOKEN);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| NO_TOKEN)?;
        let kinds = ["jwt", "at+jwt", "application/at+jwt"];
        let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
        if kind.is_some_and(|kind| !kinds.contains(&kind.as_str())) || header.crit.is_some() {
            return Err("its header asks for something that is not understood");
        }
        if header.kid.is_none() {
            return Err("it does not name the key that it is signed with");
        }
        Ok(Self { header, signed: signed.as_bytes(), claims: decode(claims)?, signature: decode(signature)? })
    }

    /// Returns the name of the key that it is signed with.
    pub(super) fn key_id(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// Returns the claims, once the key has signed them.
    pub(super) fn verify(&self, key: &Key) -> Result<&[u8], &'static str> {
        let named = Algorithm::parse(&self.header.alg).ok_or("its algorithm is not RS256 or ES256")?;
        if named != key.algorithm() {
            return Err("its algorithm is not the one of its key");
        }
        if !key.has_signed(self.signed, &self.signature) {
            return Err("its signature is wrong");
        }
        Ok(&self.claims)
    }
}
