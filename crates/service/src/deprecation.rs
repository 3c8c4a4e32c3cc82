//! Addresses that still work and have a better name.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use chrono::DateTime;
use tradai_domain::Millis;

/// Since when an address is deprecated, when it goes, and what takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecated {
    /// Since when, in milliseconds.
    pub since: Millis,
    /// From when on it may be gone, in milliseconds.
    pub sunset: Millis,
    /// The path that does the same.
    pub successor: &'static str,
}

impl Deprecated {
    /// Lets every reply of these routes say so: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a `Link` to the
    /// successor.
    pub fn layer<S: Clone + Send + Sync + 'static>(self, routes: Router<S>) -> Router<S> {
        let headers = self.headers();
        routes.layer(map_response(move |mut response: Response| {
            for (name, value) in &headers {
                response.headers_mut().append(name, value.clone());
            }
            std::future::ready(response)
        }))
    }

    fn headers(self) -> HeaderMap {
        let sunset = DateTime::from_timestamp_millis(self.sunset).unwrap_or_default();
        let texts = [
            (HeaderName::from_static("deprecation"), format!("@{}", self.since.div_euclid(1000))),
            (HeaderName::from_static("sunset"), sunset.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
            (header::LINK, format!("<{}>; rel=\"successor-version\"", self.successor)),
        ];
        let values =
            texts.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)));
        values.collect()
    }
}
