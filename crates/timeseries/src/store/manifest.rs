//! Manifests: everything about one version of a series, in one small JSON object.
//!
//! A manifest is complete, so that any version costs one read, and carries the checksum of its own text as its
//! last member.

use bytes::Bytes;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use tradai_domain::{CandleKind, Millis, SeriesKey};

use super::gaps::{Gaps, gap_between};
use super::layout::{MAX_VERSION, is_data_key};
use super::period::Periods;
use super::sealed::{seal, unseal};
use super::table::decode_schema;
use super::types::{Gap, Metadata, Op, SeriesInfo, VersionInfo, is_synthetic};
use crate::error::{Damage, Error};
use crate::files::MAX_ROWS;

/// The format that this program writes, and the only one it reads.
pub(crate) const FORMAT: u32 = 1;

/// How many versions' commit times a manifest repeats, its own included.
pub(crate) const HISTORY: usize = 64;

/// Bytes that a data file may have.
pub(crate) const MAX_FILE_BYTES: u64 = 4 << 30;

/// One version of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// Which candles these are; none in libraries of tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) series: Option<SeriesKey>,
    /// The store symbol; empty in manifests of candles from before there were tables.
    #[serde(default)]
    pub(crate) symbol: String,
    pub(crate) version: u64,
    pub(crate) parent: Option<Parent>,
    pub(crate) commit_id: String,
    /// Milliseconds since the epoch, later than the parent's whatever the clocks of the writers say.
    pub(crate) commit_ts: Millis,
    pub(crate) writer: String,
    pub(crate) op: Op,
    pub(crate) schema: Schema,
    pub(crate) period_months: u32,
    pub(crate) metadata: Metadata,
    /// The newest [`HISTORY`] versions, this one included, oldest first.
    pub(crate) history: Vec<Past>,
    /// Data files in order of time, disjoint, each inside one period.
    pub(crate) files: Vec<FileEntry>,
}

/// An earlier version as later ones remember it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Past {
    pub(crate) version: u64,
    pub(crate) committed: Millis,
    /// The last digits of the commit's id: by them a writer finds its own commit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) tag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) op: Option<Op>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
}

impl Past {
    pub(crate) fn info(&self) -> VersionInfo {
        VersionInfo { version: self.version, committed: self.committed, op: self.op, rows: self.rows }
    }
}

/// Returns what histories remember of a commit's id.
pub(crate) fn tag_of(commit_id: &str) -> String {
    let start = commit_id.len().saturating_sub(12);
    commit_id.get(start..).unwrap_or_default().to_owned()
}

/// The version that a manifest follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parent {
    pub(crate) version: u64,
    /// Checksum of the parent's manifest.
    pub(crate) blake3: String,
}

/// How the data files are encoded; for people and other programs, since Parquet says the same of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schema {
    pub(crate) profile: String,
    pub(crate) compression: String,
    pub(crate) columns: Vec<Column>,
    /// All of that without loss, in tables: an Arrow schema message, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arrow: Option<String>,
}

/// One column of the data files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) column_type: String,
    pub(crate) encoding: String,
}

/// One data file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Below the symbol's folder.
    pub(crate) key: String,
    pub(crate) period: String,
    pub(crate) ts_min: Millis,
    pub(crate) ts_max: Millis,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) blake3: String,
    /// Of the value columns, in their order.
    pub(crate) columns: Vec<ColumnStats>,
    /// Candles missing inside the file.
    #[serde(default)]
    pub(crate) gaps: Gaps,
    /// Sum of the rows' hashes (32 hexadecimal digits): however rows are cut into files, the sum over the
    /// files is the same. None in old files and in tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows_hash: Option<String>,
}

impl FileEntry {
    /// Returns whether a file of ours can be of this name and size.
    fn is_sound(&self) -> bool {
        let has_size = (1..=max_rows()).contains(&self.rows) && self.bytes <= MAX_FILE_BYTES;
        has_size && is_data_key(&self.key) && self.gaps.are_within(self.ts_min, self.ts_max)
    }
}

fn max_rows() -> u64 {
    u64::try_from(MAX_ROWS).unwrap_or(u64::MAX)
}

/// Extremes of a column; `None` when no value is finite.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct ColumnStats {
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    /// Values that are not finite.
    pub(crate) nulls: u64,
}

