//! What a query or a form says: names and texts. A page takes what it knows and leaves the rest.

use form_urlencoded::parse;
use tradai_service::axum::body::Bytes;

/// Pairs that are looked at; a page has far fewer.
const MOST: usize = 200;

/// Names and texts, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        Self::of_bytes(query.unwrap_or_default().as_bytes())
    }

    /// Reads the body of a form.
    pub(super) fn of_form(body: &Bytes) -> Self {
        Self::of_bytes(body)
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Self(parse(bytes).take(MOST).map(|(name, text)| (name.into_owned(), text.into_owned())).collect())
    }

    /// Returns the text of a name, without space around it; `None` when there is none, or nothing in it.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Returns the text of a name, or nothing.
    pub(super) fn text<'a>(&'a self, name: &'a str) -> &'a str {
        self.get(name).unwrap_or_default()
    }

    /// Returns every text of a name that has something in it.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, text)| text.trim()).filter(|text| !text.is_empty())
    }

    /// Returns whether somebody filled anything in.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, text)| text.trim().is_empty())
    }

    /// Returns the query of a link: these values, empty ones left out.
    pub(super) fn query<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(values.into_iter().filter(|(_, text)| !text.is_empty()));
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_name() {
        let params = Params::of_query(Some("a=1&b=&a=2+3&c=%20%C3%A9%20&%ff=1"));
        assert_eq!((params.get("a"), params.get("b"), params.text("c")), (Some("1"), None, "é"));
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1", "2 3"]);
        assert!(Params::of_query(None).is_empty() && Params::of_query(Some("a=&b=+")).is_empty());
    }

    #[test]
    fn a_flood_is_cut() {
        let flood = "x=1&".repeat(100_000);
        assert_eq!(Params::of_query(Some(&flood)).0.len(), MOST);
    }

    #[test]
    fn links_say_what_is_set() {
        assert_eq!(
            Params::query([("status", "failed"), ("strategy", ""), ("x", "a&b")]),
            "status=failed&x=a%26b"
        );
    }
}
