//! Everything that can go wrong with candle files and the candle store.

use std::path::PathBuf;

use tradai_domain::{ErrorKind, Millis, SeriesFault, format_utc};

use crate::files::Profile;
use crate::store::{TableOptions, TableProblem};

/// The cause that a lower library gave.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error of this crate. [`Error::kind`] says what a caller should do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("cannot access {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what its ending says, or is damaged.
    #[error("{file} is not a readable {format} file")]
    Format {
        /// The file.
        file: String,
        /// The expected format.
        format: &'static str,
        /// What the decoder said.
        #[source]
        source: Source,
    },
    /// A file is readable but holds no candles as we know them.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        problem: FileProblem,
    },
    /// A row of a file is not a candle.
    #[error("{file}: {fault}")]
    Row {
        /// The file.
        file: String,
        /// The row and the reason.
        fault: SeriesFault,
    },
    /// A stored object is missing, damaged or not ours.
    #[error("stored object {key} {damage}{}", intact_text(key, readable))]
    Damaged {
        /// The object's key below the store's root.
        key: String,
        /// What is wrong with it.
        damage: Damage,
        /// The newest versions of the symbol whose objects are all intact, oldest first; some of them when there
        /// are many, or when finding more would take long.
        readable: Vec<u64>,
    },
    /// New candles disagree with stored ones.
    #[error(
        "{symbol}: the candle of {} is stored with {column} = {stored}, the new one has {given}",
        format_utc(*.open_time)
    )]
    Conflict {
        /// The store symbol.
        symbol: String,
        /// Open time of the first differing candle.
        open_time: Millis,
        /// The first differing column.
        column: &'static str,
        /// The stored value.
        stored: f64,
        /// The refused value.
        given: f64,
    },
    /// Real and synthetic candles would be mixed in one series.
    #[error(
        "{symbol} holds {} rows and the new ones are {}; replace the series as a whole instead",
        label(*.stored_synthetic), label(!*.stored_synthetic)
    )]
    MixedLabels {
        /// The store symbol.
        symbol: String,
        /// Whether the stored candles are synthetic.
        stored_synthetic: bool,
    },
    /// Candles lie outside the range that they are to replace.
    #[error("{symbol}: the row of {} lies outside the range to replace", format_utc(*.open_time))]
    OutsideRange {
        /// The store symbol.
        symbol: String,
        /// Open time of the first such candle.
        open_time: Millis,
    },
    /// Candles are not in order.
    #[error("{symbol}: the candle of {} is not later than the one before it", format_utc(*.open_time))]
    Unsorted {
        /// The store symbol.
        symbol: String,
        /// Open time of the first such candle.
        open_time: Millis,
    },
    /// A candle opens when no calendar of ours reaches.
    #[error("{symbol}: a row is of {open_time} ms, which is not between the years 1970 and 9999")]
    BadTime {
        /// The store symbol.
        symbol: String,
        /// The open time.
        open_time: Millis,
    },
    /// The symbol has no such version.
    #[error("{symbol} has no version {wanted}; {}", readable_text(versions))]
    NoVersion {
        /// The store symbol.
        symbol: String,
        /// The version or moment asked for.
        wanted: String,
        /// The versions that exist, oldest first.
        versions: Vec<u64>,
    },
    /// The symbol is not in the store.
    #[error("there is no series {symbol} in the store")]
    NoSeries {
        /// The store symbol.
        symbol: String,
    },
    /// There is no snapshot of this name.
    #[error("there is no snapshot `{name}`; {}", names_text(names))]
    NoSnapshot {
        /// The name asked for.
        name: String,
        /// The snapshots that exist.
        names: Vec<String>,
    },
    /// The name of a snapshot is taken.
    #[error("there is a snapshot `{name}` already; delete it first or choose another name")]
    SnapshotExists {
        /// The name.
        name: String,
    },
    /// The storage has no create-if-absent, on which every commit rests.
    #[error(
        "the storage ignores `If-None-Match: *`, so that two writers would overwrite each other; use Amazon S3, a \
         server that honours it, or a directory"
    )]
    Overwrites,
    /// The rules of what to keep make no sense.
    #[error("cannot prune: {problem}")]
    Retention {
        /// What is wrong with them.
        problem: String,
    },
    /// The name cannot be a library of the store.
    #[error("`{library}` cannot name a library: a name has 1 to 40 of a-z, 0-9, `_` and `-`")]
    BadLibrary {
        /// The refused name.
        library: String,
    },
    /// A library of tables cannot be opened with these options.
    #[error("library `{library}`: {problem}")]
    LibraryOptions {
        /// The library.
        library: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The library keeps its tables in another way.
    #[error("library `{library}` has {stored}; asked for is {given}")]
    OtherOptions {
        /// The library.
        library: String,
        /// The options it was made with.
        stored: Box<TableOptions>,
        /// The options given.
        given: Box<TableOptions>,
    },
    /// The store keeps its candles in another way.
    #[error(
        "the store keeps candles as {}; asked for is {}, which only a new store can be made with",
        stored.as_str(), given.as_str()
    )]
    OtherProfile {
        /// How it was made.
        stored: Profile,
        /// What was asked for.
        given: Profile,
    },
    /// Rows of a table cannot be stored, or a column cannot be read.
    #[error("{symbol}: {problem}")]
    Table {
        /// The symbol.
        symbol: String,
        /// What is wrong.
        problem: Box<TableProblem>,
    },
    /// The name cannot be a symbol or a snapshot of the store.
    #[error("`{symbol}` cannot name a series or a snapshot: a name has 1 to 80 bytes")]
    BadSymbol {
        /// The refused name.
        symbol: String,
    },
    /// Other writers won every one of our attempts; nothing was stored.
    #[error("{symbol}: {attempts} attempts to commit lost against other writers")]
    Busy {
        /// The store symbol.
        symbol: String,
        /// Attempts made.
        attempts: u32,
    },
    /// Reading and storing what a commit needs took too long each time; nothing was committed.
    #[error(
        "{symbol}: {attempts} attempts to commit took longer than the 30 minutes in which one must be done; change \
         less at a time, or from where the storage is nearer"
    )]
    TooSlow {
        /// The store symbol.
        symbol: String,
        /// Attempts made.
        attempts: u32,
    },
    /// A commit was sent but the answer was lost, and so was the answer to asking.
    #[error("{symbol}: it is unknown whether version {version} was committed")]
    UnknownOutcome {
        /// The store symbol.
        symbol: String,
        /// The version that may or may not exist.
        version: u64,
        /// What the storage said.
        #[source]
        source: Source,
    },
    /// The storage could not be reached or refused.
    #[error("storage failed at {key}")]
    Storage {
        /// The object's key.
        key: String,
        /// What the storage said.
        #[source]
        source: Source,
    },
    /// The location of a store is not written as it must be.
    #[error("store location {location}: {problem}")]
    Location {
        /// The location, without what may be secret.
        location: String,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// The storage at a location does not let itself be used.
    #[error("the store at {location} cannot be opened: {problem}")]
    NoStorage {
        /// The location, without what may be secret.
        location: String,
        /// Why, and what to do about it.
        problem: StorageProblem,
        /// What the storage said.
        #[source]
        source: Source,
    },
    /// A value of ours could not be encoded.
    #[error("cannot encode {what}")]
    Encode {
        /// What was to be encoded.
        what: String,
        /// What the encoder said.
        #[source]
        source: Source,
    },
}

