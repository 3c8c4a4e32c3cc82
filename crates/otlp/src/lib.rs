//! Logs of a process, and its spans for an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//!
//! For services and for the programs of jobs, which are traced as one: whoever knows a trace's id begins its part of the
//! trace with [`begin`]. Figures are not sent, they are fetched from `/metrics`.
//!
//! Spans are sent in batches by a thread of the library's, whose queue is bounded.
//!
//! Invariant: a collector that is away costs spans, never a request or a job.

mod ids;
mod send;

use std::error::Error;

use tokio::runtime::Handle;
use tradai_platform::settings::sections::LogSettings;
use tradai_platform::telemetry;

pub use ids::{SpanIds, begin};
pub use send::Traces;

/// Turns on the log of this process and, where a collector is set, traces under the service's name; they end when what
/// is returned is dropped, which must be before the runtime ends.
///
/// # Errors
/// When a log was turned on before, or the collector's address is none.
pub fn observe(
    settings: &LogSettings,
    service: &'static str,
    runtime: &Handle,
) -> Result<Option<Traces>, Box<dyn Error + Send + Sync>> {
    let endpoint = settings.otlp_endpoint.as_deref();
    let started = endpoint.map(|endpoint| Traces::start(endpoint, service, runtime)).transpose()?;
    let (layer, traces) = started.unzip();
    telemetry::init_with(settings, layer)?;
    Ok(traces)
}
