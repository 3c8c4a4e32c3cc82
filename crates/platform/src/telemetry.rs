//! Logs: one line per event on standard error, as JSON or for people.

use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use crate::settings::sections::{LogFormat, LogSettings};

/// Names of fields that mean the same wherever they appear in logs.
pub mod fields {
    /// What one request or job is traced by, through every process.
    pub const TRACE_ID: &str = "trace_id";
    /// The job.
    pub const JOB_ID: &str = "job_id";
    /// The strategy's name.
    pub const STRATEGY: &str = "strategy";
    /// The market's symbol.
    pub const SYMBOL: &str = "symbol";
    /// The timeframe.
    pub const TIMEFRAME: &str = "timeframe";
    /// The exchange's key.
    pub const EXCHANGE: &str = "exchange";
    /// How long it took.
    pub const DURATION_MS: &str = "duration_ms";
    /// Which try it is, from 1.
    pub const ATTEMPT: &str = "attempt";
}

/// Sends this process's logs to standard error.
///
/// # Errors
/// When something else was installed before.
pub fn init(settings: &LogSettings) -> Result<(), TryInitError> {
    init_with(settings, None)
}

/// A layer beside the log: one that sends spans somewhere.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// [`init`], with spans handed to another layer, too: those of the logged levels, and of `info` where the log begins
/// above it, since who wants little in the log still wants whole traces.
///
/// # Errors
/// When something else was installed before.
pub fn init_with(settings: &LogSettings, spans: Option<SpanLayer>) -> Result<(), TryInitError> {
    let levels = settings.levels.0.clone();
    let layer = match settings.format {
        LogFormat::Json => json(io::stderr).boxed(),
        LogFormat::Human => tracing_subscriber::fmt::layer()
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .with_writer(io::stderr)
            .boxed(),
    };
    let spans = spans.map(|spans| spans.with_filter(with_info(&levels)));
    tracing_subscriber::registry().with(spans).with(layer.with_filter(levels)).try_init()
}

fn with_info(levels: &Targets) -> Targets {
    let default = levels.default_level().unwrap_or(LevelFilter::OFF);
    levels.clone().with_default(default.max(LevelFilter::INFO))
}

/// The layer that writes JSON: the event's own fields at the top, the fields of each span around it in `spans`.
pub fn json<S, W>(writer: W) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(writer)
}
