//! Lists, page by page: `?limit=50&cursor=…` → `{items, next_cursor}` and a `Link`.

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::{FieldFault, Problem};
use crate::seal::Seal;

/// The part of a query that asks for a page. Use it with `#[serde(flatten)]`, or by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most items of a page: 1 to 500, 50 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Asks for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

impl PageQuery {
    /// Returns the part of a query whose other values are read beside it.
    #[must_use]
    pub fn new(limit: Option<String>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Returns how many items are wanted.
    ///
    /// # Errors
    /// When it is no number from 1 to 500.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(limit) = &self.limit else { return Ok(50) };
        let limit = limit.parse().ok().filter(|limit| (1..=500).contains(limit));
        limit.ok_or_else(|| {
            Problem::fields(vec![FieldFault::query("limit", "expected a number from 1 to 500")])
        })
    }
}

/// Seals and opens cursors: what is in them is ours, so a client cannot make one up.
#[derive(Clone)]
pub struct Cursors(Seal);

impl Cursors {
    /// Returns cursors under a secret: the same one lets every instance open every cursor, at any time.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self(Seal::new("tradai-service 2026 page cursors", secret))
    }

    /// Makes a cursor of a position; `list` names the list and its filters, and is needed to open it.
    #[must_use]
    pub fn seal<T: Serialize>(&self, list: &str, position: &T) -> String {
        self.0.seal(list, position)
    }

    /// Opens the cursor of a query; `None` for the first page.
    ///
    /// # Errors
    /// When it was not made here, for this list.
    pub fn open<T: DeserializeOwned>(&self, list: &str, query: &PageQuery) -> Result<Option<T>, Problem> {
        let Some(cursor) = &query.cursor else { return Ok(None) };
        self.0.open(list, cursor).map(Some).ok_or_else(|| {
            let reason = "is not a cursor of this list; start again without one";
            Problem::fields(vec![FieldFault::query("cursor", reason)])
        })
    }
}

/// Returns the header `Link: <…>; rel="next"` of a page that was asked for at `uri`; empty on the last.
#[must_use]
pub fn page_links(uri: &Uri, next_cursor: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(cursor) = next_cursor else { return headers };
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.filter(|(name, _)| name != "cursor")).append_pair("cursor", cursor);
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.finish());
    if let Ok(link) = HeaderValue::try_from(link) {
        headers.insert(header::LINK, link);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors(secret: &str) -> Cursors {
        Cursors::new(&SecretString::from(secret))
    }

    fn query(cursor: &str) -> PageQuery {
        PageQuery { limit: None, cursor: Some(cursor.to_owned()) }
    }

    #[test]
    fn a_cursor_opens_where_it_was_made_and_nowhere_else() {
        let cursor = cursors("a").seal("jobs", &(17, "x"));
        let opened: Option<(u32, String)> = cursors("a").open("jobs", &query(&cursor)).unwrap();
        assert_eq!(opened, Some((17, "x".to_owned())));
        assert!(cursors("b").open::<(u32, String)>("jobs", &query(&cursor)).is_err());
        assert!(cursors("a").open::<(u32, String)>("runs", &query(&cursor)).is_err());
        assert_eq!(cursors("a").open::<u32>("jobs", &PageQuery::default()).unwrap(), None);
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let cursor = cursors("a").seal("jobs", &17);
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(cursors("a").open::<u32>("jobs", &query(&changed)).is_err(), "{at}");
        }
        for hostile in ["", "AAAA", "%%%", &"A".repeat(5000)] {
            assert!(cursors("a").open::<u32>("jobs", &query(hostile)).is_err());
        }
    }

    #[test]
    fn links_keep_the_filters() {
        let uri: Uri = "/api/v1/jobs?status=done&cursor=old&limit=2".parse().unwrap();
        let links = page_links(&uri, Some("new"));
        assert_eq!(links["link"], "</api/v1/jobs?status=done&limit=2&cursor=new>; rel=\"next\"");
        assert!(page_links(&uri, None).is_empty());
    }
}
