//! What a request is called: W3C `traceparent`, `X-Correlation-ID`, or ids of our own.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tradai_domain::jobs::TraceId;
use tradai_domain::{Clock, IdSource};

const TRACEPARENT: &str = "traceparent";
const CORRELATION: &str = "x-correlation-id";
const TRACE: &str = "x-trace-id";

/// The ids of one request. Handlers take it as an argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// 32 hexadecimal digits, the same in every process that works for the request.
    pub trace_id: String,
    /// 16 hexadecimal digits, this service's part of the trace.
    pub span_id: String,
    /// What the client calls the request; the trace id if it did not say.
    pub correlation_id: String,
    /// Who called: the span that the request came from, if it named one.
    pub(crate) parent_id: Option<String>,
    /// Whether somebody keeps the trace's spans.
    pub(crate) sampled: bool,
}

impl RequestIds {
    /// Takes the ids of a request's headers, and makes those that are missing or malformed.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn IdSource, clock: &dyn Clock) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let correlation = text(CORRELATION).filter(|id| is_printable(id));
        let parent = text(TRACEPARENT).and_then(parse_traceparent);
        let sampled = parent.as_ref().is_some_and(|parent| parent.sampled);
        let parent_id = parent.as_ref().map(|parent| parent.span_id.clone());
        let trace_id = parent
            .map(|parent| parent.trace_id)
            .or_else(|| text(TRACE).and_then(parse_trace_id))
            .or_else(|| correlation.and_then(parse_trace_id))
            .unwrap_or_else(|| ids.next(clock).simple().to_string());
        let span_id = ids.next(clock).simple().to_string()[16..].to_owned();
        let correlation_id = correlation.map_or_else(|| trace_id.clone(), str::to_owned);
        Self { trace_id, span_id, correlation_id, parent_id, sampled }
    }

    /// Returns the trace that jobs and audit entries of this request belong to.
    #[must_use]
    pub fn trace(&self) -> Option<TraceId> {
        self.trace_id.parse().ok()
    }

    /// Returns the header by which a client passes the trace on.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }

    /// Tells the client what its request is called.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.traceparent()) {
            headers.insert(HeaderName::from_static(TRACEPARENT), value);
        }
        if let Ok(value) = HeaderValue::from_str(&self.correlation_id) {
            headers.insert(HeaderName::from_static(CORRELATION), value);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestIds {
    type Rejection = Infallible;

    /// Only a router outside a [`Service`](crate::Service) has requests without ids.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// What a `traceparent` says.
struct Parent {
    trace_id: String,
    span_id: String,
    sampled: bool,
}

/// Reads `00-<trace>-<parent>-<flags>`; later versions may append fields.
fn parse_traceparent(text: &str) -> Option<Parent> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    let later = version != "00" && version != "ff";
    if !lower || !is_hex(version, 2) || version == "ff" || !(later || parts.next().is_none()) {
        return None;
    }
    if !is_hex(parent, 16) || is_zero(parent) || !is_hex(flags, 2) || trace.len() != 32 {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some(Parent { trace_id: parse_trace_id(trace)?, span_id: parent.to_owned(), sampled: flags & 1 == 1 })
}

/// Reads 32 hexadecimal digits or a UUID.
fn parse_trace_id(text: &str) -> Option<String> {
    let uuid = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-');
    let digits = if uuid { text.replace('-', "") } else { text.to_owned() };
    (is_hex(&digits, 32) && !is_zero(&digits)).then(|| digits.to_ascii_lowercase())
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use tradai_domain::{ManualClock, SequentialIds};

    use super::*;

    fn ids(headers: &[(&'static str, &'static str)]) -> RequestIds {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        RequestIds::of(&headers.collect(), &SequentialIds::default(), &ManualClock::at(1_700_000_000_000))
    }

    #[test]
    fn a_traceparent_is_continued_with_a_span_of_our_own() {
        // The example of the W3C recommendation, section 3.2.
        let ids = ids(&[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]);
        assert_eq!(ids.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(ids.correlation_id, ids.trace_id);
        assert!(ids.traceparent().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(ids.traceparent().ends_with("-01") && !ids.traceparent().contains("00f067aa0ba902b7"));
    }

    #[test]
    fn malformed_traceparents_are_replaced() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f35-77b3-4da6-a3ce-929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            let ids = ids(&[("traceparent", text)]);
            assert_eq!(ids.trace_id, "018bcfe5680070008000000000000001", "{text}");
        }
    }

    #[test]
    fn a_correlation_id_is_returned_and_is_the_trace_if_it_is_a_uuid() {
        let named = ids(&[("x-correlation-id", "order-17")]);
        assert_eq!(named.correlation_id, "order-17");
        let uuid = ids(&[("x-correlation-id", "018BCFE5-6800-7000-8000-0000000000AA")]);
        assert_eq!(uuid.trace_id, "018bcfe56800700080000000000000aa");
        let hostile = ids(&[("x-correlation-id", "two words")]);
        assert_eq!(hostile.correlation_id, hostile.trace_id);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived_and_what_is_taken_is_hexadecimal(text in "\\PC{0,80}|[0-9a-f-]{30,60}") {
            if let Some(parent) = parse_traceparent(&text) {
                assert!(is_hex(&parent.trace_id, 32) && is_hex(&parent.span_id, 16));
            }
            if let Some(trace_id) = parse_trace_id(&text) {
                assert!(is_hex(&trace_id, 32));
            }
        }
    }
}
