//! Spans for an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//!
//! A request's span has the ids that its log lines and its `traceparent` have. Spans are sent in batches by a thread of
//! the library's, whose queue is bounded: a collector that is away costs spans, never a request.

use std::cell::Cell;
use std::error::Error;
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tradai_http_client::{chain, read, reqwest};
use tradai_platform::telemetry::SpanLayer;

use crate::http_client;
use crate::trace::RequestIds;

/// How long a batch may take, and how long the end waits for the last one.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most of a collector's answer that is read.
const ANSWER_BYTES: usize = 64 * 1024;

/// Sends spans until it is dropped, and then what is left of them.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Returns the layer that collects spans for the collector at `endpoint`, and what sends them by this runtime.
    pub(crate) fn start(
        endpoint: &str,
        service: &'static str,
        runtime: &Handle,
    ) -> Result<(SpanLayer, Self), Box<dyn Error + Send + Sync>> {
        let client = Collector { http: http_client::build()?, runtime: runtime.clone() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()?;
        let resource =
            Resource::builder_empty().with_attribute(KeyValue::new("service.name", service)).build();
        let provider = SdkTracerProvider::builder()
            .with_id_generator(RequestIdGenerator::default())
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tradai-service"));
        Ok((layer.boxed(), Self(provider)))
    }
}

impl Drop for Traces {
    /// Blocks, for as long as a batch may take: to be dropped outside the runtime, while that still runs.
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last spans were not sent: {error}");
        }
    }
}

/// Lets a request's span begin with the request's ids, if spans are collected at all.
pub(crate) fn join(span: &Span, ids: &mut RequestIds) {
    if span.is_disabled() {
        return;
    }
    let (trace, own) = (TraceId::from(ids.trace_id.as_u128()), SpanId::from(ids.span_id));
    if let Some(parent) = ids.parent_id.map(SpanId::from) {
        let flags = TraceFlags::default().with_sampled(ids.sampled);
        let remote = SpanContext::new(trace, parent, flags, true, TraceState::default());
        if span.set_parent(Context::new().with_remote_span_context(remote)).is_err() {
            return;
        }
    }
    NEXT.set(Some((trace, own)));
    // Begins the span, on this thread.
    let context = span.context();
    NEXT.set(None);
    // Whoever comes next in the trace keeps its spans if we do.
    ids.sampled |= context.span().span_context().is_sampled();
}

thread_local! {
    /// The ids of the span that is about to begin on this thread: the library asks for ids, and takes none.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Makes the ids of spans inside requests up.
#[derive(Debug, Default)]
struct RequestIdGenerator(RandomIdGenerator);

impl IdGenerator for RequestIdGenerator {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}

/// The client that the sending thread, which has no runtime of its own, hands batches to.
#[derive(Debug)]
struct Collector {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self
            .http
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .body(body)
            .timeout(PATIENCE);
        let sent = self.runtime.spawn(async move {
            let response = request.send().await.map_err(|error| chain(&error))?;
            let status = response.status();
            let body = read(response, ANSWER_BYTES).await.map_err(|error| chain(&error))?;
            Ok::<_, String>((status, body))
        });
        let (status, body) = sent.await??;
        Ok(Response::builder().status(status).body(Bytes::from(body))?)
    }
}
