//! Data files: encoding a period's candles, and taking them back only if no bit has changed.

use bytes::Bytes;
use tradai_domain::{CandleKind, CandleSeries, SeriesKey, TimeRange};

use super::gaps::Gaps;
use super::layout::data_key;
use super::manifest::{Column, ColumnStats, FileEntry, Schema};
use crate::error::{Damage, Error};
use crate::files::{
    MAX_ROWS, Profile, RawCandles, TIME_COLUMN, VALUE_COLUMNS, caught, decode_into, encode_parquet, forms,
};

/// A data file on its way into the store.
pub(crate) struct NewFile {
    pub(crate) entry: FileEntry,
    pub(crate) bytes: Bytes,
}

/// Describes the encoding of [`encode`]. Which of the forms a column has in a file, the file says.
pub(crate) fn schema(profile: Profile) -> Schema {
    let column = |name: &str, column_type: &str, encoding: &str| Column {
        name: name.to_owned(),
        column_type: column_type.to_owned(),
        encoding: encoding.to_owned(),
    };
    let (compression, value_type, encoding) = match profile {
        Profile::F64 => ("LZ4_RAW | UNCOMPRESSED", "f64", "PLAIN | RLE_DICTIONARY"),
        Profile::Compact => ("UNCOMPRESSED | ZSTD", "decimal | f64", "DELTA_BINARY_PACKED | PLAIN"),
    };
    let mut columns = vec![column(TIME_COLUMN, "timestamp[ms, UTC]", "DELTA_BINARY_PACKED")];
    columns.extend(VALUE_COLUMNS.map(|name| column(name, value_type, encoding)));
    Schema { profile: profile.as_str().to_owned(), compression: compression.to_owned(), columns, arrow: None }
}

/// Encodes candles of one period, of which there must be at least one. The nonce goes into the file's name.
pub(crate) fn encode(
    key: &SeriesKey,
    series: &CandleSeries,
    profile: Profile,
    period: &str,
    nonce: &str,
) -> Result<NewFile, Error> {
    let failed = |source| Error::Encode { what: format!("candles of {key}"), source };
    let times = series.open_time();
    let (Some(&ts_min), Some(&ts_max)) = (times.first(), times.last()) else {
        return Err(failed("no rows".into()));
    };
    if series.len() > MAX_ROWS {
        return Err(failed(
            format!("{} rows would be in one file; at most {MAX_ROWS} are", series.len()).into(),
        ));
    }
    let rows = 0..series.len();
    let forms = forms(series, &rows, profile).map_err(|e| failed(e.into()))?;
    let bytes = encode_parquet(series, rows, &forms, false).map_err(|e| failed(e.into()))?;
    let hash = blake3::hash(&bytes);
    let columns = [series.open(), series.high(), series.low(), series.close(), series.volume()];
    let entry = FileEntry {
        key: data_key(period, &hash, nonce),
        period: period.to_owned(),
        ts_min,
        ts_max,
        rows: len_u64(times.len()),
        bytes: len_u64(bytes.len()),
        blake3: hash.to_hex().to_string(),
        columns: columns.iter().map(|values| stats(values)).collect(),
        gaps: match key.kind {
            CandleKind::FundingRate => Gaps::default(),
            _ => Gaps::between(times, key.timeframe.millis()),
        },
        rows_hash: Some(format!("{:032x}", rows_hash(series))),
    };
    Ok(NewFile { entry, bytes: Bytes::from(bytes) })
}

/// Checks that bytes are those that were written.
pub(crate) fn check(entry: &FileEntry, bytes: &[u8]) -> Result<(), Damage> {
    if len_u64(bytes.len()) != entry.bytes {
        return Err(Damage::Length { found: len_u64(bytes.len()), expected: entry.bytes });
    }
    if blake3::hash(bytes).to_hex().as_str() != entry.blake3 {
        return Err(Damage::Checksum);
    }
    Ok(())
}

