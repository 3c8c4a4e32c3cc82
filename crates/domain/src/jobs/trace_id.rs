//! What a request is called in every process that works for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A trace: 32 hexadecimal digits, as W3C's `traceparent` has them; never all zero.
///
/// A UUID with dashes is read too: 128 bits in another notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId(Uuid);

const DIGITS: usize = uuid::fmt::Simple::LENGTH;

/// The text is no trace id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no trace id; write 32 hexadecimal digits or a UUID, not all zero")]
pub struct TraceIdError(pub String);

impl TraceId {
    /// Returns the trace of these bits, or `None` when all are zero.
    #[must_use]
    pub fn new(id: Uuid) -> Option<Self> {
        (!id.is_nil()).then_some(Self(id))
    }

    /// Returns its bits.
    #[must_use]
    pub fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl From<super::super::JobId> for TraceId {
    /// A job that nobody asked for in a trace begins its own.
    fn from(id: super::super::JobId) -> Self {
        Self::new(id.0).unwrap_or(Self(Uuid::from_u128(1)))
    }
}

impl FromStr for TraceId {
    type Err = TraceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `Uuid` reads braces and URNs too, which nothing else takes for a trace.
        let plain = matches!(text.len(), 32 | 36) && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let id = plain.then(|| Uuid::parse_str(text).ok()).flatten();
        id.and_then(Self::new).ok_or_else(|| TraceIdError(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for TraceId {
    type Error = TraceIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_simple().encode_lower(&mut [0; DIGITS]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_are_one_trace() {
        let plain: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let dashed: TraceId = "4BF92F35-77b3-4da6-a3ce-929d0e0e4736".parse().unwrap();
        assert_eq!(plain, dashed);
        assert_eq!(dashed.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in ["", &"0".repeat(32), "{4bf92f3577b34da6a3ce929d0e0e4736}", "4bf9", &"g".repeat(32)] {
            assert!(bad.parse::<TraceId>().is_err(), "{bad}");
        }
    }
}
