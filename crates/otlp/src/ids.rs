//! Spans with ids that were known before.

use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What a span is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanIds {
    /// The same in every process that works for one purpose.
    pub trace_id: tradai_domain::jobs::TraceId,
    /// The span.
    pub span_id: u64,
    /// The span of another process that it belongs to, if that is known.
    pub parent_id: Option<u64>,
    /// Whether the parent is kept; without a parent this does not count.
    pub sampled: bool,
}

/// Lets a span begin with these ids, if spans are collected at all. Returns whether it is kept.
///
/// The span must be a new one, which has not been entered and has no parent in this process.
pub fn begin(span: &Span, ids: SpanIds) -> bool {
    if span.is_disabled() {
        return false;
    }
    let (trace, own) = (TraceId::from(ids.trace_id.as_u128()), SpanId::from(ids.span_id));
    if let Some(parent) = ids.parent_id.map(SpanId::from) {
        let flags = TraceFlags::default().with_sampled(ids.sampled);
        let remote = SpanContext::new(trace, parent, flags, true, TraceState::default());
        if span.set_parent(Context::new().with_remote_span_context(remote)).is_err() {
            return false;
        }
    }
    NEXT.set(Some((trace, own)));
    // Begins the span, on this thread.
    let context = span.context();
    NEXT.set(None);
    context.span().span_context().is_sampled()
}

thread_local! {
    /// The ids of the span that is about to begin on this thread: the library asks for ids, and takes none.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Makes the ids of all other spans up.
#[derive(Debug, Default)]
pub(crate) struct KnownIds(RandomIdGenerator);

impl IdGenerator for KnownIds {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}
