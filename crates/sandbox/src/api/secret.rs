//! What an API key signs with: a shared secret, or a key pair of which the exchange has the public half.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

/// How the public key of Ed25519 begins in a PEM file (SubjectPublicKeyInfo, RFC 8410); 32 bytes of key follow.
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// How that of RSA names its algorithm (RFC 3279); the key follows in a bit string.
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// The exchange's half of an API key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    Hmac(String),
    Ed25519(Vec<u8>),
    Rsa(Vec<u8>),
}

impl Secret {
    /// Reads a public key in PEM, or takes a text as the secret it is. `None` when a PEM is none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some(body) = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----") else {
            return Some(Self::Hmac(text.to_owned()));
        };
        let body: String = body.split("-----END").next()?.split_whitespace().collect();
        let der = BASE64.decode(body).ok()?;
        if let Some(key) = der.strip_prefix(&ED25519_PREFIX) {
            return (key.len() == 32).then(|| Self::Ed25519(key.to_vec()));
        }
        let inside = content(&der, 0x30)?.strip_prefix(&RSA_ALGORITHM)?;
        // The first byte of a bit string counts bits that are not used.
        Some(Self::Rsa(content(inside, 0x03)?.strip_prefix(&[0])?.to_vec()))
    }

    /// Returns whether a signature, in hex or base64 as the exchange wants it of this kind of key, is that of a
    /// payload.
    pub(crate) fn verifies(&self, payload: &str, signature: &str) -> bool {
        let payload = payload.as_bytes();
        match self {
            Self::Hmac(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                from_hex(signature).is_some_and(|tag| hmac::verify(&key, payload, &tag).is_ok())
            }
            Self::Ed25519(public) => BASE64.decode(signature).is_ok_and(|signature| {
                UnparsedPublicKey::new(&ED25519, public).verify(payload, &signature).is_ok()
            }),
            Self::Rsa(public) => BASE64.decode(signature).is_ok_and(|signature| {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
                    .verify(payload, &signature)
                    .is_ok()
            }),
        }
    }

    /// Returns what the exchange calls this kind of key.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Hmac(_) => "HMAC_SHA256",
            Self::Ed25519(_) => "Ed25519",
            Self::Rsa(_) => "RSA",
        }
    }
}

/// Returns the content of a DER value with this tag.
fn content(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    if length < 0x80 {
        return rest.get(..usize::from(length));
    }
    let count = usize::from(length & 0x7f);
    let bytes = rest.get(..count).filter(|bytes| bytes.len() <= 4)?;
    let length = bytes.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
    rest.get(count..)?.get(..length)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..32).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}
