//! Columns of plain doubles, which is what our own files hold: the pages are unpacked straight into the series'
//! own vectors. The general reader would unpack each page aside, and then copy it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

/// A column chunk of doubles without empty rows, plain or LZ4-compressed.
pub(crate) struct PlainChunk<'a> {
    file: &'a Bytes,
    chunk: &'a ColumnChunkMetaData,
    is_compressed: bool,
}

impl<'a> PlainChunk<'a> {
    /// Returns the chunk, or `None` when its footer says that it is something else.
    pub(crate) fn find(file: &'a Bytes, chunk: &'a ColumnChunkMetaData) -> Option<Self> {
        let column = chunk.column_descr();
        let is_flat = column.max_def_level() == 0 && column.max_rep_level() == 0;
        // Plain doubles are little-endian.
        let is_doubles = column.physical_type() == PhysicalType::DOUBLE && cfg!(target_endian = "little");
        let is_compressed = match chunk.compression() {
            Compression::LZ4_RAW => true,
            Compression::UNCOMPRESSED => false,
            _ => return None,
        };
        (is_flat && is_doubles).then_some(Self { file, chunk, is_compressed })
    }

    /// Adds some rows to `values`; returns `false`, having added nothing, when a page is not plain.
    pub(crate) fn append_to(&self, rows: Range<usize>, values: &mut Vec<f64>) -> Result<bool, ParquetError> {
        let total = usize::try_from(self.chunk.num_values())?;
        let mut pages = self.pages_as_stored(total)?;
        let before = values.len();
        let mut page_start = 0;
        while page_start < rows.end {
            let page = pages.peek_next_page()?.ok_or_else(|| malformed("a page is missing"))?;
            let len = page.num_levels.filter(|&len| len <= total - page_start);
            let len = len.ok_or_else(|| malformed("pages have more rows than their row group"))?;
            if page_start + len <= rows.start {
                pages.skip_next_page()?;
            } else {
                let Some(Page::DataPage { buf, encoding: Encoding::PLAIN, .. }) = pages.get_next_page()?
                else {
                    values.truncate(before);
                    return Ok(false);
                };
                let wanted = rows.start.saturating_sub(page_start)..len.min(rows.end - page_start);
                self.append_page(&buf, len, wanted, values)?;
            }
            page_start += len;
        }
        Ok(true)
    }

    /// Returns a reader that leaves pages packed, because it takes them for unpacked ones.
    fn pages_as_stored(&self, total: usize) -> Result<SerializedPageReader<Bytes>, ParquetError> {
        let unpacked =
            self.chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        SerializedPageReader::new(Arc::new(self.file.clone()), &unpacked, total, None)
    }

    /// Adds some rows of a page that has `len`.
    fn append_page(
        &self,
        page: &[u8],
        len: usize,
        wanted: Range<usize>,
        values: &mut Vec<f64>,
    ) -> Result<(), ParquetError> {
        if wanted == (0..len) {
            let before = values.len();
            values.resize(before + len, 0.0);
            return self.unpack(page, &mut values[before..]);
        }
        let mut whole = vec![0.0; len];
        self.unpack(page, &mut whole)?;
        values.extend_from_slice(&whole[wanted]);
        Ok(())
    }

    fn unpack(&self, page: &[u8], values: &mut [f64]) -> Result<(), ParquetError> {
        let output: &mut [u8] = bytemuck::cast_slice_mut(values);
        if self.is_compressed {
            let unpacked = lz4_flex::block::decompress_into(page, output);
            if unpacked.map_err(|e| ParquetError::External(Box::new(e)))? != output.len() {
                return Err(malformed("a page has fewer values than its header says"));
            }
        } else {
            output.copy_from_slice(page.get(..output.len()).ok_or_else(|| malformed("a page is cut short"))?);
        }
        Ok(())
    }
}

fn malformed(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::parquet_read::decode;
    use crate::files::parquet_write::encode;
    use proptest::prelude::*;
    use tradai_domain::{CandleSeries, TimeRange};

    const ROWS: i64 = 20_000;

    /// Prices and volumes of every bit pattern that matters, over three pages.
    fn series() -> CandleSeries {
        let mut series = CandleSeries::default();
        for row in 0..ROWS {
            let price = f64::from(i32::try_from(row * 7_919 % 10_007).unwrap()) / 100.0;
            let odd = [f64::NAN, -0.0, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX];
            let volume = odd.get(usize::try_from(row % 50).unwrap()).copied().unwrap_or(1.0 / price);
            series.push(row, [price, price + 1.0, price - 1.0, price, volume]);
        }
        series
    }

    fn bits(column: &[f64]) -> Vec<u64> {
        column.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn any_range_comes_back_bit_for_bit() {
        let series = series();
        for compression in [Compression::LZ4_RAW, Compression::UNCOMPRESSED, Compression::SNAPPY] {
            let bytes = Bytes::from(encode(&series, 0..series.len(), compression, false).unwrap());
            for start in [0, 1, 8_191, 8_192, 8_193, 19_999, 20_000] {
                for end in [start, start + 1, 8_192, 16_384, ROWS] {
                    let range = TimeRange::new(start, end);
                    let expected = series.slice(series.rows_in(range));
                    let read = decode(&bytes, "x", range).unwrap();
                    assert_eq!(read.open_time, expected.open_time());
                    assert_eq!(bits(&read.close), bits(expected.close()), "{compression:?} {start}..{end}");
                    assert_eq!(bits(&read.volume), bits(expected.volume()), "{compression:?} {start}..{end}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_another_number(at in 0_usize..200_000, flip in 1_u8..) {
            let series = series();
            for compression in [Compression::LZ4_RAW, Compression::UNCOMPRESSED] {
                let mut bytes = encode(&series, 0..2_000, compression, false).unwrap();
                let at = at % bytes.len();
                bytes[at] ^= flip;
                if let Ok(raw) = decode(&Bytes::from(bytes), "x", TimeRange::ALL) {
                    prop_assert!(raw.len() <= 2_000 && raw.volume.len() == raw.len());
                }
            }
        }
    }
}
