//! What a request is called: W3C `traceparent`, `X-Correlation-ID`, or ids of our own.

use std::ops::Range;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use tradai_domain::jobs::TraceId;
use tradai_domain::{Clock, IdSource, JobId};
use uuid::Uuid;

use crate::problem::{Code, Problem};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
static TRACE: HeaderName = HeaderName::from_static("x-trace-id");
/// How long a `traceparent` of this version is, and where the trace id is in it.
const TRACEPARENT_LENGTH: usize = 55;
const TRACE_IN_TRACEPARENT: Range<usize> = 3..35;

/// The ids of one request. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIds {
    /// The same in every process that works for the request.
    pub trace_id: TraceId,
    /// This service's part of the trace.
    pub(crate) span_id: u64,
    /// Who called: the span that the request came from, if it named one.
    pub(crate) parent_id: Option<u64>,
    /// Whether somebody keeps the trace's spans.
    pub(crate) sampled: bool,
    /// What the client calls the request, if it said so.
    correlation: Option<Arc<str>>,
}

impl RequestIds {
    /// Takes the ids of a request's headers, and makes those that are missing or malformed.
    pub(crate) fn of(headers: &HeaderMap, ids: &dyn IdSource, clock: &dyn Clock) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let correlation = text(&CORRELATION).filter(|id| is_printable(id));
        let parent = text(&TRACEPARENT).and_then(parse_traceparent);
        let trace_id = parent
            .as_ref()
            .map(|parent| parent.trace_id)
            .or_else(|| text(&TRACE).and_then(|text| text.parse().ok()))
            .or_else(|| correlation.and_then(|text| text.parse().ok()))
            .unwrap_or_else(|| JobId(ids.next(clock)).into());
        Self {
            trace_id,
            span_id: ids.next(clock).as_u64_pair().1,
            parent_id: parent.as_ref().map(|parent| parent.span_id),
            sampled: parent.is_some_and(|parent| parent.sampled),
            correlation: correlation.map(Arc::from),
        }
    }

    /// Returns what the client calls the request; the trace id if it did not say.
    #[must_use]
    pub fn correlation_id(&self) -> String {
        self.correlation.as_deref().map_or_else(|| self.trace_id.to_string(), str::to_owned)
    }

    /// Returns the header by which a client passes the trace on.
    #[must_use]
    pub fn traceparent(&self) -> String {
        // Every reply has one: a formatted number costs several times as much as digits that are put together.
        let span = Uuid::from_u64_pair(0, self.span_id);
        let mut text = String::with_capacity(TRACEPARENT_LENGTH);
        text.push_str("00-");
        text.push_str(Uuid::from_u128(self.trace_id.as_u128()).as_simple().encode_lower(&mut [0; 32]));
        text.push('-');
        text.push_str(&span.as_simple().encode_lower(&mut [0; 32])[16..]);
        text.push_str(if self.sampled { "-01" } else { "-00" });
        text
    }

    /// Tells the client what its request is called.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let traceparent = Bytes::from(self.traceparent());
        let correlation = match &self.correlation {
            Some(correlation) => Bytes::copy_from_slice(correlation.as_bytes()),
            // The trace id, which stands there already.
            None => traceparent.slice(TRACE_IN_TRACEPARENT),
        };
        for (name, text) in [(&TRACEPARENT, traceparent), (&CORRELATION, correlation)] {
            if let Ok(value) = HeaderValue::from_maybe_shared(text) {
                headers.insert(name, value);
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestIds {
    type Rejection = Problem;

    /// Only a router outside a [`Service`](crate::Service) has requests without ids.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let ids = parts.extensions.get().cloned();
        ids.ok_or_else(|| Problem::new(Code::Internal, Code::Internal.meaning()))
    }
}

/// What a `traceparent` says.
struct Parent {
    trace_id: TraceId,
    span_id: u64,
    sampled: bool,
}

/// Reads `00-<trace>-<parent>-<flags>`; later versions may append fields.
fn parse_traceparent(text: &str) -> Option<Parent> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (version, flags) = (hexadecimal(version, 2)?, hexadecimal(flags, 2)?);
    let is_whole = version > 0 || parts.next().is_none();
    let is_lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    if version == 0xff || !is_whole || !is_lower || trace.len() != 32 {
        return None;
    }
    let span_id = hexadecimal(span, 16).filter(|span| *span != 0)?;
    Some(Parent { trace_id: trace.parse().ok()?, span_id, sampled: flags & 1 == 1 })
}

/// Reads a number of so many hexadecimal digits, at most 16.
fn hexadecimal(text: &str, digits: usize) -> Option<u64> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten()
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
        assert_eq!(ids.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(ids.correlation_id(), ids.trace_id.to_string());
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
            assert_eq!(ids.trace_id.to_string(), "018bcfe5680070008000000000000001", "{text}");
        }
    }

    #[test]
    fn a_correlation_id_is_returned_and_is_the_trace_if_it_is_a_uuid() {
        let named = ids(&[("x-correlation-id", "order-17")]);
        assert_eq!(named.correlation_id(), "order-17");
        let uuid = ids(&[("x-correlation-id", "018BCFE5-6800-7000-8000-0000000000AA")]);
        assert_eq!(uuid.trace_id.to_string(), "018bcfe56800700080000000000000aa");
        let hostile = ids(&[("x-correlation-id", "two words")]);
        assert_eq!(hostile.correlation_id(), hostile.trace_id.to_string());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived_and_what_is_taken_is_written_as_it_came(text in "\\PC{0,80}|[0-9a-f-]{30,60}") {
            let passed = format!("00-{text}-00f067aa0ba902b7-01");
            for text in [text, passed] {
                if let Some(Parent { trace_id, span_id, sampled }) = parse_traceparent(&text) {
                    let ids = RequestIds { trace_id, span_id, sampled, parent_id: None, correlation: None };
                    assert_eq!(ids.traceparent()[2..53], text[2..53]);
                }
            }
        }
    }
}
