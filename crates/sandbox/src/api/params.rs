//! Parameters of a request, from query and body alike.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::number;
use crate::refusal::{Outcome, Refusal};

/// Most parameters that a request may have.
const MAX_PARAMS: usize = 500;

/// Names and values, decoded; an empty value counts as not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Parses query and body, both form-encoded; where both name a parameter, the query's counts.
    pub(crate) fn parse(query: &str, body: &str) -> Self {
        let both = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body.as_bytes()));
        Self(both.take(MAX_PARAMS).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// Returns the members of a JSON object as parameters, as in `batchOrders`.
    pub(crate) fn of_object(object: &Value) -> Self {
        let members = object.as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self(members.take(MAX_PARAMS).map(|(name, value)| (name.clone(), text(value))).collect())
    }

    /// Returns everything but the signature as `name=value`, sorted by name: what is signed on a socket.
    pub(crate) fn sorted(&self) -> String {
        let mut pairs: Vec<&(String, String)> =
            self.0.iter().filter(|(name, _)| name != "signature").collect();
        pairs.sort();
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn need(&self, name: &str) -> Outcome<&str> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(crate) fn integer(&self, name: &str) -> Outcome<Option<i64>> {
        let parse = |text: &str| text.parse().map_err(|_| Refusal::illegal_characters(name, "^[0-9]{1,20}$"));
        self.get(name).map(parse).transpose()
    }

    pub(crate) fn id(&self, name: &str) -> Outcome<Option<u64>> {
        Ok(self.integer(name)?.and_then(|id| u64::try_from(id).ok()))
    }

    pub(crate) fn decimal(&self, name: &str) -> Outcome<Option<Decimal>> {
        let range = "^([0-9]{1,20})(\\.[0-9]{1,20})?$";
        let parse = |text: &str| number::parse(text).ok_or_else(|| Refusal::illegal_characters(name, range));
        self.get(name).map(parse).transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> Outcome<bool> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::illegal_characters(name, "true|false")),
        }
    }

    /// Returns a count, 1 to `max`; larger ones are cut to it, as the exchange does.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Outcome<usize> {
        match self.integer("limit")? {
            None => Ok(default),
            Some(limit) if limit >= 1 => Ok(usize::try_from(limit).unwrap_or(max).min(max)),
            Some(_) => Err(Refusal::malformed("limit")),
        }
    }

    /// Returns a list written as JSON, such as `symbols=["BTCUSDT"]`.
    pub(crate) fn list(&self, name: &str) -> Outcome<Option<Vec<String>>> {
        let parse = |text: &str| serde_json::from_str(text).map_err(|_| Refusal::malformed(name));
        self.get(name).map(parse).transpose()
    }

    /// Returns everything but what changes with each signature, for the log.
    pub(crate) fn for_log(&self) -> Value {
        let told =
            self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "signature" | "timestamp" | "apiKey"));
        told.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn query_and_body_are_one() {
        let params = Params::parse("a=1&b=", "a=2&c=%5B%22X%22%5D&d=TRUE");
        assert_eq!((params.get("a"), params.get("b")), (Some("1"), None));
        assert_eq!(params.list("c"), Ok(Some(vec!["X".to_owned()])));
        assert_eq!(params.flag("d"), Ok(true));
        assert_eq!(params.need("b").map_err(|refusal| refusal.code), Err(-1102));
    }

    proptest! {
        #[test]
        fn never_panics(query in any::<String>(), body in any::<String>()) {
            let params = Params::parse(&query, &body);
            drop((params.integer("a"), params.decimal("a"), params.limit(1, 2), params.for_log()));
        }
    }
}
