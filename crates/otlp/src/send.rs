//! The way to the collector.

use std::error::Error;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing_subscriber::Layer;
use tradai_http_client::{builder, chain, read, reqwest};
use tradai_platform::telemetry::SpanLayer;

use crate::ids::KnownIds;

/// How long a batch may take, and how long the end waits for the last one.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection to the collector may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Most of a collector's answer that is read.
const ANSWER_BYTES: usize = 64 * 1024;

/// Sends spans until it is dropped, and then what is left of them.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Returns the layer that collects spans for the collector at `endpoint`, and what sends them by this runtime.
    pub(crate) fn start(
        endpoint: &str,
        service: &'static str,
        runtime: &Handle,
    ) -> Result<(SpanLayer, Self), Box<dyn Error + Send + Sync>> {
        let http = builder()?.connect_timeout(CONNECT_TIMEOUT).pool_max_idle_per_host(1).build()?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector { http, runtime: runtime.clone() })
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()?;
        let resource =
            Resource::builder_empty().with_attribute(KeyValue::new("service.name", service)).build();
        let provider = SdkTracerProvider::builder()
            .with_id_generator(KnownIds::default())
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tradai"));
        Ok((layer.boxed(), Self(provider)))
    }

    /// Sends what is left, from within the runtime: for one that works on this thread alone, and so not while
    /// something blocks it.
    pub async fn end(self) {
        if let Err(error) = tokio::task::spawn_blocking(move || drop(self)).await {
            tracing::warn!(%error, "the last spans were not sent: {error}");
        }
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