/// Checks a data file and adds its candles of `range` to `output`.
pub(crate) fn decode(
    entry: &FileEntry,
    bytes: &Bytes,
    range: TimeRange,
    output: &mut RawCandles,
) -> Result<(), Damage> {
    check(entry, bytes)?;
    let before = output.len();
    let decoded = caught(|| decode_into(bytes, &entry.key, range, output));
    let decoded = decoded.ok_or_else(|| Damage::Foreign("its structure contradicts itself".to_owned()))?;
    decoded.map_err(|e| Damage::Foreign(e.to_string()))?;
    let found = len_u64(output.len() - before);
    let is_whole = range.contains(entry.ts_min) && range.contains(entry.ts_max);
    if is_whole && found != entry.rows {
        return Err(Damage::Foreign(format!("it has {found} rows where the manifest says {}", entry.rows)));
    }
    Ok(())
}

/// Adds up the hashes of the candles: the sum is the same however they are cut into files.
fn rows_hash(series: &CandleSeries) -> u128 {
    let columns = [series.open(), series.high(), series.low(), series.close(), series.volume()];
    let mut sum = 0_u128;
    let mut row = [0_u8; 48];
    for (at, time) in series.open_time().iter().enumerate() {
        row[..8].copy_from_slice(&time.to_le_bytes());
        for (column, bytes) in columns.iter().zip(row[8..].chunks_exact_mut(8)) {
            bytes.copy_from_slice(&column[at].to_bits().to_le_bytes());
        }
        sum = sum.wrapping_add(xxhash_rust::xxh3::xxh3_128(&row));
    }
    sum
}

/// Values that [`stats`] takes at a time, so that the compiler uses vector instructions.
const LANES: usize = 8;

fn stats(values: &[f64]) -> ColumnStats {
    let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let (whole, rest) = values.as_chunks::<LANES>();
    let mut padded = [f64::NAN; LANES];
    padded[..rest.len()].copy_from_slice(rest);
    for chunk in whole.iter().chain([&padded]) {
        for lane in 0..LANES {
            // NaN is neither less nor greater than anything.
            let value = if chunk[lane].is_finite() { chunk[lane] } else { f64::NAN };
            min[lane] = if value < min[lane] { value } else { min[lane] };
            max[lane] = if value > max[lane] { value } else { max[lane] };
        }
    }
    let min = min.into_iter().fold(f64::INFINITY, f64::min);
    let max = max.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let any = min <= max;
    ColumnStats {
        min: any.then_some(min),
        max: any.then_some(max),
        nulls: len_u64(values.iter().filter(|value| !value.is_finite()).count()),
    }
}

pub(crate) fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of a hundred candles in either form.
    fn file(profile: Profile) -> NewFile {
        let mut series = CandleSeries::default();
        for at in 0..100 {
            let price = 100.0 + (at % 7) as f64;
            series.push(
                1_717_200_000_000 + at * 3_600_000,
                [price, price + 1.0, price - 1.0, price, at as f64],
            );
        }
        let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), tradai_domain::Timeframe::H1);
        encode(&key, &series, profile, "2020-01", "nonce").unwrap()
    }

    /// A hostile writer's checksums are right. Some of these make the decoder below panic.
    #[test]
    fn no_byte_makes_a_read_panic() {
        for profile in [Profile::F64, Profile::Compact] {
            let NewFile { entry, bytes } = file(profile);
            for (at, value) in (0..bytes.len()).flat_map(|at| [0, 2, 4, 16, 18, 255].map(|value| (at, value)))
            {
                let mut bytes = bytes.to_vec();
                bytes[at] = value;
                let blake3 = blake3::hash(&bytes).to_hex().to_string();
                let entry = FileEntry { blake3, ..entry.clone() };
                let mut rows = RawCandles::default();
                drop(decode(&entry, &Bytes::from(bytes), TimeRange::ALL, &mut rows));
            }
        }
    }
}
