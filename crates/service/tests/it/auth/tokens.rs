//! Tokens, against an issuer that answers over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tradai_domain::ManualClock;
use tradai_platform::settings::sections::JwksSource;
use tradai_service::App;
use tradai_service::axum::extract::ConnectInfo;
use tradai_service::axum::http::Request;

use super::issuer::{Answer, Issuer, Signer, claims, encoded};
use super::{KEY, app, ask, ask_with, believing, clock, key_of_ann, with};

const MINUTE_MS: i64 = 60_000;

/// A service that believes an issuer with these keys.
async fn believer(signers: &[&Signer]) -> (App, Issuer, Arc<ManualClock>) {
    let issuer = Issuer::start(Answer::Keys(signers.iter().map(|signer| signer.jwk()).collect())).await;
    let clock = clock();
    let app = app(&with(Vec::new(), Some(believing(issuer.source()))), &clock);
    (app, issuer, clock)
}

#[tokio::test]
async fn tokens_of_both_kinds_let_in_with_the_highest_of_their_roles() {
    let (rsa, ec) = (Signer::rs256("rsa"), Signer::es256("ec"));
    let (app, issuer, _) = believer(&[&rsa, &ec]).await;
    for (token, expected) in [
        (rsa.token(&["viewer"]), "jwt:1b2c viewer "),
        (ec.token(&["everybody", "trader", "viewer"]), "jwt:1b2c trader "),
        (ec.token(&["admin"]), "jwt:1b2c admin "),
    ] {
        let reply = ask_with(&app, &token).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, expected));
    }
    assert_eq!(issuer.asked(), 1, "keys are kept");
}

#[tokio::test]
async fn strangers_at_an_address_cost_tokens_nothing_and_bad_tokens_are_slowed_down() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::start(Answer::Keys(vec![signer.jwk()])).await;
    let mut settings = with(Vec::new(), Some(believing(issuer.source())));
    (settings.limits.client_rate, settings.limits.client_burst) = (1, 2);
    let app = app(&settings, &clock());
    let from = |peer: &str| {
        let peer: SocketAddr = peer.parse().unwrap();
        Request::get("/page").extension(ConnectInfo(peer))
    };
    let with_token = async |peer: &str, token: &str| {
        ask(&app, from(peer).header("authorization", format!("Bearer {token}"))).await.status
    };
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(ask(&app, from("10.0.0.1:1")).await.status);
    }
    assert!(strangers.contains(&429), "{strangers:?}");
    assert_eq!(with_token("10.0.0.1:1", &signer.token(&["viewer"])).await, 200);
    let mut bad = Vec::new();
    for _ in 0..20 {
        bad.push(with_token("10.0.0.2:1", &Signer::es256("ec").token(&["viewer"])).await);
    }
    assert!(bad.starts_with(&[401]) && bad.contains(&429), "{bad:?}");
}

#[tokio::test]
async fn a_token_without_a_role_is_known_and_may_do_nothing() {
    let signer = Signer::es256("ec");
    let (app, ..) = believer(&[&signer]).await;
    for groups in [&[][..], &["everybody"]] {
        let reply = ask_with(&app, &signer.token(groups)).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "AUTH002"));
        assert!(reply.text.contains("cognito:groups"), "{}", reply.text);
    }
}

#[tokio::test]
async fn what_is_wrong_with_claims_is_told() {
    let signer = Signer::rs256("rsa");
    let (app, ..) = believer(&[&signer]).await;
    let now = super::NOW_MS / 1000;
    for (name, value, text) in [
        ("iss", json!("https://evil.example"), "another issuer"),
        ("aud", json!("other"), "another audience"),
        ("exp", json!(now - 61), "has expired"),
        ("exp", json!("later"), "no time"),
        ("nbf", json!(now + 61), "not good yet"),
        ("iat", json!(now + 61), "not good yet"),
        ("sub", json!(""), "subject"),
    ] {
        let mut claims = claims(&["admin"]);
        claims[name] = value;
        let reply = ask_with(&app, &signer.sign(&signer.header(), &claims)).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "AUTH001"), "{name}");
        assert!(reply.text.contains(text), "{text}: {}", reply.text);
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_token_ends_by_the_services_clock() {
    let signer = Signer::es256("ec");
    let (app, _, clock) = believer(&[&signer]).await;
    let token = signer.token(&["viewer"]);
    assert_eq!(ask_with(&app, &token).await.status, 200);
    clock.advance(119_999);
    assert_eq!(ask_with(&app, &token).await.status, 200, "the leeway counts");
    clock.advance(1);
    assert_eq!(ask_with(&app, &token).await.status, 401);
}

