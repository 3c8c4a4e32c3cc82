//! Query strings and form bodies.

use std::borrow::Cow;

/// Parameters in the order they will be sent; signatures cover that order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query(Vec<(Cow<'static, str>, String)>);

impl Query {
    /// Returns a query without parameters.
    #[must_use]
    pub fn new() -> Self {
        // An order has about a dozen.
        Self(Vec::with_capacity(12))
    }

    /// Adds a parameter at the end; one of that name keeps its place and takes the new value.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and literals are handed over as they are")]
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl ToString) {
        let (name, value) = (name.into(), value.to_string());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds a parameter if there is a value.
    pub fn set_some(&mut self, name: &'static str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Returns the value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns whether there is no parameter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// Returns `a=1&b=2`, percent-encoded.
    #[must_use]
    pub fn encoded(&self) -> String {
        let mut text = String::with_capacity(256);
        self.encode_into(&mut text);
        text
    }

    /// Writes `a=1&b=2`, percent-encoded, behind what is there; with an `&` before it unless there is nothing.
    pub fn encode_into(&self, text: &mut String) {
        for (name, value) in &self.0 {
            append_pair(text, name, value);
        }
    }

    /// Returns the parameters as a JSON object of strings.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members = self
            .0
            .iter()
            .map(|(name, value)| (name.as_ref().into(), crate::Json::Text(value.as_str().into())));
        crate::Json::Map(members.collect()).to_string()
    }
}

/// Writes `name=value`, percent-encoded, behind what is there.
pub fn append_pair(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('&');
    }
    encode_into(text, name);
    text.push('=');
    encode_into(text, value);
}

/// Encodes everything but letters, digits and `-._~`, as RFC 3986 wants it.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode_into(&mut encoded, text);
    encoded
}

/// Which bytes stay as they are.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    loop {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if byte == u8::MAX {
            break plain;
        }
        byte += 1;
    }
};

fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

fn encode_into(encoded: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if text.bytes().all(is_plain) {
        encoded.push_str(text);
        return;
    }
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(byte.into());
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
            encoded.extend(['%', digits[0], digits[1]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_value_keeps_the_first_place() {
        let mut query = Query::new();
        query.set("a", 1);
        query.set("b", "x y/z");
        query.set("a", 2);
        query.set_some("c", None::<&str>);
        assert_eq!(query.encoded(), "a=2&b=x%20y%2Fz");
        assert_eq!(percent_encode("\u{ff11}"), "%EF%BC%91");
    }
}