impl Manifest {
    /// Returns the text to store, and its checksum.
    pub(crate) fn encode(&self) -> Result<(Bytes, String), Error> {
        seal(self, || format!("the manifest of {}", self.symbol))
    }

    /// Reads a stored manifest and its checksum.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, String), Damage> {
        let (mut manifest, hash) = unseal::<Self>(bytes, "manifest")?;
        if let Some(series) = manifest.series.as_ref().filter(|_| manifest.symbol.is_empty()) {
            manifest.symbol = series.store_symbol();
        }
        manifest.check()?;
        Ok((manifest, hash))
    }

    /// Checks what every version must be: files in order, disjoint, each inside its own period; a history that
    /// ends in it; and no size or number that nothing of ours has, since room is made for what is claimed.
    pub(crate) fn check(&self) -> Result<(), Damage> {
        let foreign = |what: String| Err(Damage::Foreign(what));
        if !(1..=MAX_VERSION).contains(&self.version) || !self.has_history() {
            return foreign(format!("the history of version {} contradicts itself", self.version));
        }
        let Some(periods) = Periods::from_months(self.period_months) else {
            return foreign(format!("periods of {} months", self.period_months));
        };
        if let Some(message) = &self.schema.arrow {
            decode_schema(message)?;
        }
        let mut previous: Option<Millis> = None;
        for file in &self.files {
            let period = periods.name(file.ts_min);
            let in_period = period == periods.name(file.ts_max) && period.as_ref() == Some(&file.period);
            if !in_period || file.ts_min > file.ts_max || !file.is_sound() {
                return foreign(format!("entry of {} contradicts itself", file.key));
            }
            if previous.is_some_and(|last| last >= file.ts_min) {
                return foreign(format!("{} overlaps the file before it", file.key));
            }
            previous = Some(file.ts_max);
        }
        Ok(())
    }

    /// Returns whether the history is one: short, in order, and up to this version.
    fn has_history(&self) -> bool {
        let ends_here = self
            .history
            .last()
            .is_some_and(|last| (last.version, last.committed) == (self.version, self.commit_ts));
        let in_order =
            |pair: &[Past]| pair[0].version < pair[1].version && pair[0].committed < pair[1].committed;
        let has_date = |past: &Past| DateTime::from_timestamp_millis(past.committed).is_some();
        ends_here
            && self.history.len() <= HISTORY
            && self.history.windows(2).all(in_order)
            && self.history.iter().all(|past| past.version > 0 && has_date(past))
    }

    /// Returns a checksum of the rows: over the sum of the rows' hashes, or over the files' checksums where
    /// a file has no such sum.
    pub(crate) fn data_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        if let Some(sum) = self.rows_hash() {
            hasher.update(b"tradai rows\n");
            hasher.update(&self.rows().to_le_bytes());
            hasher.update(&sum.to_le_bytes());
            return hasher.finalize().to_hex().to_string();
        }
        hasher.update(b"tradai candles\n");
        for file in &self.files {
            hasher.update(file.blake3.as_bytes());
            hasher.update(b"\n");
        }
        hasher.finalize().to_hex().to_string()
    }

    fn rows_hash(&self) -> Option<u128> {
        let sums = self.files.iter().map(|file| u128::from_str_radix(file.rows_hash.as_ref()?, 16).ok());
        sums.into_iter().try_fold(0_u128, |sum, file| Some(sum.wrapping_add(file?)))
    }

    /// Returns whether this version deleted the series.
    pub(crate) fn is_deleted(&self) -> bool {
        self.op == Op::Delete
    }

    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Returns the holes inside and between the files.
    fn gaps(&self) -> Vec<Gap> {
        let on_grid = self.series.as_ref().filter(|series| series.kind != CandleKind::FundingRate);
        let step = on_grid.map(|series| series.timeframe.millis());
        let mut gaps = Vec::new();
        let mut previous: Option<Millis> = None;
        for file in &self.files {
            if let Some((last, step)) = previous.zip(step) {
                gaps.extend(gap_between(last, file.ts_min, step));
            }
            gaps.extend(&file.gaps.0);
            previous = Some(file.ts_max);
        }
        gaps
    }

    /// Returns the first and the last time.
    pub(crate) fn span(&self) -> Option<(Millis, Millis)> {
        Some((self.files.first()?.ts_min, self.files.last()?.ts_max))
    }

    /// Returns what callers see of candles; `None` for tables.
    pub(crate) fn info(&self) -> Option<SeriesInfo> {
        Some(SeriesInfo {
            key: self.series.clone()?,
            version: self.version,
            committed: self.commit_ts,
            span: self.span(),
            rows: self.rows(),
            bytes: self.files.iter().map(|file| file.bytes).sum(),
            gaps: self.gaps(),
            data_hash: self.data_hash(),
            synthetic: is_synthetic(&self.metadata),
            metadata: self.metadata.clone(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            series: Some(SeriesKey {
                symbol: "BTC/USDT".parse().unwrap(),
                timeframe: "1h".parse().unwrap(),
                kind: CandleKind::Spot,
            }),
            symbol: "BTC_USDT_1h".to_owned(),
            version: 1,
            parent: None,
            commit_id: "id".to_owned(),
            commit_ts: 5,
            writer: "test".to_owned(),
            op: Op::Write,
            schema: Schema {
                profile: "f64".to_owned(),
                compression: "x".to_owned(),
                columns: Vec::new(),
                arrow: None,
            },
            period_months: 60,
            metadata: Metadata::new(),
            history: vec![Past {
                version: 1,
                committed: 5,
                tag: "id".to_owned(),
                op: Some(Op::Write),
                rows: Some(0),
            }],
            files: Vec::new(),
        }
    }

    #[test]
    fn every_flipped_byte_shows() {
        let (bytes, hash) = manifest().encode().unwrap();
        assert_eq!(Manifest::decode(&bytes), Ok((manifest(), hash)));
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1;
            assert!(Manifest::decode(&damaged).is_err(), "byte {at}");
            assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn hostile_numbers_are_foreign() {
        let file = |rows, bytes, gaps: &[(Millis, u64)]| FileEntry {
            key: "d/2020-01-0123456789abcdef.parquet".to_owned(),
            period: "2020-01".to_owned(),
            ts_min: 1_717_200_000_000,
            ts_max: 1_717_203_600_000,
            rows,
            bytes,
            blake3: String::new(),
            columns: Vec::new(),
            gaps: Gaps(gaps.iter().map(|&(start, missing)| Gap { start, missing }).collect()),
            rows_hash: None,
        };
        let with_file = |file| Manifest { files: vec![file], ..manifest() };
        assert_eq!(with_file(file(2, 100, &[])).check(), Ok(()));
        let past = |version, committed| Past { version, committed, ..manifest().history[0].clone() };
        let at = |version, commit_ts, history| Manifest { version, commit_ts, history, ..manifest() };
        assert_eq!(at(9, 5, vec![past(2, 3), past(9, 5)]).check(), Ok(()));
        for hostile in [
            with_file(file(0, 100, &[])),
            with_file(file(u64::MAX, 100, &[])),
            with_file(file(2, u64::MAX, &[])),
            with_file(file(2, 100, &[(1_717_200_000_001, u64::MAX)])),
            at(0, 5, vec![past(0, 5)]),
            at(u64::MAX, 5, vec![past(u64::MAX, 5)]),
            at(1 << 53, 5, vec![past(1 << 53, 5)]),
            at(1, i64::MAX, vec![past(1, i64::MAX)]),
            at(1, 5, Vec::new()),
            at(2, 5, vec![past(1, 5)]),
            at(2, 5, vec![past(2, 4), past(2, 5)]),
            at(9, 5, vec![past(8, 6), past(9, 5)]),
            at(99, 99, (1..100).map(|number| past(number, i64::try_from(number).unwrap())).collect()),
        ] {
            assert!(matches!(hostile.check(), Err(Damage::Foreign(_))), "{hostile:?}");
        }
    }

    #[test]
    fn other_peoples_json_is_foreign() {
        for text in ["", "{}", "[1]", "{\"format\":1}", "{\"format\":9999}", "not json"] {
            assert!(Manifest::decode(text.as_bytes()).is_err(), "{text}");
        }
        let (bytes, _) = Manifest { format: 2, ..manifest() }.encode().unwrap();
        let error = Manifest::decode(&bytes).unwrap_err().to_string();
        assert_eq!(error, "is not ours: format 2, while this program reads 1");
    }
}
