//! `tradai data import`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tradai_domain::{CandleKind, ErrorKind, SeriesFault, SeriesKey, Symbol, Timeframe};
use tradai_timeseries::files::{Cleaned, Cleaning, FileFormat, read_candles};
use tradai_timeseries::store::{SOURCE, SYNTHETIC as SYNTHETIC_KEY};
use tradai_timeseries::{AsOf, CandleStore, Commit, Error, Metadata, parse_file_name};

use super::output::{self, SYNTHETIC};
use super::{DataError, error_kind};

/// Faulty rows shown of one file.
const SHOWN_FAULTS: usize = 10;

/// Brings candle files into the store.
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
}

/// What became of one file.
struct Outcome {
    file: PathBuf,
    key: Option<SeriesKey>,
    result: Result<Imported, anyhow::Error>,
    /// Faulty rows, shown whether they refused the file or not.
    faults: Vec<SeriesFault>,
}

/// A file that is in the store now.
struct Imported {
    commit: Commit,
    synthetic: bool,
    rows: usize,
    dropped: usize,
    filled: usize,
}

/// A file whose rows are not all candles.
#[derive(Debug, thiserror::Error)]
#[error("{bad} faulty rows; --drop leaves them out")]
struct BadRows {
    bad: usize,
}

pub(super) fn run(args: &ImportArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let files = find_files(args)?;
    let bar = ProgressBar::new(u64::try_from(files.len()).unwrap_or(0));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut outcomes = Vec::new();
    let mut replaced = BTreeSet::new();
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

/// Returns the given files, and the candle files of the given folders in order of name.
fn find_files(args: &ImportArgs) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            let before = files.len();
            walk(path, args, &mut files)?;
            if files.len() == before {
                return Err(DataError::NoFiles(path.display().to_string()).into());
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(dir: &Path, args: &ImportArgs, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let failed = |source| Error::Io { path: dir.to_owned(), source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        entries.push(entry.map_err(failed)?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // A link to a folder is not followed: it may lead back up.
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&entry.path(), args, files)?;
        } else if FileFormat::of(&entry.path()).is_some() && key_of(args, &entry.path()).is_some() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Returns the series of a file from the flags and the name.
fn key_of(args: &ImportArgs, file: &Path) -> Option<SeriesKey> {
    let named = file.file_name().and_then(|name| name.to_str()).and_then(parse_file_name).map(|(_, key)| key);
    let symbol = args.symbol.clone().or(named.as_ref().map(|key| key.symbol.clone()))?;
    let timeframe = args.timeframe.or(named.as_ref().map(|key| key.timeframe))?;
    // A name's kind holds for the name's symbol: `--symbol BTC/USDT:USDT` makes a spot name's file futures.
    let named_kind = named.filter(|key| key.symbol == symbol || key.kind != CandleKind::traded(&key.symbol));
    let kind = args.kind.or(named_kind.map(|key| key.kind)).unwrap_or_else(|| CandleKind::traded(&symbol));
    Some(SeriesKey { symbol, timeframe, kind })
}

fn import(
    args: &ImportArgs,
    store: &CandleStore,
    file: PathBuf,
    replaced: &mut BTreeSet<SeriesKey>,
) -> Outcome {
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
    replaced: &mut BTreeSet<SeriesKey>,
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
    // Of several files of one series only the first may replace, or the last one alone would stay.
    let commit = if args.replace && !replaced.contains(key) {
        let metadata = metadata(None, synthetic, filled);
        replaced.insert(key.clone());
        store.write(key, &series, Some(metadata))?
    } else {
        let stored = store.info(key, AsOf::Latest)?.map(|info| info.metadata);
        store.append(key, &series, Some(metadata(stored, synthetic, filled))).map_err(with_hint)?
    };
    Ok(Imported { commit, synthetic, rows: total, dropped, filled })
}

/// Returns the series' notes after an import. What was noted before stays, save the label: whether that may
/// change is the store's to decide.
fn metadata(stored: Option<Metadata>, synthetic: bool, filled: usize) -> Metadata {
    let mut metadata = stored.unwrap_or_default();
    if synthetic {
        metadata.insert(SYNTHETIC_KEY.to_owned(), json!(true));
    } else {
        metadata.remove(SYNTHETIC_KEY);
    }
    metadata.entry(SOURCE).or_insert_with(|| json!("import"));
    if filled > 0 {
        metadata.insert("filled".to_owned(), json!(true));
    }
    metadata
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

impl Outcome {
    fn gaps(&self) -> (usize, usize) {
        let missing = self.faults.iter().filter_map(|fault| match fault {
            SeriesFault::Gap { missing, .. } => Some(*missing),
            _ => None,
        });
        missing.fold((0, 0), |(gaps, candles), missing| (gaps + 1, candles + missing))
    }

    /// Returns the faults other than gaps.
    fn bad(&self) -> impl Iterator<Item = &SeriesFault> {
        self.faults.iter().filter(|fault| !matches!(fault, SeriesFault::Gap { .. }))
    }

    fn print(&self) -> anyhow::Result<()> {
        let file = self.file.display();
        match &self.result {
            Ok(done) => output::print(&format!("{}\n", self.line(done)))?,
            Err(error) => eprintln!("refused {file}: {error:#}"),
        }
        let bad = self.bad().count();
        for fault in self.bad().take(SHOWN_FAULTS) {
            eprintln!("  {fault}");
        }
        if bad > SHOWN_FAULTS {
            eprintln!("  … and {} more faults", bad - SHOWN_FAULTS);
        }
        let (gaps, missing) = self.gaps();
        if gaps > 0 {
            eprintln!("  warning: {missing} candles are missing in {gaps} gaps of {file}");
            for fault in self.faults.iter().filter(|f| matches!(f, SeriesFault::Gap { .. })).take(3) {
                eprintln!("  {fault}");
            }
        }
        Ok(())
    }

    fn line(&self, done: &Imported) -> String {
        let key = self.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let version = done.commit.version;
        let what = if done.commit.changed { "stored as" } else { "was there already, in" };
        let mut line =
            format!("{key}: {} rows of {} {what} version {version}", done.rows, self.file.display());
        if done.dropped > 0 {
            line.push_str(&format!(", {} dropped", done.dropped));
        }
        if done.filled > 0 {
            line.push_str(&format!(", {} filled in", done.filled));
        }
        if done.synthetic {
            line.push_str(&format!("  {SYNTHETIC}"));
        }
        line
    }

    fn json(&self) -> Value {
        let (gaps, missing) = self.gaps();
        let mut value = self.key.as_ref().map_or_else(|| json!({}), output::key_json);
        value["file"] = json!(self.file.display().to_string());
        match &self.result {
            Ok(done) => {
                value["status"] = json!(if done.commit.changed { "stored" } else { "unchanged" });
                value["version"] = json!(done.commit.version);
                value["rows"] = json!(done.rows);
                value["dropped"] = json!(done.dropped);
                value["filled"] = json!(done.filled);
                value["synthetic"] = json!(done.synthetic);
            }
            Err(error) => {
                value["status"] = json!("refused");
                value["error"] = json!(format!("{error:#}"));
            }
        }
        value["gaps"] = json!(gaps);
        value["missing"] = json!(missing);
        value["fault_count"] = json!(self.bad().count());
        value["faults"] = self.bad().take(SHOWN_FAULTS).map(ToString::to_string).collect();
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::sync::Arc;
    use tradai_domain::{ManualClock, RandomIds, TimeRange};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: ImportArgs,
    }

    fn args(dir: &Path, flags: &str) -> ImportArgs {
        let dir = dir.to_str().unwrap();
        Cli::parse_from(["import", dir].into_iter().chain(flags.split_whitespace())).args
    }

    fn store() -> CandleStore {
        CandleStore::in_memory(Arc::new(ManualClock::at(0)), Arc::new(RandomIds))
    }

    fn import_all(args: &ImportArgs, store: &CandleStore) -> Vec<Outcome> {
        let mut replaced = BTreeSet::new();
        let files = find_files(args).unwrap();
        files.into_iter().map(|file| import(args, store, file, &mut replaced)).collect()
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    const GOOD: &str = "timestamp,open,high,low,close,volume\n0,1,2,1,1,1\n3600,1,2,1,1,1\n10800,1,2,1,1,1\n";
    const BAD: &str = "timestamp,open,high,low,close,volume\n0,1,2,1,1,1\n3600,1,0.5,1,1,1\n3600,1,2,1,1,1\n";

    #[test]
    fn one_bad_file_does_not_stop_the_others() {
        let dir = folder(&[
            ("README.md", "hello"),
            ("results.json", "{}"),
            ("spot/BTC_USDT-1h.csv", GOOD),
            ("spot/ETH_USDT-1h.csv", BAD),
            ("spot/XRP_USDT-1h.csv", GOOD),
        ]);
        let store = store();
        let outcomes = import_all(&args(dir.path(), ""), &store);
        let states: Vec<bool> = outcomes.iter().map(|outcome| outcome.result.is_ok()).collect();
        assert_eq!(states, [true, false, true]);
        assert_ne!(exit_code(&outcomes), ExitCode::SUCCESS);
        let bad = outcomes[1].json();
        assert_eq!(bad["status"], "refused");
        assert_eq!(
            bad["faults"],
            json!([
                "row 1 (1970-01-01 01:00:00): high 0.5 is below low 1",
                "row 2 (1970-01-01 01:00:00) repeats the time of the row before it"
            ])
        );
        assert_eq!(
            (outcomes[0].json()["gaps"].clone(), outcomes[0].json()["missing"].clone()),
            (json!(1), json!(1))
        );
        assert_eq!(store.list().unwrap().series.len(), 2);
    }

    #[test]
    fn importing_again_changes_nothing() {
        let dir = folder(&[("a__BTC_USDT-1h.csv", GOOD), ("b__BTC_USDT-1h.csv", GOOD)]);
        let store = store();
        import_all(&args(dir.path(), ""), &store);
        let outcomes = import_all(&args(dir.path(), ""), &store);
        assert!(outcomes.iter().all(|outcome| outcome.json()["status"] == "unchanged"));
    }

    #[test]
    fn drop_and_fill() {
        let dir = folder(&[("BTC_USDT-1h.csv", GOOD), ("ETH_USDT-1h.csv", BAD)]);
        let store = store();
        let outcomes = import_all(&args(dir.path(), "--drop --fill"), &store);
        assert_eq!(
            (outcomes[0].json()["filled"].clone(), outcomes[1].json()["dropped"].clone()),
            (json!(1), json!(2))
        );
        let info = store.info(outcomes[0].key.as_ref().unwrap(), AsOf::Latest).unwrap().unwrap();
        assert_eq!((info.rows, info.metadata["filled"].clone()), (4, json!(true)));
    }

    #[test]
    fn flags_name_what_names_do_not() {
        let dir = folder(&[("klines.csv", GOOD)]);
        let store = store();
        let file = dir.path().join("klines.csv");
        let unnamed = import_all(&args(&file, ""), &store);
        assert!(unnamed[0].result.as_ref().err().unwrap().to_string().contains("--symbol"));
        let named =
            import_all(&args(dir.path(), "--symbol BTC/USDT:USDT --timeframe 1h --kind mark"), &store);
        assert_eq!(named[0].key.as_ref().unwrap().to_string(), "BTC/USDT:USDT 1h mark");
    }

    #[test]
    fn real_candles_do_not_join_synthetic_ones() {
        let dir = folder(&[("BTC_USDT-1h.csv", GOOD)]);
        let store = store();
        let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1);
        let start = tradai_timeseries::sample::ORIGIN;
        let candles = tradai_timeseries::sample::candles(1, &key, start, start + 86_400_000);
        store.write(&key, &candles, Some(metadata(None, true, 0))).unwrap();
        let refused = import_all(&args(dir.path(), ""), &store);
        let error = format!("{:#}", refused[0].result.as_ref().err().unwrap());
        assert!(error.contains("--replace") && error.contains("synthetic"), "{error}");
        let replaced = import_all(&args(dir.path(), "--replace"), &store);
        assert!(replaced[0].result.is_ok());
        let read = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
        assert_eq!((read.series.len(), read.synthetic), (3, false));
    }
}