/// HMAC with the text of the public key as its secret: what a verifier that believes `alg` would take.
fn confused(signer: &Signer) -> String {
    let header = json!({"alg": "HS256", "kid": "rsa"});
    let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims(&["admin"]).to_string()));
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, signer.jwk().to_string().as_bytes());
    format!("{signed}.{}", encoded(ring::hmac::sign(&secret, signed.as_bytes())))
}

#[tokio::test]
async fn forged_tokens_do_not_let_in() {
    let (rsa, ec, stranger) = (Signer::rs256("rsa"), Signer::es256("ec"), Signer::es256("ec"));
    let (app, issuer, _) = believer(&[&rsa, &ec]).await;
    let good = rsa.token(&["viewer"]);
    assert_eq!(ask_with(&app, &good).await.status, 200);
    let parts: Vec<&str> = good.split('.').collect();
    let (admin, sealed) = (encoded(claims(&["admin"]).to_string()), parts[2]);
    let none = encoded(json!({"alg": "none", "kid": "rsa"}).to_string());
    let with_header = |header: Value| rsa.sign(&header, &claims(&["admin"]));
    for (forged, what) in [
        (format!("{}.{admin}.{sealed}", parts[0]), "other claims"),
        (format!("{}.{}.", parts[0], parts[1]), "no signature"),
        (format!("{}.{}", parts[0], parts[1]), "two parts"),
        (format!("{good}.x"), "four parts"),
        (format!("{none}.{admin}."), "no algorithm"),
        (confused(&rsa), "a public key as a secret"),
        (stranger.token(&["admin"]), "the id of another's key"),
        (with_header(json!({"alg": "ES256", "kid": "rsa"})), "the algorithm of another key"),
        (with_header(json!({"alg": "RS512", "kid": "rsa"})), "an algorithm that is not taken"),
        (with_header(json!({"alg": "RS256", "kid": "ec"})), "the key of another algorithm"),
        (with_header(json!({"alg": "RS256"})), "no key id"),
        (with_header(json!({"alg": "RS256", "kid": ["rsa"]})), "a key id that is no text"),
        (with_header(json!({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": false})), "an extension"),
        (with_header(json!({"alg": "RS256", "kid": "rsa", "typ": "dpop+jwt"})), "another kind"),
        (good.replace(['-', '_'], "+"), "another alphabet"),
        ("..".to_owned(), "nothing"),
        ("a.b.c".to_owned(), "garbage"),
        ("%00%ff".to_owned(), "garbage"),
        (format!("{}.{}.{sealed}", parts[0], encoded(vec![b'['; 5_000])), "deep claims"),
        (rsa.sign(&rsa.header(), &json!({"pad": "x".repeat(9_000)})), "a huge one"),
    ] {
        let reply = ask_with(&app, &forged).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "AUTH001"), "{what}: {}", reply.text);
        assert!(!reply.text.contains(sealed), "{what}");
    }
    assert_eq!(issuer.asked(), 1, "the issuer is not asked for what cannot be");
}

#[tokio::test]
async fn keys_and_tokens_may_be_on_together() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::start(Answer::Keys(vec![signer.jwk()])).await;
    let app = app(&with(vec![key_of_ann()], Some(believing(issuer.source()))), &clock());
    assert_eq!(ask_with(&app, KEY).await.text, "ann trader ");
    assert_eq!(issuer.asked(), 0, "a key needs no issuer");
    assert_eq!(ask_with(&app, &signer.token(&["viewer"])).await.text, "jwt:1b2c viewer ");
    assert_eq!(ask_with(&app, "tradai_other").await.code(), "AUTH001");
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_found_and_made_up_ids_cost_nothing() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let (app, issuer, clock) = believer(&[&old]).await;
    assert_eq!(ask_with(&app, &old.token(&["viewer"])).await.status, 200);
    issuer.answers(Answer::Keys(vec![old.jwk(), new.jwk()]));
    for at in 0..50 {
        let made_up = Signer::es256(["x", "y", "z", "new"][at % 4]);
        assert_eq!(ask_with(&app, &made_up.token(&["admin"])).await.status, 401);
    }
    assert_eq!(issuer.asked(), 1, "at most one question in half a minute");
    clock.advance(30_000);
    let token = new.token(&["trader"]);
    let replies = join_all((0..20).map(|_| ask_with(&app, &token))).await;
    assert!(replies.iter().all(|reply| reply.status == 200), "all wait for the one question");
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_key_that_the_issuer_took_back_is_forgotten() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let (app, issuer, clock) = believer(&[&old, &new]).await;
    let long = |signer: &Signer| {
        let mut claims = claims(&["viewer"]);
        claims["exp"] = json!(super::NOW_MS / 1000 + 90_000);
        signer.sign(&signer.header(), &claims)
    };
    assert_eq!(ask_with(&app, &long(&old)).await.status, 200);
    issuer.answers(Answer::Keys(vec![new.jwk()]));
    clock.advance(10 * MINUTE_MS);
    assert_eq!(ask_with(&app, &long(&old)).await.status, 401);
    assert_eq!(ask_with(&app, &long(&new)).await.status, 200);
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn known_keys_are_good_while_the_issuer_is_away_for_a_day() {
    let signer = Signer::es256("ec");
    let (app, issuer, clock) = believer(&[&signer]).await;
    let mut claims = claims(&["viewer"]);
    claims["exp"] = json!(super::NOW_MS / 1000 + 200_000);
    let token = signer.sign(&signer.header(), &claims);
    assert_eq!(ask_with(&app, &token).await.status, 200);
    for away in [Answer::Failure, Answer::Text("<html>".to_owned()), Answer::Elsewhere] {
        issuer.answers(away);
        clock.advance(15 * MINUTE_MS);
        assert_eq!(ask_with(&app, &token).await.status, 200);
    }
    assert_eq!(issuer.asked(), 4);
    clock.advance(24 * 60 * MINUTE_MS);
    let reply = ask_with(&app, &token).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "EXT001"));
    issuer.answers(Answer::Keys(vec![signer.jwk()]));
    clock.advance(30_000);
    assert_eq!(ask_with(&app, &token).await.status, 200, "and again once it is back");
}