/// Why a readable file holds no candles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The ending says nothing to us.
    #[error("unknown ending; candles are read from .parquet, .feather, .csv, .csv.gz, .json and .json.gz")]
    Ending,
    /// A column is missing.
    #[error(
        "no column `{column}`; needed are timestamp (or date), open, high, low, close, volume; found {found}"
    )]
    NoColumn {
        /// The missing column.
        column: &'static str,
        /// The columns that are there, joined by commas.
        found: String,
    },
    /// A column is of a type that cannot be read.
    #[error("column `{column}` is {found}; allowed are {allowed}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What could be read.
        allowed: &'static str,
    },
    /// One cell cannot be read.
    #[error("row {row}: column `{column}` is {value}; allowed is {allowed}")]
    Cell {
        /// Row number, from 0, without the header.
        row: usize,
        /// The column.
        column: String,
        /// What stands there, cut to a readable length.
        value: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A row has the wrong number of fields.
    #[error("row {row} has {found} fields where {expected} are expected")]
    Fields {
        /// Row number, from 0, without the header.
        row: usize,
        /// Fields found.
        found: usize,
        /// Fields expected.
        expected: usize,
    },
    /// Columns differ in length, or from what the file says of itself.
    #[error("column `{column}` has {found} rows where {expected} are expected")]
    Rows {
        /// The column.
        column: String,
        /// Rows found.
        found: usize,
        /// Rows expected.
        expected: usize,
    },
    /// More than we are willing to hold in memory.
    #[error("too large: {what}; at most {limit} are read")]
    TooLarge {
        /// What there is too much of, with the number.
        what: String,
        /// The limit.
        limit: u64,
    },
}

