//! Which files an import takes, and as which series.

use std::path::{Path, PathBuf};

use tradai_domain::{CandleKind, SeriesKey};
use tradai_timeseries::files::FileFormat;
use tradai_timeseries::{Error, parse_file_name};

use super::super::DataError;
use super::ImportArgs;

/// Returns the given files, and the candle files of the given folders in order of name.
pub(super) fn find_files(args: &ImportArgs) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in &args.paths {
        if !path.exists() {
            return Err(DataError::NoPath(path.display().to_string()).into());
        }
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
        } else if FileFormat::of(&entry.path()).is_some() {
            if key_of(args, &entry.path()).is_some() {
                files.push(entry.path());
            } else {
                let name = entry.path();
                eprintln!("skipped {}: {}", name.display(), DataError::Unnamed);
            }
        }
    }
    Ok(())
}

/// Returns the series of a file from the flags and the name.
pub(super) fn key_of(args: &ImportArgs, file: &Path) -> Option<SeriesKey> {
    let named = file.file_name().and_then(|name| name.to_str()).and_then(parse_file_name).map(|(_, key)| key);
    let symbol = args.symbol.clone().or(named.as_ref().map(|key| key.symbol.clone()))?;
    let timeframe = args.timeframe.or(named.as_ref().map(|key| key.timeframe))?;
    // A name's kind holds for the name's symbol: `--symbol BTC/USDT:USDT` makes a spot name's file futures.
    let named_kind = named.filter(|key| key.symbol == symbol || key.kind != CandleKind::traded(&key.symbol));
    let kind = args.kind.or(named_kind.map(|key| key.kind)).unwrap_or_else(|| CandleKind::traded(&symbol));
    Some(SeriesKey { symbol, timeframe, kind })
}
