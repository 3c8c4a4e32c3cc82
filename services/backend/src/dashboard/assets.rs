//! Style sheets and scripts, served from the program itself.
//!
//! Each has a hash of its content in its address, so that a browser keeps it for good and never shows an old one with
//! a new page.

use std::sync::LazyLock;

use tradai_runner::report::parts;
use tradai_service::axum::Router;
use tradai_service::axum::body::{Body, Bytes};
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::axum::routing::get;

/// One file.
pub(super) struct Asset {
    path: String,
    etag: HeaderValue,
    kind: HeaderValue,
    content: Bytes,
}

/// All of them.
pub(super) struct Assets {
    /// The report's sheet, and what the dashboard needs on top.
    pub(super) style: Asset,
    /// What every page runs.
    pub(super) script: Asset,
    /// Draws the tables of a result.
    pub(super) report: Asset,
    /// The chart library.
    pub(super) library: Asset,
    /// Draws the charts of a result, with the library.
    pub(super) charts: Asset,
    /// The report's means, for [`Assets::compare`].
    pub(super) means: Asset,
    /// Draws several wallets over one another, with the library.
    pub(super) compare: Asset,
    icon: Asset,
}

const JS: &str = "text/javascript; charset=utf-8";
const OURS: [&str; 4] = [
    include_str!("assets/swap.js"),
    include_str!("assets/live.js"),
    include_str!("assets/form.js"),
    include_str!("assets/result.js"),
];

/// Made once per process.
pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new(
        "dashboard.css",
        "text/css; charset=utf-8",
        [parts::style(), include_str!("assets/dashboard.css")].concat(),
    ),
    script: Asset::new("dashboard.js", JS, OURS.concat()),
    report: Asset::new("report.js", JS, parts::script() + include_str!("assets/tables.js")),
    library: Asset::new("plotly.js", JS, Bytes::from_static(parts::library().as_bytes())),
    charts: Asset::new("charts.js", JS, include_str!("assets/charts.js")),
    means: Asset::new("means.js", JS, parts::script()),
    compare: Asset::new("compare.js", JS, include_str!("assets/compare.js")),
    icon: Asset::new("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
});

impl Asset {
    fn new(name: &str, kind: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let hash = blake3::hash(&content).to_hex();
        let hash = hash.get(..16).unwrap_or_default();
        let (stem, ending) = name.split_once('.').unwrap_or((name, "txt"));
        // Hexadecimal digits are allowed in a header.
        let etag = HeaderValue::try_from(format!("\"{hash}\""));
        Self {
            path: format!("/assets/{stem}-{hash}.{ending}"),
            etag: etag.unwrap_or_else(|_| HeaderValue::from_static("\"\"")),
            kind: HeaderValue::from_static(kind),
            content,
        }
    }

    /// Returns its address.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn respond(&self, request: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, self.etag.clone());
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        headers.insert(header::CACHE_CONTROL, forever);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // A proxy may have made the tag a weak one when it compressed the file.
        let known = request.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        let known = known.is_some_and(|tags| {
            tags.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == self.etag.as_bytes())
        });
        if known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        (headers, Body::from(self.content.clone())).into_response()
    }
}

impl Assets {
    fn all(&self) -> [&Asset; 8] {
        let Self { style, script, report, library, charts, means, compare, icon } = self;
        [style, script, report, library, charts, means, compare, icon]
    }

    /// Returns the address of the page's icon.
    pub(super) fn icon(&self) -> &str {
        self.icon.path()
    }

    /// Returns the scripts that draw a result, in their order.
    pub(super) fn result_scripts(&self) -> String {
        [&self.report, &self.library, &self.charts].map(Asset::path).join(" ")
    }

    /// Returns the scripts that draw a comparison, in their order.
    pub(super) fn compare_scripts(&self) -> String {
        [&self.means, &self.library, &self.compare].map(Asset::path).join(" ")
    }
}

/// Returns the routes of all files.
pub(super) fn routes() -> Router {
    ASSETS.all().into_iter().fold(Router::new(), |router, asset| {
        router.route(asset.path(), get(move |headers: HeaderMap| async move { asset.respond(&headers) }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_the_content() {
        let (one, other) = (Asset::new("a.js", JS, "1"), Asset::new("a.js", JS, "2"));
        assert_ne!(one.path(), other.path());
        assert!(one.path().starts_with("/assets/a-") && one.path().ends_with(".js"), "{}", one.path());
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let asset = Asset::new("a.css", "text/css", "body {}");
        assert_eq!(asset.respond(&HeaderMap::new()).status(), StatusCode::OK);
        let tags = format!("\"x\", W/{}", asset.etag.to_str().unwrap());
        let request = HeaderMap::from_iter([(header::IF_NONE_MATCH, tags.parse().unwrap())]);
        assert_eq!(asset.respond(&request).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn ours_name_no_address_and_make_no_markup() {
        for source in OURS {
            for forbidden in ["http:", "https:", "innerHTML", "insertAdjacentHTML", "eval("] {
                assert!(!source.contains(forbidden), "{forbidden}");
            }
        }
    }
}
