//! Logs: one line per event on standard error, as JSON or for people.

use std::io;

use tracing_subscriber::filter::LevelFilter;
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

/// [`init`], with spans handed to another layer, too: those of `info` and above, whatever is logged, since who wants
/// little in the log, or little of one module, still wants whole traces.
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
    let spans = spans.map(|spans| spans.with_filter(LevelFilter::INFO));
    tracing_subscriber::registry().with(spans).with(layer.with_filter(levels)).try_init()
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::span::{Attributes, Id};
    use tracing::{Subscriber, debug_span, info_span};
    use tracing_subscriber::layer::Context;

    use super::*;

    /// Notes the names of the spans that it gets.
    #[derive(Clone, Default)]
    struct Names(Arc<Mutex<Vec<&'static str>>>);

    impl<S: Subscriber> Layer<S> for Names {
        fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            self.0.lock().unwrap().push(attributes.metadata().name());
        }
    }

    #[test]
    fn traces_are_whole_whatever_the_log_leaves_out() {
        let levels = "off,tradai_service=warn,tradai_backend=debug".parse().unwrap();
        let settings = LogSettings { format: LogFormat::Json, levels, otlp_endpoint: None };
        let names = Names::default();
        init_with(&settings, Some(names.clone().boxed())).unwrap();
        drop(info_span!(target: "tradai_service::layers", "request"));
        drop(info_span!(target: "tradai_runner", "job"));
        drop(debug_span!(target: "tradai_backend", "detail"));
        assert_eq!(*names.0.lock().unwrap(), ["request", "job"]);
    }
}
