//! Telling formats apart, and getting bytes in and out of files.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tradai_domain::{CandleSeries, TimeRange};

use super::column_form::ColumnForm;
use super::{RawCandles, csv, feather, json, parquet_read, parquet_write};
use crate::error::{Error, FileProblem};

/// Bytes that a compressed text may unpack to.
const MAX_UNPACKED_BYTES: u64 = 4 << 30;

/// The format of a candle file, told by its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// An Arrow IPC file, as Freqtrade keeps candles.
    Feather,
    /// Comma-separated text, maybe gzipped.
    Csv,
    /// Freqtrade's array of `[ms, open, high, low, close, volume]`, maybe gzipped.
    Json,
}

impl FileFormat {
    /// Returns the format of a path's ending, in any case; `None` when it is no ending of ours.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name =
            name.strip_suffix(".gz").filter(|n| n.ends_with("csv") || n.ends_with("json")).unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "parquet" => Some(Self::Parquet),
            "feather" => Some(Self::Feather),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Reads a candle file of any format, as the file has its rows.
///
/// # Errors
/// [`Error::Io`]; [`Error::File`] or [`Error::Format`] when it is no candle file.
pub fn read_candles(path: &Path) -> Result<RawCandles, Error> {
    let file = path.display().to_string();
    let format = format_of(path)?;
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    match format {
        FileFormat::Parquet => parquet_read::decode(&Bytes::from(bytes), &file, TimeRange::ALL),
        FileFormat::Feather => feather::decode(bytes, &file),
        FileFormat::Csv => csv::decode(&unpacked(path, bytes)?, &file),
        FileFormat::Json => json::decode(&unpacked(path, bytes)?, &file),
    }
}

/// Writes candles to a file in the format of its ending, replacing it as a whole.
///
/// Parquet and feather note inside the file whether the candles are made up; CSV and JSON have no place for it.
///
/// # Errors
/// [`Error::File`] when the ending is unknown, [`Error::Encode`], [`Error::Io`].
pub fn write_candles(path: &Path, candles: &CandleSeries, synthetic: bool) -> Result<(), Error> {
    let failed = |source| Error::Encode { what: path.display().to_string(), source };
    let bytes = match format_of(path)? {
        FileFormat::Parquet => {
            let forms = [ColumnForm::for_export(); 5];
            parquet_write::encode(candles, 0..candles.len(), &forms, synthetic)
                .map_err(|e| failed(e.into()))?
        }
        FileFormat::Feather => feather::encode(candles, synthetic).map_err(|e| failed(e.into()))?,
        FileFormat::Csv => csv::encode(candles),
        FileFormat::Json => json::encode(candles).map_err(|e| failed(e.into()))?,
    };
    let bytes = if is_gzipped(path) { packed(&bytes).map_err(|e| failed(e.into()))? } else { bytes };
    replace_file(path, &bytes).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn format_of(path: &Path) -> Result<FileFormat, Error> {
    let unknown = || Error::File { file: path.display().to_string(), problem: FileProblem::Ending };
    FileFormat::of(path).ok_or_else(unknown)
}

fn is_gzipped(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"))
}

fn unpacked(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    if !is_gzipped(path) {
        return Ok(bytes);
    }
    let file = || path.display().to_string();
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(MAX_UNPACKED_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|e| Error::Format { file: file(), format: "gzip", source: Box::new(e) })?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_UNPACKED_BYTES {
        let what = "more text than that in a gzip file".to_owned();
        return Err(Error::File {
            file: file(),
            problem: FileProblem::TooLarge { what, limit: MAX_UNPACKED_BYTES },
        });
    }
    Ok(text)
}

fn packed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Writes beside the target and renames, so that a reader never sees half a file.
fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}
