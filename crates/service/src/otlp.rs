//! The span of a request, for a collector: it has the ids that the request's log lines and its `traceparent` have.

use tracing::Span;
use tradai_otlp::{SpanIds, begin};

use crate::trace::RequestIds;

/// Lets a request's span begin with the request's ids, if spans are collected at all.
pub(crate) fn join(span: &Span, ids: &mut RequestIds) {
    let RequestIds { trace_id, span_id, parent_id, sampled, .. } = *ids;
    // Whoever comes next in the trace keeps its spans if we do.
    ids.sampled |= begin(span, SpanIds { trace_id, span_id, parent_id, sampled });
}