#[tokio::test]
async fn nobody_is_let_in_before_the_issuer_was_heard() {
    let signer = Signer::es256("ec");
    for answer in [
        Answer::Failure,
        Answer::Elsewhere,
        Answer::Text("{}".to_owned()),
        Answer::Text(format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(300_000))),
    ] {
        let issuer = Issuer::start(answer).await;
        let app = app(&with(Vec::new(), Some(believing(issuer.source()))), &clock());
        for _ in 0..3 {
            let reply = ask_with(&app, &signer.token(&["admin"])).await;
            assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("EXT001", "30"));
        }
        assert_eq!(issuer.asked(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_does_not_answer_is_given_up() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::start(Answer::Never).await;
    let app = app(&with(Vec::new(), Some(believing(issuer.source()))), &clock());
    assert_eq!(ask_with(&app, &signer.token(&["admin"])).await.code(), "EXT001");
}

#[tokio::test]
async fn keys_may_be_in_a_file_that_changes() {
    let (old, new) = (Signer::es256("old"), Signer::rs256("new"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |signer: &Signer| {
        std::fs::write(file.path(), json!({"keys": [signer.jwk()]}).to_string()).unwrap();
    };
    write(&old);
    let clock = clock();
    let source = JwksSource::File(file.path().to_owned());
    let app = app(&with(Vec::new(), Some(believing(source))), &clock);
    assert_eq!(ask_with(&app, &old.token(&["viewer"])).await.status, 200);
    write(&new);
    clock.advance(30_000);
    assert_eq!(ask_with(&app, &new.token(&["viewer"])).await.status, 200);
}
