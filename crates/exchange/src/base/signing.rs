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
    HmacKey::new(secret).sign(payload).to_vec()
}

/// A shared secret, made ready for HMAC-SHA256: half of the work of a short signature is done here.
#[derive(Clone)]
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// Prepares a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Returns the HMAC-SHA256 of `payload`.
    #[must_use]
    pub fn sign(&self, payload: &[u8]) -> [u8; 32] {
        let mut signed = [0; 32];
        signed.copy_from_slice(hmac::sign(&self.0, payload).as_ref());
        signed
    }
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
    let mut text = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    // Digits are ASCII.
    String::from_utf8(text).unwrap_or_default()
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

    // The example of Binance's documentation of signed endpoints.
    #[test]
    fn hmac_example_of_binance() {
        let key = HmacKey::new(b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j");
        let payload =
            b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000\
            &timestamp=1499827319559";
        assert_eq!(
            hex(&key.sign(payload)),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
        );
    }

    // A key of `openssl genpkey`, the signature by `openssl dgst -sha256 -sign`.
    #[test]
    fn rsa_signature_of_openssl() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
            MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCYPAmwU6zbHQwZ\n\
            cAtCMNfJuEwVAikT20CaoHoRnHdRkMXMxmgL3k34DaFrqVl2b/jEbYZZF7/N2axj\n\
            rKRl/ljdRFRZvPW9PNBN6tyCRwsAmBGBfYoEAAg3fG/qqxkPph/pAjy8M+hnCcBD\n\
            +jLQ0u0UM/PSe5mrcGvIR3JXC1hErPj1sSQGAwhBJPqyu48OpfCgst4IFTt+lXy+\n\
            M754JED6JRXGQtqntcZj2B0PrNLlZQq20Sl+jNJdisIJgIX0+4cUijBY6ItqR7xO\n\
            tr7RymUb0npSEzztxYtYO/o2fIiOf37o3IKWObU9HwvZKMZdfnvPK7tQfc6jjQip\n\
            gwDP/2z1AgMBAAECggEAD30sTzB0SebusDfiLV3i1rdVpl2N6GNKc3EYemo9CaN9\n\
            PJSDSZHYxQA+CEI2xAIogXPTU4VDEqKvE4UhRO9YA0tMecTsC9EAMK1QukCYMftG\n\
            7LHlNPr72wliKbI23oy8emyr2Uo+vx0S3te6C90qGgAfMq84t2S80qfSTmDtHi+C\n\
            6E9R7avStuiy+eNZ1nA7QHZm+0MuUj+W9nQxq1e4qEDXiifsdqfWeTvv2iS1fJ3N\n\
            dYD3jyTUayImZ8/nppX1SfxvZ9YAdL6M+FV/9grekOzB0PJjZVMnqVJqo8JPoeoG\n\
            7xUe0VixraDRUVfII36bCzmmVSuKdi7jl3R/m5TykQKBgQDV0oLmkbHbYen7x5mA\n\
            HYgDQcCGjIGvVyugWJD9zQ3R5FPS7wUGsEapyuEtMSlxfaYieKyna+39ZTL3Kpjy\n\
            artBPRwCgc86k4NXzWNk7ekkWX1UMx2CoywYRHD0tIugz6odTSz5tcBU0tgWzo6B\n\
            JsS1RZnwx0IXdIHEMPBxmB768wKBgQC2Q3+LvJS7IDZ4St71iMOQSABWf1UjNhUy\n\
            n97ycUrNEhL/J7uALBjDLdWSHK/uBhpa1QIRWT9UIHq/Rxblc062kEL5AIIxQHYB\n\
            pj2vwMHmxoFFiYdzqRmkWtDbzokdo73aRWCuQMfjUhIreb6cAhmBXGS8TKewXEuL\n\
            e8tDMsmidwKBgQCEqVBH53sW5t/6M7OcFjZt9tyRXhmUBRxvJqQGo7OAVw5e36cZ\n\
            qEKfU91zYX4aCOALoR1V3pPQ1HnTeh1cwjWd22FGeO1upVknH6ocU7ODtvYYSIJ1\n\
            q/FOuR/v4xiCVHVyKpDN+SL0PcCOHeeyX7BJ234QMkBiNwnQBKEZiU0nWwKBgAQE\n\
            ELdffFdzKkAURj1auhRfwcImJBYWhvkKlLr6zA8gqtJ8aaE1V4ZVaDND9oxkDgia\n\
            UOVY9hBAdvPn+RUtKTrUiuU5oaS8Kt12cD2DHcKb9RU3Jojh3PLGHXv6XQMOLIy2\n\
            op60RrM3h7b1g8GkOjOjeYS8m6VDI1b7b0sXv2GZAoGAfTuRhikJTdcaUsqmzN3W\n\
            2nPrJiTzGWwT99DTQyaRQFbyDmFZVhzEmwXF+OyKlqIbTwAhC4jVfHmxx0HotHjN\n\
            dkMzb3WmPnbMpf6dvH3cbjIyxQ1ZqdZkiQZV7DMTNKQ3EM0a0H6sYgv9O+dpxhQ/\n\
            NdYGjwJdZBk1x0qeAWm9VgE=\n\
            -----END PRIVATE KEY-----";
        let payload = b"symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2\
            &timestamp=1668481559918&recvWindow=5000";
        let expected = "XylMLD04Z4y20WORvEFphOz0q5ZRuaEO0LXRWYzP0cL2mPNMvkK6wWnlr1QNVRW1vk4tGbqxJNAStUZYOzZY58\
            YQaRj3ra9Q3Xwq3vxfAAjvcnvk/O10lfkJUo7yb1ZC4TqLyDmnAgO2TlVnkMKadZlBkpIAy0PcvrKN7YhL6wpA\
            9dEiHT9sG0HiGsp5SSQ+hR9giltbSi6EVQ+X1fOLdASYB+9VARExZpmSywwWG3iOVDOnMijh1VQb4S6zMPIGA5\
            z1MQ+BRkXuWIUoN3febsM46zWeefuoN+UHajY4fAwDA81PzWnGtvc9hy2a1UwbQEYUS0xJ1Qp7FY/64+J16A==";
        let signed = PrivateKey::from_pem(pem).unwrap().sign(payload).unwrap();
        assert_eq!(base64(&signed), expected);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for pem in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            assert!(PrivateKey::from_pem(pem).is_err(), "{pem}");
        }
    }
}
