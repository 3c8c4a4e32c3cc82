//! What pages ask other services.

use std::time::Duration;

use serde_json::Value;

use crate::infrastructure::peer::{Peer, PeerError};

/// A page does not wait long for something that it can do without.
const PATIENCE: Duration = Duration::from_secs(4);

/// The other services.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    /// Where candles are collected.
    pub(crate) data_collection: Peer,
    /// Where strategies and their configs are.
    pub(crate) strategy_service: Peer,
}

/// Asks for a document; the error is said in its place on the page.
pub(super) async fn ask(peer: &Peer, path: &str, query: &[(&str, &str)]) -> Result<Value, PeerError> {
    peer.get(path, query, PATIENCE).await
}

/// Returns the items of a list, of at most this many pages, and whether there are more.
pub(super) async fn list(
    peer: &Peer,
    path: &str,
    query: &[(&str, &str)],
    pages: usize,
) -> Result<(Vec<Value>, bool), PeerError> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    for _ in 0..pages {
        let mut query = query.to_vec();
        query.push(("limit", "500"));
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let mut page = ask(peer, path, &query).await?;
        if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
            items.extend(found);
        }
        cursor = text(&page, "next_cursor").to_owned();
        if cursor.is_empty() {
            return Ok((items, false));
        }
    }
    Ok((items, true))
}

/// Returns a text of a document, or nothing.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a count of a document, or 0.
pub(super) fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// Returns a list of a document, or an empty one.
pub(super) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
