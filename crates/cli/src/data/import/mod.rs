//! `tradai data import`.

mod files;
mod outcome;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tradai_domain::{CandleKind, ErrorKind, SeriesFault, SeriesKey, Symbol, Timeframe};
use tradai_timeseries::files::{Cleaned, Cleaning, Profile, read_candles};
use tradai_timeseries::store::{SOURCE, SYNTHETIC as SYNTHETIC_KEY};
use tradai_timeseries::{CandleStore, Error, Metadata, MetadataPatch};

use super::{DataError, error_kind, output};
use files::{find_files, key_of};
use outcome::{Imported, Outcome};

/// Bring candle files into the store (Parquet, feather, CSV, JSON; folders are walked)
///
/// Symbol, timeframe and kind come from the file's name (BTC_USDT-5m.feather, BTC_USDT_USDT-1h-mark.parquet) or
/// from the flags, which win. Candles are added to the series; those stored already must be identical.
///
/// Rows out of order, doubled, not finite, off the timeframe's grid or impossible (high below low, a price not
/// above zero) are reported with their number, and the file is refused unless --drop is given. Missing candles are
/// reported but stored as they are, because exchanges do have holes; --fill fills them with flat candles. One
/// refused file does not stop the others, but the exit code tells.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ImportArgs {
    /// Files and folders; folders are walked and files of other kinds in them left alone.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Market of every file, such as BTC/USDT or BTC/USDT:USDT.
    #[arg(long)]
    symbol: Option<Symbol>,
    /// Candle length of every file, such as 5m.
    #[arg(long)]
    timeframe: Option<Timeframe>,
    /// spot, futures, mark or funding_rate, for every file.
    #[arg(long)]
    kind: Option<CandleKind>,
    /// Fill gaps with candles at the previous close and volume 0.
    #[arg(long)]
    fill: bool,
    /// Leave out faulty rows and sort the rest; of rows with one time the first stays.
    #[arg(long)]
    drop: bool,
    /// Put the candles in the place of all that the store holds of the series.
    #[arg(long)]
    replace: bool,
    /// How a new store keeps its candles, chosen once: f64 as doubles, which every program reads at full speed;
    /// compact as decimals at less than half the size, which some programs read slowly. Either way no bit changes.
    #[arg(long, value_parser = profile_parser())]
    profile: Option<Profile>,
}

fn profile_parser() -> impl TypedValueParser<Value = Profile> {
    let names = Profile::ALL.map(Profile::as_str);
    PossibleValuesParser::new(names).map(|name| Profile::find(&name).unwrap_or_default())
}

/// A file whose rows are not all candles.
#[derive(Debug, thiserror::Error)]
#[error("{bad} faulty rows; --drop leaves them out")]
struct BadRows {
    bad: usize,
}

/// The series that files were to replace, and whether they did.
type Replaced = BTreeMap<SeriesKey, bool>;

pub(super) fn run(args: &ImportArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let files = find_files(args)?;
    let store = &args.profile.map_or_else(|| store.clone(), |profile| store.clone().with_profile(profile));
    let bar = ProgressBar::new(u64::try_from(files.len()).unwrap_or(0));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut outcomes = Vec::new();
    let mut replaced = Replaced::new();
    for file in files {
        bar.set_message(file.display().to_string());
        outcomes.push(import(args, store, file, &mut replaced));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if as_json {
        let files: Vec<Value> = outcomes.iter().map(Outcome::json).collect();
        output::print_json(&json!({ "files": files }))?;
    } else {
        for outcome in &outcomes {
            outcome.print()?;
        }
    }
    Ok(exit_code(&outcomes))
}

/// Returns the code of the first failure, so that a script can tell bad input from a full disk.
fn exit_code(outcomes: &[Outcome]) -> ExitCode {
    let failure = outcomes.iter().find_map(|outcome| outcome.result.as_ref().err());
    failure.map_or(ExitCode::SUCCESS, |error| {
        let kind = error_kind(error).unwrap_or(ErrorKind::Invalid);
        ExitCode::from(kind.exit_code())
    })
}

fn import(args: &ImportArgs, store: &CandleStore, file: PathBuf, replaced: &mut Replaced) -> Outcome {
    let key = key_of(args, &file);
    let mut faults = Vec::new();
    let result = match &key {
        Some(key) => import_as(args, store, &file, key, replaced, &mut faults),
        None => Err(DataError::Unnamed.into()),
    };
    Outcome { file, key, result, faults }
}

fn import_as(
    args: &ImportArgs,
    store: &CandleStore,
    file: &Path,
    key: &SeriesKey,
    replaced: &mut Replaced,
    faults: &mut Vec<SeriesFault>,
) -> anyhow::Result<Imported> {
    let raw = read_candles(file)?;
    let (total, synthetic) = (raw.len(), raw.synthetic);
    let cleaning = Cleaning { drop: args.drop, fill: args.fill };
    let cleaned = raw.clean(key.timeframe, key.kind, cleaning).map_err(|found| {
        let bad = found.iter().filter(|fault| !matches!(fault, SeriesFault::Gap { .. })).count();
        *faults = found;
        BadRows { bad }
    })?;
    let Cleaned { series, faults: found, dropped, filled } = cleaned;
    *faults = found;
    let notes = notes(synthetic, filled);
    // Of several files of one series only the first may replace, or the last one alone would stay.
    let commit = match replaced.get(key) {
        None if args.replace => {
            let written = store.write(key, &series, Some(notes.apply(Metadata::new())));
            replaced.insert(key.clone(), written.is_ok());
            written?
        }
        // What the file would join is what it was to replace.
        Some(false) => return Err(DataError::NotReplaced(key.clone()).into()),
        _ => store.append(key, &series, notes).map_err(with_hint)?,
    };
    Ok(Imported { commit, synthetic, rows: total, dropped, filled })
}

/// Returns what an import notes. What was noted before stays, save the label: whether that may change is the store's
/// to decide.
fn notes(synthetic: bool, filled: usize) -> MetadataPatch {
    let mut patch = MetadataPatch { remove: vec![SYNTHETIC_KEY.to_owned()], ..MetadataPatch::default() };
    if synthetic {
        patch.set.insert(SYNTHETIC_KEY.to_owned(), json!(true));
    }
    patch.default.insert(SOURCE.to_owned(), json!("import"));
    if filled > 0 {
        patch.set.insert("filled".to_owned(), json!(true));
    }
    patch
}

fn with_hint(error: Error) -> anyhow::Error {
    let hint = matches!(error, Error::MixedLabels { .. } | Error::Conflict { .. });
    let error = anyhow::Error::from(error);
    if hint {
        error.context("not added to the stored candles; --replace puts these in their place")
    } else {
        error
    }
}

#[cfg(test)]
mod tests;
