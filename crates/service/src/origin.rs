//! Which pages may make a browser call: those of this address, and of the origins in the settings.
//!
//! Browsers let any page send a form and open a WebSocket anywhere, and say in `Origin` which page it was. CORS only
//! decides what a page may read; this decides what it may do.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};

use crate::problem::{Code, Problem};

/// Refuses what other pages want done.
pub(crate) fn refuse_foreign_page(request: &Parts, allowed: &[String]) -> Result<(), Problem> {
    let headers = &request.headers;
    if changes_or_listens(&request.method, headers) && !is_welcome(headers, allowed) {
        let detail = "pages of this origin may not do this; see CORS_ORIGINS";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    Ok(())
}

/// What CORS does not stop: changes, and sockets, which are opened with a GET.
pub(crate) fn changes_or_listens(method: &Method, headers: &HeaderMap) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    !reads || headers.contains_key(header::UPGRADE)
}

/// Whether a browser says that a page asks which may: requests that got past [`refuse_foreign_page`] and name a page
/// come from one of ours.
pub(crate) fn is_from_a_page_of_ours(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || fetch_site(headers) == Some("same-origin")
}

/// Whether the caller is no page, or a page of this address or an allowed one.
fn is_welcome(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return !matches!(fetch_site(headers), Some("cross-site" | "same-site"));
    };
    let Ok(origin) = origin.to_str() else { return false };
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let is_own = own.zip(authority).is_some_and(|(own, authority)| own.eq_ignore_ascii_case(authority));
    is_own || allowed.iter().any(|allowed| allowed == origin)
}

/// What browsers say of where a request comes from, also where they name no origin.
fn fetch_site(headers: &HeaderMap) -> Option<&str> {
    static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    headers.get(&FETCH_SITE)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_places_are_not_welcome() {
        let headers = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "localhost:8002".parse().unwrap());
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            headers
        };
        let allowed = ["https://app.example".to_owned()];
        assert!(is_welcome(&HeaderMap::new(), &allowed));
        for origin in ["http://localhost:8002", "http://LOCALHOST:8002", "https://app.example"] {
            assert!(is_welcome(&headers(origin), &allowed), "{origin}");
        }
        for origin in ["http://localhost:3000", "https://evil.example", "http://x@localhost:8002", "null", ""]
        {
            assert!(!is_welcome(&headers(origin), &allowed), "{origin}");
        }
        for (site, welcome) in
            [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)]
        {
            let headers = HeaderMap::from_iter([("sec-fetch-site".parse().unwrap(), site.parse().unwrap())]);
            assert_eq!(is_welcome(&headers, &allowed), welcome, "{site}");
        }
    }
}
