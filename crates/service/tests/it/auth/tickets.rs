//! Tickets, and who one is.

use tradai_service::App;
use tradai_service::axum::http::Request;

use super::issuer::{Answer, Issuer, Signer};
use super::{KEY, app, ask, ask_with, believing, clock, key_of_ann, with};
use crate::api::{Reply, loopback};

async fn ticket(app: &App) -> String {
    let request = Request::post("/api/v1/auth/tickets").header("x-api-key", KEY);
    let reply = ask(app, request).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.json()["expires_at"], "2023-11-14T22:14:20.000Z");
    reply.json()["ticket"].as_str().unwrap().to_owned()
}

/// Asks for an event stream, as a page's `EventSource` does.
async fn stream(app: &App, target: &str) -> Reply {
    ask(app, Request::get(target).header("accept", "text/event-stream")).await
}

#[tokio::test]
async fn a_ticket_opens_one_stream_and_handlers_do_not_see_it() {
    let app = app(&with(vec![key_of_ann()], None), &clock());
    let ticket = ticket(&app).await;
    let target = format!("/page?wanted=x&ticket={ticket}");
    let reply = stream(&app, &target).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "ann trader x"));
    assert_eq!(stream(&app, &target).await.code(), "AUTH001");
}

#[tokio::test(start_paused = true)]
async fn who_comes_too_often_keeps_the_ticket() {
    let mut settings = with(vec![key_of_ann()], None);
    (settings.limits.client_rate, settings.limits.client_burst) = (1, 2);
    let app = app(&settings, &clock());
    let (one, other) = (ticket(&app).await, ticket(&app).await);
    for ticket in [&one, &other] {
        let reply = stream(&app, &format!("/page?ticket={ticket}")).await;
        assert_eq!((reply.status, reply.header("retry-after")), (429, "1"), "{}", reply.text);
    }
    for ticket in [&one, &other] {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        let target = format!("/page?ticket={ticket}");
        assert_eq!(stream(&app, &target).await.status, 200);
        assert_eq!(stream(&app, &target).await.code(), "AUTH001");
    }
}

#[tokio::test]
async fn a_ticket_opens_nothing_else() {
    let app = app(&with(vec![key_of_ann()], None), &clock());
    let ticket = ticket(&app).await;
    let target = format!("/page?ticket={ticket}");
    assert_eq!(ask(&app, Request::get(&target)).await.code(), "AUTH001");
    let post = Request::post(&target).header("accept", "text/event-stream");
    assert_eq!(ask(&app, post).await.code(), "AUTH001");
    let socket = Request::get(&target).header("connection", "upgrade").header("upgrade", "websocket");
    assert_eq!(ask(&app, socket).await.status, 200, "none of these has used it up");
}

#[tokio::test]
async fn tickets_need_a_caller_and_end() {
    let clock = clock();
    let app = app(&with(vec![key_of_ann()], None), &clock);
    assert_eq!(ask(&app, Request::post("/api/v1/auth/tickets")).await.code(), "AUTH001");
    let ticket = ticket(&app).await;
    clock.advance(60_000);
    assert_eq!(stream(&app, &format!("/page?ticket={ticket}")).await.code(), "AUTH001");
}

#[tokio::test]
async fn a_client_need_not_know_whether_anybody_is_asked() {
    let app = app(&loopback(), &clock());
    let reply = ask(&app, Request::post("/api/v1/auth/tickets")).await;
    let target = format!("/page?ticket={}", reply.json()["ticket"].as_str().unwrap());
    assert_eq!(stream(&app, &target).await.text, "local admin ");
}

#[tokio::test]
async fn callers_are_told_who_they_are() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::start(Answer::Keys(vec![signer.jwk()])).await;
    let app = app(&with(vec![key_of_ann()], Some(believing(issuer.source()))), &clock());
    let me = ask(&app, Request::get("/api/v1/me").header("x-api-key", KEY)).await.json();
    assert_eq!(
        me,
        serde_json::json!({"name": "ann", "role": "trader", "proof": "api_key", "expires_at": null})
    );
    let bearer = format!("bearer {}", signer.token(&["viewer"]));
    let me = ask(&app, Request::get("/api/v1/me").header("authorization", bearer)).await.json();
    assert_eq!((&me["name"], &me["proof"]), (&"jwt:1b2c".into(), &"token".into()));
    assert_eq!(me["expires_at"], "2023-11-14T22:15:20.000Z");
    assert_eq!(ask(&app, Request::get("/api/v1/me")).await.code(), "AUTH001");
    assert_eq!(ask_with(&app, "").await.code(), "AUTH001");
}
