//! Services that ask for somebody.

use tradai_platform::settings::sections::{ApiKeySetting, HttpSettings};
use tradai_service::axum::http::Request;
use tradai_service::{App, ON_BEHALF_OF};

use super::issuer::{Answer, Issuer, Signer};
use super::{KEY, app, ask, believing, clock, key_of_ann, with};
use crate::api::{Reply, loopback};

const SERVICE: &str = "tradai_service-1";

fn key_of_a_service() -> ApiKeySetting {
    format!("backend:trader:{}:service", blake3::hash(SERVICE.as_bytes()).to_hex()).parse().unwrap()
}

fn settings() -> HttpSettings {
    with(vec![key_of_ann(), key_of_a_service()], None)
}

/// Asks who is taken for the caller, with names in the header.
async fn whose(app: &App, credential: (&str, &str), names: &[&[u8]]) -> Reply {
    let request = Request::get("/whose").header(credential.0, credential.1);
    ask(app, names.iter().fold(request, |request, name| request.header(ON_BEHALF_OF, *name))).await
}

#[tokio::test]
async fn a_service_asks_for_whom_it_names_and_may_do_what_it_may() {
    let app = app(&settings(), &clock());
    let service = ("x-api-key", SERVICE);
    for (names, expected) in [
        (&[b"bob".as_slice()][..], "bob via backend trader"),
        (&["jwt:j\u{fc}rgen".as_bytes()], "jwt:j\u{fc}rgen via backend trader"),
        (&[], "backend via nobody trader"),
    ] {
        let reply = whose(&app, service, names).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, expected));
    }
    for names in [&[b"".as_slice()][..], &[b" "], &[&[b'x'; 257]], &[b"\xff"], &[b"a\tb"], &[b"bob", b"eve"]]
    {
        assert_eq!(whose(&app, service, names).await.code(), "VAL001", "{names:?}");
    }
}

#[tokio::test]
async fn nobody_else_can_say_that_they_are_somebody() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::start(Answer::Keys(vec![signer.jwk()])).await;
    let keys = vec![key_of_ann(), key_of_a_service()];
    let app = app(&with(keys, Some(believing(issuer.source()))), &clock());
    let token = format!("Bearer {}", signer.token(&["admin"]));
    let session = Request::post("/api/v1/auth/session").header("content-type", "application/json");
    let session = session.header("host", "localhost:8000").body(format!(r#"{{"key": "{SERVICE}"}}"#).into());
    let session = crate::api::send(&app, session.unwrap()).await;
    let cookie = session.header("set-cookie").split(';').next().unwrap().to_owned();
    for credential in [("x-api-key", KEY), ("authorization", token.as_str()), ("cookie", cookie.as_str())] {
        let refused = whose(&app, credential, &[b"bob"]).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "AUTH002"), "{credential:?}");
        assert_eq!(whose(&app, credential, &[]).await.status, 200, "{credential:?}");
    }
    assert_eq!(whose(&app, ("x-api-key", "unknown"), &[b"bob"]).await.code(), "AUTH001");
}

#[tokio::test]
async fn where_nobody_is_asked_nobodys_word_counts() {
    let app = app(&loopback(), &clock());
    let reply = whose(&app, ("accept", "*/*"), &[b"bob"]).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "local via nobody admin"));
}
