//! Query strings and form bodies.

/// Parameters in the order they will be sent; signatures cover that order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Returns a query without parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter at the end; one of that name keeps its place and takes the new value.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and literals are handed over as they are")]
    pub fn set(&mut self, name: impl Into<String>, value: impl ToString) {
        let (name, value) = (name.into(), value.to_string());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds a parameter if there is a value.
    pub fn set_some(&mut self, name: &str, value: Option<impl ToString>) {
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
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns `a=1&b=2`, percent-encoded.
    #[must_use]
    pub fn encoded(&self) -> String {
        self.joined(percent_encode)
    }

    /// Returns `a=1&b=2` as the values are.
    #[must_use]
    pub fn raw(&self) -> String {
        self.joined(str::to_owned)
    }

    fn joined(&self, write: impl Fn(&str) -> String) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{}={}", write(name), write(value))).collect();
        pairs.join("&")
    }

    /// Returns the parameters as a JSON object of strings.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str().into(), crate::Json::Text(value.as_str().into())));
        crate::Json::Map(members.collect()).to_string()
    }
}

/// Encodes everything but letters, digits and `-._~`, as RFC 3986 wants it.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
            encoded.extend(['%', digits[0], digits[1]]);
        }
    }
    encoded
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
        assert_eq!(query.raw(), "a=2&b=x y/z");
        assert_eq!(percent_encode("\u{ff11}"), "%EF%BC%91");
    }
}
