//! An identity provider: signs tokens, and hands its keys out over HTTP.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use tradai_platform::settings::sections::JwksSource;
use tradai_service::axum::Router;
use tradai_service::axum::http::StatusCode;
use tradai_service::axum::response::{IntoResponse, Redirect, Response};
use tradai_service::axum::routing::get;

pub(super) const ISSUER: &str = "https://idp.example/pool";
pub(super) const AUDIENCE: &str = "tradai";

/// Made by `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`, in PKCS #8; opens nothing.
const RSA: &[u8] = include_bytes!("../../keys/rsa-2048-of-tests.pk8");

/// A key pair with an id.
pub(super) enum Signer {
    Rs256(&'static str, Box<RsaKeyPair>),
    Es256(&'static str, Box<EcdsaKeyPair>),
}

pub(super) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(super) fn rs256(id: &'static str) -> Self {
        Self::Rs256(id, Box::new(RsaKeyPair::from_pkcs8(RSA).unwrap()))
    }

    pub(super) fn es256(id: &'static str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self::Es256(id, Box::new(pair))
    }

    pub(super) fn jwk(&self) -> Value {
        match self {
            Self::Rs256(id, pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": encoded(public.n), "e": encoded(public.e)})
            }
            Self::Es256(id, pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "kid": id, "crv": "P-256", "x": encoded(x), "y": encoded(y)})
            }
        }
    }

    pub(super) fn header(&self) -> Value {
        match self {
            Self::Rs256(id, _) => json!({"alg": "RS256", "kid": id, "typ": "JWT"}),
            Self::Es256(id, _) => json!({"alg": "ES256", "kid": id}),
        }
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rs256(_, pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Es256(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// Signs claims under any header.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        format!("{signed}.{}", encoded(self.signature(signed.as_bytes())))
    }

    /// A token that is good for a minute from [`super::NOW_MS`] on.
    pub(super) fn token(&self, groups: &[&str]) -> String {
        self.sign(&self.header(), &claims(groups))
    }
}

pub(super) fn claims(groups: &[&str]) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "1b2c", "cognito:groups": groups,
        "iat": super::NOW_MS / 1000, "exp": super::NOW_MS / 1000 + 60,
    })
}

/// What the issuer answers.
#[derive(Clone)]
pub(super) enum Answer {
    Keys(Vec<Value>),
    Text(String),
    Failure,
    Elsewhere,
    Never,
}

/// Its server.
pub(super) struct Issuer {
    address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(super) async fn start(answer: Answer) -> Self {
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let (current, count) = (answer.clone(), asked.clone());
        let keys = get(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = current.lock().unwrap().clone();
            respond(answer)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/jwks.json", keys);
        tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
        Self { address, answer, asked }
    }

    pub(super) fn source(&self) -> JwksSource {
        JwksSource::Url(format!("http://{}/jwks.json", self.address))
    }

    pub(super) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Keys(keys) => json!({"keys": keys}).to_string().into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Failure => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Answer::Elsewhere => Redirect::temporary("http://169.254.169.254/latest").into_response(),
        Answer::Never => std::future::pending().await,
    }
}
