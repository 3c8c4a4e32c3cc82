//! What every page has around its content.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::{Caller, Proof};

use super::assets::ASSETS;

/// Nothing from elsewhere, nothing inline; pages are not shown inside other pages. Images are those that the chart
/// library makes.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where a page belongs in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Jobs,
    Submit,
    Strategies,
    Data,
    Health,
}

const MENU: [(Place, &str, &str); 5] = [
    (Place::Jobs, "/jobs", "Jobs"),
    (Place::Submit, "/backtests/new", "New backtest"),
    (Place::Strategies, "/strategies", "Strategies"),
    (Place::Data, "/data", "Data"),
    (Place::Health, "/health", "Health"),
];

/// A page.
pub(super) struct Page {
    title: String,
    place: Option<Place>,
    status: StatusCode,
    signed_in: Option<String>,
    content: Markup,
}

impl Page {
    /// Returns a page; `content` is what its `main` holds.
    pub(super) fn new(title: impl Into<String>, place: impl Into<Option<Place>>, content: Markup) -> Self {
        Self { title: title.into(), place: place.into(), status: StatusCode::OK, signed_in: None, content }
    }

    /// Sends it with this status.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Shows it to this caller: who signed in with a browser can sign out.
    pub(super) fn to(mut self, caller: &Caller) -> Self {
        self.signed_in = (caller.proof == Proof::Session).then(|| caller.name.clone());
        self
    }

    fn document(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " - TradAI" }
                    link rel="icon" href=(ASSETS.icon());
                    link rel="stylesheet" href=(ASSETS.style.path());
                    // What plotly.js looks for before it would add a style element of its own.
                    meta id="plotly.js-style-global" class="no-inline-styles";
                    script type="module" src=(ASSETS.script.path()) {}
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    (self.menu())
                    p #announce .unseen role="status" aria-live="polite" {}
                    main #main tabindex="-1" {
                        // Filled by the script when the page cannot show what is new.
                        p #not-live .message.warn hidden {}
                        (self.content)
                    }
                }
            }
        }
    }

    fn menu(&self) -> Markup {
        html! {
            nav.bar aria-label="Main" {
                a.brand href="/" { "TradAI" }
                @for (place, path, name) in MENU {
                    a href=(path) aria-current=[(self.place == Some(place)).then_some("page")] { (name) }
                }
                a href="/docs" { "API" }
                @if let Some(name) = &self.signed_in {
                    form method="post" action="/logout" { span.quiet.small { (name) } " " button { "Sign out" } }
                }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        (self.status, headers(), self.document().into_string()).into_response()
    }
}

fn headers() -> HeaderMap {
    let values: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    values.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// Returns whether the caller may change things, so that buttons show only where they would work.
pub(super) fn may(caller: &Caller, role: Role) -> bool {
    caller.role >= role
}

/// The label of candles that were made up.
pub(super) fn synthetic() -> Markup {
    html! { span.synthetic title="The candles are made up; results say nothing about a real market." { "SYNTHETIC" } }
}

/// A status with its dot.
pub(super) fn status(word: &str) -> Markup {
    html! { span class={ "status " (word) } { (word.replace('_', " ")) } }
}

/// Says in the place of something that it is not there, and why.
pub(super) fn missing(what: &str, reason: &str) -> Markup {
    html! { p.message.warn { strong { (what) } " " (reason) } }
}

/// JSON for scripts to read: it cannot end the element it stands in.
pub(super) fn data(id: &str, json: &str) -> Markup {
    let json = json.replace('<', "\\u003c");
    html! { script type="application/json" id=(id) { (PreEscaped(json)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let page = Page::new("<script>alert(1)</script>", None, html! { p { ("<img src=x onerror=a>") } });
        let document = page.document().into_string();
        assert!(!document.contains("<script>alert") && !document.contains("<img"), "{document}");
        assert!(document.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn data_cannot_end_its_element() {
        let data = data("content", r#"{"a":"</script><script>alert(1)"}"#).into_string();
        assert_eq!(data.matches("</script>").count(), 1, "{data}");
        let json = data.split_once('>').unwrap().1.strip_suffix("</script>").unwrap();
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(value["a"], "</script><script>alert(1)");
    }

    #[test]
    fn nothing_inline_is_allowed() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains('*'));
        let document = Page::new("a", Place::Jobs, html! {}).document().into_string();
        assert!(!document.contains(" style=") && !document.contains(" onclick="));
    }
}
