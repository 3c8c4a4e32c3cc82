//! Columns of plain doubles, which our own files mostly hold: the pages are unpacked straight into the series'
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
    /// Rows of its row group.
    rows: usize,
    is_compressed: bool,
}

impl<'a> PlainChunk<'a> {
    /// Returns the chunk of a row group with so many rows, or `None` when its footer says that it is something
    /// else.
    pub(crate) fn find(file: &'a Bytes, chunk: &'a ColumnChunkMetaData, rows: usize) -> Option<Self> {
        let column = chunk.column_descr();
        let is_flat = column.max_def_level() == 0 && column.max_rep_level() == 0;
        let is_whole = usize::try_from(chunk.num_values()) == Ok(rows);
        let has_list = chunk.dictionary_page_offset().is_some();
        // Plain doubles are little-endian.
        let is_doubles = column.physical_type() == PhysicalType::DOUBLE && cfg!(target_endian = "little");
        let is_compressed = match chunk.compression() {
            Compression::LZ4_RAW => true,
            Compression::UNCOMPRESSED => false,
            _ => return None,
        };
        (is_flat && is_whole && is_doubles && !has_list).then_some(Self { file, chunk, rows, is_compressed })
    }

    /// Adds some rows to `values`; returns `false`, having added nothing, when a page is not plain.
    pub(crate) fn append_to(&self, rows: Range<usize>, values: &mut Vec<f64>) -> Result<bool, ParquetError> {
        let mut pages = self.pages_as_stored()?;
        let before = values.len();
        let mut page_start = 0;
        while page_start < rows.end {
            let page = pages.peek_next_page()?.ok_or_else(|| malformed("a page is missing"))?;
            let len = page.num_levels.unwrap_or(0);
            if len > self.rows - page_start {
                return Err(malformed("pages have more rows than their row group"));
            }
            if !page.is_dict && page_start + len <= rows.start {
                pages.skip_next_page()?;
            } else if let Some(page) = pages.get_next_page()?.and_then(|page| PlainPage::find(page, len)) {
                let wanted = rows.start.saturating_sub(page_start)..len.min(rows.end - page_start);
                self.append_page(&page, wanted, values)?;
            } else {
                values.truncate(before);
                return Ok(false);
            }
            page_start += len;
        }
        Ok(true)
    }

    /// Returns a reader that leaves pages packed, because it takes them for unpacked ones.
    fn pages_as_stored(&self) -> Result<SerializedPageReader<Bytes>, ParquetError> {
        let unpacked =
            self.chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        SerializedPageReader::new(Arc::new(self.file.clone()), &unpacked, self.rows, None)
    }

    /// Adds some rows of a page.
    fn append_page(
        &self,
        page: &PlainPage,
        wanted: Range<usize>,
        values: &mut Vec<f64>,
    ) -> Result<(), ParquetError> {
        let is_compressed = self.is_compressed && page.is_compressed;
        if wanted == (0..page.len) {
            let before = values.len();
            values.resize(before + page.len, 0.0);
            return unpack(&page.bytes, is_compressed, &mut values[before..]);
        }
        let mut whole = vec![0.0; page.len];
        unpack(&page.bytes, is_compressed, &mut whole)?;
        values.extend_from_slice(&whole[wanted]);
        Ok(())
    }
}

/// A page of plain values as it is stored.
struct PlainPage {
    bytes: Bytes,
    /// Its rows.
    len: usize,
    /// Whether it is compressed if the chunk is.
    is_compressed: bool,
}

impl PlainPage {
    fn find(page: Page, len: usize) -> Option<Self> {
        match page {
            Page::DataPage { buf, encoding: Encoding::PLAIN, .. } => {
                Some(Self { bytes: buf, len, is_compressed: true })
            }
            Page::DataPageV2 {
                buf,
                encoding: Encoding::PLAIN,
                is_compressed,
                def_levels_byte_len: 0,
                rep_levels_byte_len: 0,
                ..
            } => Some(Self { bytes: buf, len, is_compressed }),
            _ => None,
        }
    }
}

fn unpack(page: &[u8], is_compressed: bool, values: &mut [f64]) -> Result<(), ParquetError> {
    let output: &mut [u8] = bytemuck::cast_slice_mut(values);
    if is_compressed {
        let unpacked = lz4_flex::block::decompress_into(page, output);
        if unpacked.map_err(|e| ParquetError::External(Box::new(e)))? != output.len() {
            return Err(malformed("a page has fewer values than its header says"));
        }
    } else {
        output.copy_from_slice(page.get(..output.len()).ok_or_else(|| malformed("a page is cut short"))?);
    }
    Ok(())
}

fn malformed(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::column_form::{ColumnForm, Values};
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

    fn forms(values: Values, compression: Compression) -> [ColumnForm; 5] {
        [ColumnForm { values, compression }; 5]
    }

    #[test]
    fn any_range_comes_back_bit_for_bit() {
        let series = series();
        for forms in [
            forms(Values::Doubles, Compression::LZ4_RAW),
            forms(Values::Doubles, Compression::UNCOMPRESSED),
            forms(Values::Doubles, Compression::SNAPPY),
            forms(Values::Listed, Compression::LZ4_RAW),
            forms(Values::Listed, Compression::UNCOMPRESSED),
        ] {
            let bytes = Bytes::from(encode(&series, 0..series.len(), &forms, false).unwrap());
            for start in [0, 1, 8_191, 8_192, 8_193, 19_999, 20_000] {
                for end in [start, start + 1, 8_192, 16_384, ROWS] {
                    let range = TimeRange::new(start, end);
                    let expected = series.slice(series.rows_in(range));
                    let read = decode(&bytes, "x", range).unwrap();
                    assert_eq!(read.open_time, expected.open_time());
                    assert_eq!(bits(&read.close), bits(expected.close()), "{forms:?} {start}..{end}");
                    assert_eq!(bits(&read.volume), bits(expected.volume()), "{forms:?} {start}..{end}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_another_number(at in 0_usize..200_000, flip in 1_u8..) {
            let series = series();
            for compression in [Compression::LZ4_RAW, Compression::UNCOMPRESSED] {
                let forms = forms(Values::Doubles, compression);
                let mut bytes = encode(&series, 0..2_000, &forms, false).unwrap();
                let at = at % bytes.len();
                bytes[at] ^= flip;
                if let Ok(raw) = decode(&Bytes::from(bytes), "x", TimeRange::ALL) {
                    prop_assert!(raw.len() <= 2_000 && raw.volume.len() == raw.len());
                }
            }
        }
    }
}
