//! JSON as exchanges send it: hostile, tolerant of types, and with numbers that must not become floats.
//!
//! [`Json`] borrows from the bytes it was read from and keeps numbers as their text. Its accessors forgive what
//! exchanges mix freely: a number may be a string, an empty string is absent. `serde_json` would need its
//! `arbitrary_precision` for this, a feature that changes every other crate of the workspace.
//!
//! Invariant: reading costs memory in proportion to the input, and nesting beyond [`MAX_DEPTH`] is refused.

mod scanner;
mod write;

use std::borrow::Cow;

use tradai_domain::Millis;

pub use scanner::{JsonError, MAX_DEPTH, Scanner};

use crate::Decimal;

/// One JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A string without its escapes.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, in the order it was written.
    Map(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// What stands for a missing value.
const NULL: Json<'static> = Json::Null;

impl<'a> Json<'a> {
    /// Reads one document.
    ///
    /// # Errors
    /// [`JsonError`] where the bytes are no JSON, nest too deep, or go on after the value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|error| JsonError { at: error.valid_up_to() })?;
        let mut scanner = Scanner::new(text);
        let value = scanner.value(0)?;
        scanner.end()?;
        Ok(value)
    }

    /// Returns the member of this name; `null` when this is no object or has none.
    #[must_use]
    pub fn get(&self, key: &str) -> &Json<'a> {
        match self {
            Self::Map(members) => {
                members.iter().find(|(name, _)| name == key).map_or(&NULL, |(_, value)| value)
            }
            _ => &NULL,
        }
    }

    /// Returns the member, of the first of these names that is there and neither null nor empty.
    #[must_use]
    pub fn first(&self, keys: &[&str]) -> &Json<'a> {
        keys.iter().map(|key| self.get(key)).find(|value| value.as_str().is_some()).unwrap_or(&NULL)
    }

    /// Returns whether this is an object with a member of this name.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        matches!(self, Self::Map(members) if members.iter().any(|(name, _)| name == key))
    }

    /// Returns the elements; none when this is no array.
    #[must_use]
    pub fn items(&self) -> &[Json<'a>] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the members; none when this is no object.
    #[must_use]
    pub fn members(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    /// Returns the element at this place; `null` when there is none.
    #[must_use]
    pub fn at(&self, index: usize) -> &Json<'a> {
        self.items().get(index).unwrap_or(&NULL)
    }

    /// Returns the text of a string, number or boolean; `None` for an empty string and anything else.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            Self::Number(text) => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// Returns [`Json::as_str`] as an owned string.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }

    /// Returns the number of a number or a string.
    #[must_use]
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Bool(_) => None,
            _ => self.as_str()?.parse().ok(),
        }
    }

    /// Returns the number unless it is zero: how exchanges say "none".
    #[must_use]
    pub fn as_nonzero(&self) -> Option<Decimal> {
        self.as_decimal().filter(|number| !number.is_zero())
    }

    /// Returns the whole number of a number or a string.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        let text = self.as_str()?;
        text.parse().ok().or_else(|| text.parse::<Decimal>().ok()?.to_i64())
    }

    /// Returns a moment in milliseconds.
    #[must_use]
    pub fn as_millis(&self) -> Option<Millis> {
        self.as_i64()
    }

    /// Returns a truth value: a boolean, or its name as text.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_str()? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Returns whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_text_and_strings_lose_their_escapes() {
        let json =
            Json::parse(br#"{"a": 0.10000000000000000001, "b": "x\u00e9\ud83d\ude00\n", "c": [1, null]}"#)
                .unwrap();
        assert_eq!(json.get("a"), &Json::Number("0.10000000000000000001"));
        assert_eq!(json.get("b").as_str(), Some("x\u{e9}\u{1f600}\n"));
        assert_eq!(json.get("c").items().len(), 2);
        assert!(json.get("none").get("deeper").is_null());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":}",
            "01",
            "1.",
            "-",
            "nul",
            "\"\\x\"",
            "\"",
            "[1] 2",
            "{\"a\" 1}",
            "\"\\ud800\"",
            "+1",
            "1e",
            "\"a\nb\"",
        ] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Json::parse("[".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(json) = Json::parse(&bytes) {
                prop_assert!(Json::parse(json.to_string().as_bytes()).is_ok());
            }
        }

        #[test]
        fn agrees_with_serde_json_on_what_is_json(text in r#"[\[\]{}",:0-9.eE+\-truefalsn\\ ]{0,40}"#) {
            let ours = Json::parse(text.as_bytes()).is_ok();
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(ours, theirs, "{}", text);
        }

        #[test]
        fn written_and_read_again_is_the_same(text in "\\PC{0,20}", number in any::<i64>()) {
            let number = number.to_string();
            let json = Json::Map(vec![(text.as_str().into(), Json::List(vec![Json::Number(&number), Json::Null]))]);
            let written = json.to_string();
            prop_assert_eq!(Json::parse(written.as_bytes()).unwrap(), json);
        }
    }
}
