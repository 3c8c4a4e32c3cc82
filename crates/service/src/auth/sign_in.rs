//! Signing in on a page: `/login`, for services that have pages of their own.
//!
//! People who are not known and ask for a page are sent there, and come back to where they wanted to go.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use tracing::info;

use super::door::Door;
use super::routes::is_tls;
use crate::problem::{Code, Problem};

/// The page to sign in on, as HTML. It holds a form that POSTs `key` and `next` to `/login`.
pub type SignInPage = fn(&SignIn<'_>) -> String;

/// What a page to sign in on shows.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// The service's name.
    pub service: &'a str,
    /// Where to go afterwards: a path of this service.
    pub next: &'a str,
    /// Whether a key was just refused.
    pub refused: bool,
}

/// What the page may load: nothing but what is in it.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// `/login` and `/logout`.
pub(crate) fn sign_in_routes(service: &'static str, page: SignInPage, door: &Arc<Door>) -> Router {
    let show = move |service: &'static str, next: String, refused: bool, status: StatusCode| {
        let html = page(&SignIn { service, next: &next, refused });
        (status, [(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response()
    };
    let shown = move |uri: Uri| async move {
        let next = local(value(uri.query().unwrap_or_default().as_bytes(), "next"));
        show(service, next, false, StatusCode::OK)
    };
    let sign_in = move |Extension(door): Extension<Arc<Door>>, headers: HeaderMap, body: Bytes| async move {
        let (key, next) = (value(&body, "key").unwrap_or_default(), local(value(&body, "next")));
        match door.find_holder(key.trim()).await {
            Ok(caller) => {
                info!(caller = caller.name, role = %caller.role, "{} signed in", caller.name);
                let (cookie, _) = door.sessions.begin(&caller, key.trim(), is_tls(&headers));
                (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(&next)).into_response()
            }
            Err(problem) if problem.status().is_server_error() => problem.into_response(),
            Err(_) => show(service, next, true, StatusCode::UNAUTHORIZED),
        }
    };
    let sign_out = |Extension(door): Extension<Arc<Door>>| async move {
        (AppendHeaders([(header::SET_COOKIE, door.sessions.end())]), Redirect::to("/login"))
    };
    Router::new()
        .route("/login", get(shown).post(sign_in))
        .route("/logout", post(sign_out))
        .layer(Extension(door.clone()))
}

/// Whether somebody who is refused is a person with a browser who can do something about it.
pub(super) fn may_sign_in(problem: &Problem, request: &Parts) -> bool {
    let accepts = request.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    problem.code() == Code::Unauthenticated
        && request.method == Method::GET
        && accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// Sends them to the page.
pub(super) fn redirect(wanted: &Uri) -> Response {
    let wanted = wanted.path_and_query().map_or("/", |wanted| wanted.as_str());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", wanted);
    Redirect::to(&format!("/login?{}", query.finish())).into_response()
}

/// The first value of a form or query by this name.
fn value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A path of this service: others could send people anywhere after they signed in. Browsers read `\` as `/`.
fn local(next: Option<String>) -> String {
    let next = next.filter(|next| {
        let mut bytes = next.bytes();
        let is_path = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
        is_path && next.bytes().all(|byte| byte.is_ascii_graphic())
    });
    next.unwrap_or_else(|| "/".to_owned())
}

/// A page for services that have no better one.
#[must_use]
pub fn plain_sign_in_page(sign_in: &SignIn<'_>) -> String {
    let refused = if sign_in.refused {
        r#"<p role="alert">This key is not known, or has no role here.</p>"#
    } else {
        ""
    };
    let (service, next) = (escaped(sign_in.service), escaped(sign_in.next));
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · {service}</title>
<style>:root {{ color-scheme: light dark; font-family: system-ui, sans-serif }}
form {{ max-width: 22rem; margin: 15vh auto; padding: 0 1rem; display: grid; gap: .75rem }}
input, button {{ font: inherit; padding: .5rem }}</style>
<form method="post" action="/login">
<h1>TradAI</h1>
{refused}
<label for="key">API key or token</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<input name="next" type="hidden" value="{next}">
<button>Sign in</button>
</form>
</html>
"#
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for (next, expected) in [
            ("/jobs/1?tab=trades", "/jobs/1?tab=trades"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\r\nset-cookie: x=y", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(Some(next.to_owned())), expected, "{next:?}");
        }
    }

    #[test]
    fn what_the_page_shows_stays_text() {
        let next = "/\"><script>alert(1)</script>";
        let page = plain_sign_in_page(&SignIn { service: "backend", next, refused: true });
        assert!(!page.contains("<script>") && page.contains("value=\"/&quot;&gt;&lt;script&gt;"), "{page}");
    }
}
