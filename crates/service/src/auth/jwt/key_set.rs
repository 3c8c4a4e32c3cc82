//! The keys of an issuer: a JSON Web Key Set (RFC 7517).

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// Most keys that are kept of a set; issuers have two or three.
const MOST_KEYS: usize = 64;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// A key that verifies signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point of P-256, uncompressed.
    P256(Vec<u8>),
}

impl Key {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            // Moduli below 2,048 bits are refused here, too.
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

/// Keys by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KeySet(HashMap<String, Arc<Key>>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys that are not for what we verify are left out, as the standard wants it; so are those after
    /// the first of an id.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(bytes)?;
        let mut keys = HashMap::new();
        for value in document.keys.into_iter().take(MOST_KEYS) {
            if let Some((id, key)) = read_key(value) {
                keys.entry(id).or_insert_with(|| Arc::new(key));
            }
        }
        Ok(Self(keys))
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Key>> {
        self.0.get(id).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn read_key(value: Value) -> Option<(String, Key)> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let decode = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Key::Rsa { n: without_zeros(decode(&jwk.n)?), e: without_zeros(decode(&jwk.e)?) },
        ("EC", Some("P-256")) => {
            let (x, y) = (decode(&jwk.x)?, decode(&jwk.y)?);
            // RFC 7518, section 6.2.1.2: always 32 octets each.
            (x.len() == 32 && y.len() == 32).then(|| Key::P256([&[4][..], &x, &y].concat()))?
        }
        _ => return None,
    };
    let is_for_signatures = jwk.usage.is_none_or(|usage| usage == "sig");
    let fits = jwk.alg.is_none_or(|alg| Algorithm::parse(&alg) == Some(key.algorithm()));
    (is_for_signatures && fits && !jwk.kid.is_empty()).then_some((jwk.kid, key))
}

fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_for_something_else_are_left_out() {
        let (n, point) = (URL_SAFE_NO_PAD.encode([0, 1, 2]), URL_SAFE_NO_PAD.encode([7; 32]));
        let set = serde_json::json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "n": n, "e": "AQAB", "alg": "RS256", "use": "sig", "x5c": ["x"]},
            {"kty": "RSA", "kid": "rsa", "n": "AAAA", "e": "AQAB"},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": point, "y": point},
            {"kty": "EC", "kid": "short", "crv": "P-256", "x": "AA", "y": point},
            {"kty": "EC", "kid": "other-curve", "crv": "P-384", "x": point, "y": point},
            {"kty": "RSA", "kid": "encrypts", "n": n, "e": "AQAB", "use": "enc"},
            {"kty": "RSA", "kid": "other-algorithm", "n": n, "e": "AQAB", "alg": "PS256"},
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
            {"kty": "RSA", "n": n, "e": "AQAB"},
            {"kty": "RSA", "kid": "damaged", "n": "+/", "e": "AQAB"},
            "nonsense",
        ]});
        let keys = KeySet::parse(set.to_string().as_bytes()).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys.get("rsa").as_deref(), Some(&Key::Rsa { n: vec![1, 2], e: vec![1, 0, 1] }));
        assert_eq!(keys.get("ec").unwrap().algorithm(), Algorithm::Es256);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            drop(KeySet::parse(&bytes));
        }
    }
}
