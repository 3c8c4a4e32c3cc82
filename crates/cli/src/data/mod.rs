//! `tradai data …`: candles in, candles out, and what is there.
//!
//! Parses arguments, calls `tradai_timeseries`, prints. Every command prints one JSON document with `--json`.

mod export;
mod import;
mod list;
mod output;
mod sample;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tradai_domain::{CandleKind, ErrorKind, Millis, SeriesKey, Symbol, Timeframe, parse_date_ms};
use tradai_timeseries::AsOf;

use crate::context::Context;

/// Arguments of `tradai data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Import(import::ImportArgs),
    /// List every series with its span, gaps and size.
    List,
    /// Print candles of a series.
    Show(show::ShowArgs),
    /// Write candles of a series to a file.
    Export(export::ExportArgs),
    /// Make up candles, the same in every run, labelled SYNTHETIC everywhere.
    Sample(sample::SampleArgs),
}

/// Runs a command and returns its exit code: 0, or that of what went wrong in a part of the work.
pub(crate) fn run(args: DataArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let store = ctx.store()?;
    match args.command {
        DataCommand::Import(args) => import::run(&args, &store, ctx.json),
        DataCommand::List => list::run(&store, ctx.json),
        DataCommand::Show(args) => show::run(&args, &store, ctx.json),
        DataCommand::Export(args) => export::run(&args, &store, ctx.json),
        DataCommand::Sample(args) => sample::run(&args, &store, ctx.json),
    }
}

/// Makes the sample candles of `tradai demo`.
pub(crate) fn demo_candles(store: &tradai_timeseries::CandleStore) -> anyhow::Result<Vec<SeriesKey>> {
    sample::demo(store)
}

/// Returns the kind of an error that a `data` command ended with, for the exit code.
pub(crate) fn error_kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error.chain().find_map(|cause| {
        let ours = cause.downcast_ref::<DataError>().map(DataError::kind);
        ours.or_else(|| cause.downcast_ref::<tradai_timeseries::Error>().map(tradai_timeseries::Error::kind))
    })
}

/// What only the command line can get wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    /// The store has no such series.
    #[error("there are no {0} candles in the store; `tradai data list` shows what there is")]
    NoSeries(SeriesKey),
    /// A file does not tell what it holds.
    #[error(
        "the name does not say symbol and timeframe (BTC_USDT-5m.csv does); give --symbol and --timeframe"
    )]
    Unnamed,
    /// A path does not exist.
    #[error("there is no file or folder {0}")]
    NoPath(String),
    /// A path holds no candle file.
    #[error("no candle file found in {0}")]
    NoFiles(String),
    /// Synthetic candles would replace or join others.
    #[error("{key} holds {what}; give --replace to put new sample candles in their place")]
    Occupied {
        /// The series.
        key: SeriesKey,
        /// What it holds.
        what: String,
    },
    /// A flag's value makes no sense with another's.
    #[error("{0}")]
    Flags(String),
}

impl DataError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSeries(_) | Self::NoPath(_) => ErrorKind::NotFound,
            Self::Unnamed | Self::NoFiles(_) | Self::Flags(_) => ErrorKind::Invalid,
            Self::Occupied { .. } => ErrorKind::Conflict,
        }
    }
}

/// Which series a command is about.
#[derive(Debug, Args)]
struct SeriesArgs {
    /// Market, such as BTC/USDT or BTC/USDT:USDT.
    symbol: Symbol,
    /// Candle length, such as 5m or 1h.
    timeframe: Timeframe,
    /// spot, futures, mark or funding_rate; by default the traded prices of the market.
    #[arg(long)]
    kind: Option<CandleKind>,
    /// Which version: a number, or a moment (2024-01-31, 2024-01-31T12:00:00Z); by default the newest.
    #[arg(long, value_name = "VERSION|TIME", value_parser = parse_as_of)]
    as_of: Option<AsOf>,
}

impl SeriesArgs {
    fn key(&self) -> SeriesKey {
        let kind = self.kind.unwrap_or_else(|| CandleKind::traded(&self.symbol));
        SeriesKey { symbol: self.symbol.clone(), timeframe: self.timeframe, kind }
    }

    fn as_of(&self) -> AsOf {
        self.as_of.clone().unwrap_or_default()
    }
}

/// Takes up to seven digits as a version number, since dates have eight and more.
fn parse_as_of(text: &str) -> Result<AsOf, String> {
    if text.len() <= 7 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(AsOf::Version).map_err(|e| format!("{e}"));
    }
    let at = parse_date_ms(text).map_err(|e| format!("{e}, or a version number"))?;
    Ok(AsOf::Time(end_of_day(text, at)))
}

/// A mere date means its whole day: `--as-of 2024-01-31` includes what was committed on that day.
fn end_of_day(text: &str, at: Millis) -> Millis {
    let is_date = text.len() == 8 || text.len() == 10 && text.contains('-');
    if is_date { at + 86_400_000 - 1 } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_moments() {
        assert_eq!(parse_as_of("42"), Ok(AsOf::Version(42)));
        assert_eq!(parse_as_of("2024-01-31T00:00:00Z"), Ok(AsOf::Time(1_706_659_200_000)));
        assert_eq!(parse_as_of("2024-01-31"), Ok(AsOf::Time(1_706_745_599_999)));
        assert_eq!(parse_as_of("20240131"), Ok(AsOf::Time(1_706_745_599_999)));
        assert_eq!(parse_as_of("1706659200"), Ok(AsOf::Time(1_706_659_200_000)));
        assert!(parse_as_of("yesterday").unwrap_err().ends_with("or a version number"));
    }

    #[test]
    fn kinds_of_errors_survive_context() {
        let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1);
        let error = anyhow::Error::from(DataError::NoSeries(key)).context("while showing");
        assert_eq!(error_kind(&error), Some(ErrorKind::NotFound));
    }
}
