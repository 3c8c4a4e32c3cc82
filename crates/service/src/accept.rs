//! Which of several media types a client wants: `Accept`, RFC 9110, section 12.5.1.

use axum::http::{HeaderMap, header};

/// Most media ranges that are looked at.
const RANGES: usize = 50;

/// Returns which of these media types a client wants most: the one with the greatest weight, the first that it names of
/// several. A range such as `*/*` means the first of `offered` that it covers. `None` when it wants none of them, or does
/// not say.
#[must_use]
pub fn preferred<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let lists = headers.get_all(header::ACCEPT).iter().filter_map(|list| list.to_str().ok());
    let ranges: Vec<(&str, f32)> = lists.flat_map(|list| list.split(',')).take(RANGES).map(range).collect();
    let is_refused =
        |kind: &str| ranges.iter().any(|(range, weight)| *weight <= 0.0 && range.eq_ignore_ascii_case(kind));
    let mut best: Option<(&str, f32)> = None;
    for (range, weight) in &ranges {
        let mut covered = offered.iter().filter(|kind| covers(range, kind));
        let Some(found) = covered.find(|kind| !is_refused(kind)) else { continue };
        if *weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((found, *weight));
        }
    }
    best.map(|(found, _)| found)
}

/// Reads a media range and its weight; one without a weight has 1, one with a bad one 0.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (kind, weight.map_or(1.0, |text| text.parse().unwrap_or(0.0)))
}

fn covers(range: &str, kind: &str) -> bool {
    match range.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => kind.split('/').next().is_some_and(|of| of.eq_ignore_ascii_case(family)),
        None => kind.eq_ignore_ascii_case(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_weight_counts_and_the_first_of_equals() {
        let offered = ["application/json", "text/csv", "application/vnd.apache.parquet"];
        for (accept, wanted) in [
            ("text/csv;q=0.1, application/json", Some("application/json")),
            ("application/json;q=0.5, text/csv", Some("text/csv")),
            ("text/csv, application/json", Some("text/csv")),
            ("text/csv;q=0.1, */*;q=0.8", Some("application/json")),
            ("text/html, */*;q=0.1", Some("application/json")),
            ("text/*", Some("text/csv")),
            ("TEXT/CSV; charset=utf-8; q=0.3", Some("text/csv")),
            ("text/csv;q=0", None),
            ("application/json;q=0, */*", Some("text/csv")),
            ("text/csv;q=x, text/csv;q=-1, text/csv;q=NaN", None),
            ("text/html", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(preferred(&headers, &offered), wanted, "{accept}");
        }
        assert_eq!(preferred(&HeaderMap::new(), &offered), None);
    }
}