/// What is wrong with a stored object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It is shorter or longer than it was.
    #[error("has {found} bytes where {expected} were written")]
    Length {
        /// Bytes found.
        found: u64,
        /// Bytes written.
        expected: u64,
    },
    /// It is longer than anything that this store writes.
    #[error("has {found} bytes; what is stored here has at most {limit}")]
    TooLarge {
        /// Bytes found.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Its bytes are not those that were written.
    #[error("does not match its checksum")]
    Checksum,
    /// It was not written by this store, or for another symbol or version.
    #[error("is not ours: {0}")]
    Foreign(String),
}

/// Why a storage cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageProblem {
    /// The bucket does not exist.
    #[error("there is no such bucket; make it, or correct its name, the region or the endpoint")]
    NoBucket,
    /// Nothing says who we are.
    #[error(
        "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
         (`aws configure export-credentials --format env` prints those of a profile)"
    )]
    NoCredentials,
    /// We are not who we say, or may not do what the store does.
    #[error(
        "access is denied; the credentials must be valid, and allowed to list the bucket and to get, put and \
         delete objects below the prefix"
    )]
    Denied,
    /// The bucket is served elsewhere.
    #[error("the bucket is in another region; give region=NAME in the location, or set AWS_REGION")]
    WrongRegion,
    /// No answer, or none that makes sense.
    #[error("it cannot be reached; check the endpoint, the network and, over https, the certificates")]
    Unreachable,
    /// This machine could not prepare a connection.
    #[error(
        "no connection can be prepared; https needs certificates on this machine (Debian: ca-certificates)"
    )]
    Setup,
}

impl Error {
    /// Returns the error about rows of a table.
    pub(crate) fn of_table(symbol: &str, problem: TableProblem) -> Self {
        Self::Table { symbol: symbol.to_owned(), problem: Box::new(problem) }
    }

    /// Returns what a caller should do about the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::NoStorage { problem: StorageProblem::NoBucket, .. } => ErrorKind::NotFound,
            Self::Io { .. }
            | Self::Busy { .. }
            | Self::TooSlow { .. }
            | Self::UnknownOutcome { .. }
            | Self::Storage { .. }
            | Self::NoStorage { .. } => ErrorKind::Unavailable,
            Self::Format { .. }
            | Self::File { .. }
            | Self::Row { .. }
            | Self::OutsideRange { .. }
            | Self::BadTime { .. }
            | Self::Unsorted { .. }
            | Self::BadLibrary { .. }
            | Self::LibraryOptions { .. }
            | Self::Location { .. }
            | Self::Overwrites
            | Self::Retention { .. }
            | Self::BadSymbol { .. } => ErrorKind::Invalid,
            Self::Table { problem, .. } => problem.kind(),
            Self::Damaged { .. } => ErrorKind::Data,
            Self::Conflict { .. }
            | Self::MixedLabels { .. }
            | Self::OtherOptions { .. }
            | Self::OtherProfile { .. }
            | Self::SnapshotExists { .. } => ErrorKind::Conflict,
            Self::NoVersion { .. } | Self::NoSeries { .. } | Self::NoSnapshot { .. } => ErrorKind::NotFound,
            Self::Encode { .. } => ErrorKind::Internal,
        }
    }
}

fn label(synthetic: bool) -> &'static str {
    if synthetic { "synthetic" } else { "real" }
}

fn names_text(names: &[String]) -> String {
    if names.is_empty() { "there is none yet".to_owned() } else { format!("there are {}", names.join(", ")) }
}

/// Says which versions are left of the symbol that an object belongs to, if it belongs to one.
fn intact_text(key: &str, readable: &[u64]) -> String {
    match readable {
        _ if !key.contains("/sym/") => String::new(),
        [] => "; no intact version was found".to_owned(),
        found => format!("; {}", readable_text(found)),
    }
}

/// Writes `1-3, 5` as "readable versions: 1-3, 5".
fn readable_text(versions: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &version in versions {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == version => *last = version,
            _ => runs.push((version, version)),
        }
    }
    if runs.is_empty() {
        return "no version is readable".to_owned();
    }
    let texts: Vec<String> = runs
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    format!("readable versions: {}", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_names_object_and_readable_versions() {
        let error = Error::Damaged {
            key: "ohlcv/sym/x/d/1.parquet".to_owned(),
            damage: Damage::Checksum,
            readable: vec![1, 2, 3, 7],
        };
        assert_eq!(
            error.to_string(),
            "stored object ohlcv/sym/x/d/1.parquet does not match its checksum; readable versions: 1-3, 7"
        );
        assert_eq!(error.kind(), ErrorKind::Data);
    }
}
