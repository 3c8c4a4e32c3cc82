//! Sessions of people in a browser.

use tradai_platform::settings::sections::HttpSettings;
use tradai_service::App;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use super::issuer::{Answer, Issuer, Signer};
use super::{KEY, app, app_of, ask, believing, clock, key_of_ann, with};
use crate::api::{Reply, send};

const HOUR_MS: i64 = 3_600_000;

/// Sends the form of the page.
async fn sign_in(app: &App, form: &str) -> Reply {
    let request = Request::post("/login")
        .header("host", "localhost:8000")
        .header("origin", "http://localhost:8000")
        .header("content-type", "application/x-www-form-urlencoded");
    send(app, request.body(Body::from(form.to_owned())).unwrap()).await
}

/// The cookie as the browser sends it back.
fn cookie(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && cookie.contains("; Path=/"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

async fn ask_as(app: &App, cookie: &str, method: &str, headers: &[(&str, &str)]) -> Reply {
    let request = Request::builder().method(method).uri("/page").header("cookie", format!("a=b; {cookie}"));
    ask(app, headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

fn sealed() -> HttpSettings {
    let mut settings = with(vec![key_of_ann()], None);
    settings.cursor_secret = Some("0123456789abcdef0123456789abcdef".to_owned().into());
    settings
}

#[tokio::test]
async fn a_session_of_one_service_is_none_of_another_with_the_same_secret_and_keys() {
    let (clock, settings) = (clock(), sealed());
    let (one, other) = (app_of("one", &settings, &clock), app_of("other", &settings, &clock));
    let cookie = cookie(&sign_in(&one, &format!("key={KEY}&next=/")).await);
    let (name, sealed) = cookie.split_once('=').unwrap();
    assert_eq!(name, "tradai_session_one");
    assert_eq!(ask_as(&one, &cookie, "GET", &[]).await.status, 200);
    // Even under the name that the other looks for.
    let renamed = format!("tradai_session_other={sealed}");
    assert_eq!(ask_as(&other, &renamed, "GET", &[]).await.code(), "AUTH001");
    // Another instance of the same service believes it.
    assert_eq!(ask_as(&app_of("one", &settings, &clock), &cookie, "GET", &[]).await.status, 200);
}

#[tokio::test]
async fn somebody_who_wants_a_page_signs_in_and_gets_there() {
    let app = app(&sealed(), &clock());
    let accept = "text/html,application/xhtml+xml";
    let sent = ask(&app, Request::get("/page?wanted=a%26b").header("accept", accept)).await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (303, "/login?next=%2Fpage%3Fwanted%3Da%2526b"),
        "{}",
        sent.text
    );
    let page = ask(&app, Request::get(sent.header("location"))).await;
    assert!(page.status == 200 && page.text.contains("value=\"/page?wanted=a%26b\""), "{}", page.text);
    let refused = sign_in(&app, "key=tradai_wrong&next=/page").await;
    assert!(refused.status == 401 && refused.text.contains("not known"), "{}", refused.text);
    assert_eq!(refused.header("set-cookie"), "");
    let signed_in = sign_in(&app, &format!("key={KEY}&next=%2Fpage%3Fwanted%3Da%2526b")).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/page?wanted=a%26b"));
    let reply = ask_as(&app, &cookie(&signed_in), "GET", &[]).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "ann trader "));
    let elsewhere = sign_in(&app, &format!("key={KEY}&next=//evil.example")).await;
    assert_eq!(elsewhere.header("location"), "/");
    // Programs are told what is the matter.
    assert_eq!(ask(&app, Request::get("/page").header("accept", "*/*")).await.code(), "AUTH001");
    assert_eq!(ask(&app, Request::post("/page").header("accept", accept)).await.code(), "AUTH001");
}

#[tokio::test]
async fn a_session_changes_things_from_pages_of_this_address_only() {
    let app = app(&sealed(), &clock());
    let cookie = cookie(&sign_in(&app, &format!("key={KEY}")).await);
    for (headers, status) in [
        (&[("origin", "http://localhost:8000")][..], 200),
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], 403),
    ] {
        assert_eq!(ask_as(&app, &cookie, "POST", headers).await.status, status, "{headers:?}");
    }
    let socket = [("connection", "upgrade"), ("upgrade", "websocket")];
    assert_eq!(ask_as(&app, &cookie, "GET", &socket).await.status, 403);
}

