//! Manifests: everything about one version of a series, in one small JSON object.
//!
//! A manifest is complete, so that any version costs one read, and carries the checksum of its own text as its
//! last member.

use serde::{Deserialize, Serialize};
use tradai_domain::{CandleKind, Millis, SeriesKey, TimeRange};

use super::layout::is_data_key;
use super::period::Periods;
use super::types::{Gap, Metadata, SeriesInfo, VersionInfo, is_synthetic};
use crate::error::{Damage, Error, Source};

/// The format that this program writes, and the only one it reads.
pub(crate) const FORMAT: u32 = 1;

/// How many versions' commit times a manifest repeats, its own included.
pub(crate) const HISTORY: usize = 64;

const CHECKSUM_MEMBER: &str = ",\"blake3\":\"";
const CHECKSUM_END: &str = "\"}\n";
const FIRST_MEMBER: &[u8] = b"{\"format\":";

/// One version of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) series: SeriesKey,
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
    pub(crate) history: Vec<VersionInfo>,
    /// Data files in order of time, disjoint, one per period.
    pub(crate) files: Vec<FileEntry>,
}

/// The version that a manifest follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parent {
    pub(crate) version: u64,
    /// Checksum of the parent's manifest.
    pub(crate) blake3: String,
}

/// What made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    Write,
    Append,
    ReplaceRange,
    Upsert,
}

/// How the data files are encoded; for people and other programs, since Parquet says the same of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schema {
    pub(crate) profile: String,
    pub(crate) compression: String,
    pub(crate) columns: Vec<Column>,
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
    /// Of open, high, low, close, volume.
    pub(crate) columns: [ColumnStats; 5],
    /// Candles missing inside the file.
    pub(crate) gaps: Vec<Gap>,
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
    pub(crate) fn encode(&self) -> Result<(Vec<u8>, String), Error> {
        let failed =
            |source: Source| Error::Encode { what: format!("the manifest of {}", self.series), source };
        let mut text = serde_json::to_string(self).map_err(|e| failed(e.into()))?;
        if text.pop() != Some('}') {
            return Err(failed("no object".into()));
        }
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        text.push_str(CHECKSUM_MEMBER);
        text.push_str(&hash);
        text.push_str(CHECKSUM_END);
        Ok((text.into_bytes(), hash))
    }

    /// Reads a stored manifest and its checksum.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, String), Damage> {
        let foreign = |what: &str| Damage::Foreign(what.to_owned());
        if !bytes.starts_with(FIRST_MEMBER) {
            return Err(foreign("no manifest of this store"));
        }
        let tail = CHECKSUM_MEMBER.len() + 64 + CHECKSUM_END.len();
        let at = bytes.len().checked_sub(tail).ok_or(Damage::Checksum)?;
        let (text, member) = bytes.split_at(at);
        let hash = blake3::hash(text).to_hex().to_string();
        if member != format!("{CHECKSUM_MEMBER}{hash}{CHECKSUM_END}").as_bytes() {
            return Err(Damage::Checksum);
        }
        let mut object = text.to_vec();
        object.push(b'}');
        let manifest: Self =
            serde_json::from_slice(&object).map_err(|e| Damage::Foreign(format!("manifest: {e}")))?;
        if manifest.format != FORMAT {
            let format = manifest.format;
            return Err(Damage::Foreign(format!("format {format}, while this program reads {FORMAT}")));
        }
        manifest.check()?;
        Ok((manifest, hash))
    }

    /// Checks what every version must be: files in order, disjoint, each inside its own period.
    pub(crate) fn check(&self) -> Result<(), Damage> {
        let foreign = |what: String| Err(Damage::Foreign(what));
        let Some(periods) = Periods::from_months(self.period_months) else {
            return foreign(format!("periods of {} months", self.period_months));
        };
        let mut previous: Option<Millis> = None;
        for file in &self.files {
            let period = periods.name(file.ts_min);
            let in_period = period == periods.name(file.ts_max) && period.as_ref() == Some(&file.period);
            if !in_period || file.ts_min > file.ts_max || file.rows == 0 || !is_data_key(&file.key) {
                return foreign(format!("entry of {} contradicts itself", file.key));
            }
            if previous.is_some_and(|last| last >= file.ts_min) {
                return foreign(format!("{} overlaps the file before it", file.key));
            }
            previous = Some(file.ts_max);
        }
        Ok(())
    }

    /// Returns the files that may hold candles of `range`.
    pub(crate) fn files_in(&self, range: TimeRange) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().filter(move |file| range.overlaps(file.ts_min, file.ts_max))
    }

    /// Returns a checksum over the files' checksums.
    pub(crate) fn data_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"tradai candles\n");
        for file in &self.files {
            hasher.update(file.blake3.as_bytes());
            hasher.update(b"\n");
        }
        hasher.finalize().to_hex().to_string()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Returns the holes inside and between the files.
    fn gaps(&self) -> Vec<Gap> {
        let step = self.series.timeframe.millis();
        let mut gaps = Vec::new();
        let mut previous: Option<Millis> = None;
        for file in &self.files {
            if let Some(last) = previous.filter(|_| self.series.kind != CandleKind::FundingRate) {
                gaps.extend(gap_between(last, file.ts_min, step));
            }
            gaps.extend(&file.gaps);
            previous = Some(file.ts_max);
        }
        gaps
    }

    pub(crate) fn info(&self) -> SeriesInfo {
        let (first, last) = (self.files.first(), self.files.last());
        SeriesInfo {
            key: self.series.clone(),
            version: self.version,
            committed: self.commit_ts,
            span: first.zip(last).map(|(first, last)| (first.ts_min, last.ts_max)),
            rows: self.rows(),
            bytes: self.files.iter().map(|file| file.bytes).sum(),
            gaps: self.gaps(),
            data_hash: self.data_hash(),
            synthetic: is_synthetic(&self.metadata),
            metadata: self.metadata.clone(),
        }
    }
}

/// Returns the candles missing between two stored neighbours.
pub(crate) fn gap_between(earlier: Millis, later: Millis, step: Millis) -> Option<Gap> {
    let missing = u64::try_from((later - earlier) / step - 1).ok().filter(|&missing| missing > 0)?;
    Some(Gap { start: earlier + step, missing })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            series: SeriesKey {
                symbol: "BTC/USDT".parse().unwrap(),
                timeframe: "1h".parse().unwrap(),
                kind: CandleKind::Spot,
            },
            version: 1,
            parent: None,
            commit_id: "id".to_owned(),
            commit_ts: 5,
            writer: "test".to_owned(),
            op: Op::Write,
            schema: Schema { profile: "f64".to_owned(), compression: "x".to_owned(), columns: Vec::new() },
            period_months: 60,
            metadata: Metadata::new(),
            history: vec![VersionInfo { version: 1, committed: 5 }],
            files: Vec::new(),
        }
    }

    #[test]
    fn every_flipped_byte_shows() {
        let (bytes, hash) = manifest().encode().unwrap();
        assert_eq!(Manifest::decode(&bytes), Ok((manifest(), hash)));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Manifest::decode(&damaged).is_err(), "byte {at}");
            assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
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
