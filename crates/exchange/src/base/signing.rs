//! Signatures, through `ring` (RustCrypto's `rsa` has an open timing advisory, RUSTSEC-2023-0071; `ring` also
//! serves TLS, so one library does all).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, rand, signature};

/// The key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the private key cannot be used: {0}")]
pub struct KeyError(pub &'static str);

/// Returns the HMAC-SHA256 of `payload`.
#[must_use]
pub fn hmac_sha256(secret: &[u8], payload: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), payload).as_ref().to_vec()
}

/// Returns the HMAC-SHA512 of `payload`.
#[must_use]
pub fn hmac_sha512(secret: &[u8], payload: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, secret), payload).as_ref().to_vec()
}

/// Returns the SHA-256 of `payload`.
#[must_use]
pub fn sha256(payload: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, payload).as_ref().to_vec()
}

/// Returns bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

/// Returns bytes in base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64 with padding.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A private key in PEM, as exchanges ask for on key pages.
pub enum PrivateKey {
    /// RSA with PKCS#1 v1.5 padding and SHA-256.
    Rsa(Box<signature::RsaKeyPair>),
    /// Ed25519.
    Ed25519(Box<signature::Ed25519KeyPair>),
}

impl PrivateKey {
    /// Reads a PEM text: `PRIVATE KEY` (PKCS#8) of either kind, or `RSA PRIVATE KEY` (PKCS#1).
    ///
    /// # Errors
    /// [`KeyError`] when it is none of these, encrypted, or an RSA key below 2048 bits.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, der) = decode_pem(pem).ok_or(KeyError("it is no PEM text"))?;
        match label {
            "RSA PRIVATE KEY" => signature::RsaKeyPair::from_der(&der).map(|key| Self::Rsa(key.into())),
            "PRIVATE KEY" => match signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
                Ok(key) => Ok(Self::Ed25519(key.into())),
                Err(_) => signature::RsaKeyPair::from_pkcs8(&der).map(|key| Self::Rsa(key.into())),
            },
            _ => return Err(KeyError("its kind is not supported")),
        }
        .map_err(|_| KeyError("it is damaged or too short"))
    }

    /// Returns the signature of `payload`.
    ///
    /// # Errors
    /// [`KeyError`] when the library refuses to sign.
    pub fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Ed25519(key) => Ok(key.sign(payload).as_ref().to_vec()),
            Self::Rsa(key) => {
                let mut signed = vec![0; key.public().modulus_len()];
                // The padding is deterministic; ring uses the random source for blinding only.
                key.sign(&signature::RSA_PKCS1_SHA256, &rand::SystemRandom::new(), payload, &mut signed)
                    .map_err(|_| KeyError("signing failed"))?;
                Ok(signed)
            }
        }
    }
}

fn decode_pem(pem: &str) -> Option<(&str, Vec<u8>)> {
    let rest = pem.trim().strip_prefix("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.chars().filter(|character| !character.is_whitespace()).collect();
    Some((label, from_base64(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4231, test case 2.
    #[test]
    fn hmac_vectors_of_rfc_4231() {
        let (key, data) = (b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            hex(&hmac_sha256(key, data)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(hex(&hmac_sha512(key, data)).starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd6"));
    }

    // RFC 8032, section 7.1, test 2, its seed wrapped as PKCS#8 (RFC 8410).
    #[test]
    fn ed25519_vector_of_rfc_8032() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE KEY-----";
        let key = PrivateKey::from_pem(pem).unwrap();
        let signed = key.sign(&[0x72]).unwrap();
        assert!(hex(&signed).starts_with("92a009a9f0d4cab8720e820b5f642540"), "{}", hex(&signed));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for pem in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            assert!(PrivateKey::from_pem(pem).is_err(), "{pem}");
        }
    }
}
