//! Moments in texts, as the States Language writes them.

use chrono::{DateTime, FixedOffset};

/// What to write instead of a text that is no moment.
pub(super) const EXAMPLE: &str = "a moment such as 2024-01-31T12:00:00Z";

/// Reads a moment of RFC 3339. The States Language asks for an uppercase `T` in it, and an uppercase `Z` where it has no
/// offset; the RFC itself does not.
pub(super) fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    let is_uppercase = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
    if is_uppercase { DateTime::parse_from_rfc3339(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_uppercase() {
        for text in ["2024-01-31T12:00:00Z", "2024-01-31T12:00:00.25Z", "2024-01-31T13:00:00+01:00"] {
            assert_eq!(parse(text).map(|moment| moment.timestamp()), Some(1_706_702_400), "{text}");
        }
        for text in
            ["2024-01-31t12:00:00Z", "2024-01-31 12:00:00Z", "2024-01-31T12:00:00z", "2024-01-31", "ä"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