#[tokio::test]
async fn a_session_ends() {
    let (clock, settings) = (clock(), sealed());
    let app = app(&settings, &clock);
    let cookie = cookie(&sign_in(&app, &format!("key={KEY}")).await);
    let forgotten = ask(&app, Request::post("/logout").header("origin", "http://localhost:8000")).await;
    assert!(forgotten.header("set-cookie").starts_with("tradai_session_test=; Path=/; Max-Age=0;"));
    // The key is out of the settings after a new start; before, another instance knows the session.
    assert_eq!(ask_as(&super::app(&settings, &clock), &cookie, "GET", &[]).await.status, 200);
    let mut without = settings.clone();
    without.auth = with(vec![format!("bob:admin:{}", "0".repeat(64)).parse().unwrap()], None).auth;
    assert_eq!(ask_as(&super::app(&without, &clock), &cookie, "GET", &[]).await.code(), "AUTH001");
    clock.advance(12 * HOUR_MS - 1);
    assert_eq!(ask_as(&app, &cookie, "GET", &[]).await.status, 200);
    clock.advance(1);
    assert_eq!(ask_as(&app, &cookie, "GET", &[]).await.code(), "AUTH001");
}

#[tokio::test]
async fn a_session_cannot_be_made_up() {
    let app = app(&sealed(), &clock());
    let good = cookie(&sign_in(&app, &format!("key={KEY}")).await);
    let (name, value) = good.split_once('=').unwrap();
    let mut other = sealed();
    other.cursor_secret = Some("another secret of this length 00".to_owned().into());
    assert_eq!(ask_as(&super::app(&other, &clock()), &good, "GET", &[]).await.code(), "AUTH001");
    for forged in [
        format!("{name}="),
        format!("{name}={}", value.replace(&value[4..8], "AAAA")),
        format!("{name}={}", &value[..value.len() - 1]),
        format!("{name}={}", "A".repeat(5_000)),
        format!("x{good}"),
    ] {
        assert_eq!(ask_as(&app, &forged, "GET", &[]).await.code(), "AUTH001", "{forged}");
    }
    // Neither key nor hash of it can be read out of the cookie.
    use base64::Engine;
    let shown = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(value).unwrap();
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(!shown.contains(KEY) && !shown.contains(&*blake3::hash(KEY.as_bytes()).to_hex()), "{shown}");
}

#[tokio::test]
async fn programs_may_begin_sessions_too_and_tokens_end_theirs() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::start(Answer::Keys(vec![signer.jwk()])).await;
    let clock = clock();
    let app = app(&with(vec![key_of_ann()], Some(believing(issuer.source()))), &clock);
    let begin = |key: String| {
        let request = Request::post("/api/v1/auth/session")
            .header("host", "localhost:8000")
            .header("origin", "https://localhost:8000")
            .header("content-type", "application/json");
        send(&app, request.body(Body::from(serde_json::json!({"key": key}).to_string())).unwrap())
    };
    assert_eq!(begin("x".to_owned()).await.code(), "AUTH001");
    let key = begin(KEY.to_owned()).await;
    assert_eq!(
        (&key.json()["name"], &key.json()["expires_at"]),
        (&"ann".into(), &"2023-11-15T10:13:20.000Z".into())
    );
    assert!(key.header("set-cookie").ends_with("; Secure"), "the page came over TLS");
    let token = begin(signer.token(&["viewer"])).await;
    assert_eq!(token.json()["expires_at"], "2023-11-14T22:15:20.000Z");
    let cookie = cookie(&token);
    assert_eq!(ask_as(&app, &cookie, "GET", &[]).await.text, "jwt:1b2c viewer ");
    clock.advance(120_000);
    assert_eq!(ask_as(&app, &cookie, "GET", &[]).await.code(), "AUTH001");
    let ended = ask(&app, Request::delete("/api/v1/auth/session")).await;
    assert!(ended.status == 204 && ended.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn a_session_of_a_token_ends_with_the_belief_in_its_issuer() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::start(Answer::Keys(vec![signer.jwk()])).await;
    let clock = clock();
    let sealed = |tokens: Option<tradai_platform::settings::sections::JwtSettings>| {
        let mut settings = with(vec![key_of_ann()], tokens);
        settings.cursor_secret = Some("0123456789abcdef0123456789abcdef".to_owned().into());
        app(&settings, &clock)
    };
    let believed = believing(issuer.source());
    let begun = sign_in(&sealed(Some(believed.clone())), &format!("key={}", signer.token(&["viewer"]))).await;
    let cookie = cookie(&begun);
    assert_eq!(ask_as(&sealed(Some(believed.clone())), &cookie, "GET", &[]).await.status, 200);
    let mut other = believed.clone();
    other.issuer = "https://other.example".to_owned();
    assert_eq!(ask_as(&sealed(Some(other)), &cookie, "GET", &[]).await.code(), "AUTH001");
    let mut other = believed;
    other.audience = vec!["others".to_owned()];
    assert_eq!(ask_as(&sealed(Some(other)), &cookie, "GET", &[]).await.code(), "AUTH001");
    assert_eq!(ask_as(&sealed(None), &cookie, "GET", &[]).await.code(), "AUTH001");
}
