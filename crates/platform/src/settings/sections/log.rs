//! How logs are written, and where traces go.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::filter::Targets;

use crate::settings::Reader;

/// Format and levels of the log on standard error, and the collector of traces.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogSettings {
    /// The format.
    pub format: LogFormat,
    /// What is logged.
    pub levels: LogLevels,
    /// Base address of an OpenTelemetry collector that takes OTLP over HTTP. `None`: spans are not sent anywhere.
    pub otlp_endpoint: Option<String>,
}

impl LogSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let otlp_endpoint: Option<String> = reader
            .key(
                "OTLP_ENDPOINT",
                "collector of spans by OTLP over HTTP: http://localhost:4318; none: not sent",
            )
            .also(&["OTEL_EXPORTER_OTLP_ENDPOINT"])
            .optional();
        if otlp_endpoint
            .as_ref()
            .is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://"))
        {
            reader.fault("OTLP_ENDPOINT", "expected http:// or https:// and a host");
        }
        Self {
            otlp_endpoint,
            format: reader.key("LOG_FORMAT", "json or human").also(&["LOG_FORMAT"]).or(LogFormat::Human),
            levels: reader
                .key("LOG_LEVEL", "level, or levels by module: info,tradai_service=debug")
                .also(&["LOG_LEVEL"])
                .or(LogLevels::default()),
        }
    }
}

/// A format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Human,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Human => "human",
        })
    }
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "json" => Ok(Self::Json),
            "human" => Ok(Self::Human),
            _ => Err("allowed are json and human"),
        }
    }
}

/// Levels by module, in the syntax of `RUST_LOG`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLevels(pub Targets);

impl Default for LogLevels {
    fn default() -> Self {
        Self(Targets::new().with_default(tracing::Level::INFO))
    }
}

impl fmt::Display for LogLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LogLevels {
    type Err = tracing_subscriber::filter::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_ascii_lowercase().parse().map(Self)
    }
}
