//! Candles as Parquet: what the store keeps and what `export` writes.

use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use tradai_domain::CandleSeries;

use super::VALUE_COLUMNS;
use super::column_form::{ColumnForm, Profile, Values};
use super::decimal::{power_of_ten, to_integer};
use super::parquet_read::SYNTHETIC_KEY;

/// Name of the time column in files that we write.
pub(crate) const TIME_COLUMN: &str = "timestamp";

/// Rows of a row group: more than a period of candles has, so that files of the store have one group.
const GROUP_ROWS: usize = 131_072;

/// Rows of a page, which is what a read of a day unpacks at least.
const PAGE_ROWS: usize = 8_192;

/// Compressed pages larger than this part of their contents are stored as they are: unpacking would cost more
/// than it saves.
const WORTH_PACKING: f64 = 0.9;

/// Most bytes of a list of values: of a group with none twice.
const LIST_BYTES: usize = GROUP_ROWS * 8;

/// The form of each value column.
pub(crate) type Forms = [ColumnForm; 5];

/// Returns the forms that a profile has for some rows.
pub(crate) fn forms(
    series: &CandleSeries,
    rows: &Range<usize>,
    profile: Profile,
) -> Result<Forms, ParquetError> {
    let mut forms = [ColumnForm::for_export(); 5];
    for (form, values) in forms.iter_mut().zip(columns(series)) {
        *form = ColumnForm::choose(profile, &values[rows.clone()])?;
    }
    Ok(forms)
}

fn columns(series: &CandleSeries) -> [&[f64]; 5] {
    [series.open(), series.high(), series.low(), series.close(), series.volume()]
}

/// Encodes some rows: times as UTC milliseconds, delta-packed; values in the forms given. The same rows and
/// forms give the same bytes.
pub(crate) fn encode(
    series: &CandleSeries,
    rows: Range<usize>,
    forms: &Forms,
    synthetic: bool,
) -> Result<Vec<u8>, ParquetError> {
    let mut writer = SerializedFileWriter::new(Vec::new(), schema(forms)?, properties(forms, synthetic))?;
    let mut start = rows.start;
    while start < rows.end {
        let group = start..rows.end.min(start + GROUP_ROWS);
        start = group.end;
        let mut output = writer.next_row_group()?;
        write_times(&mut output, &series.open_time()[group.clone()])?;
        for (form, values) in forms.iter().zip(columns(series)) {
            write_values(&mut output, form.values, &values[group.clone()])?;
        }
        output.close()?;
    }
    writer.into_inner()
}

fn properties(forms: &Forms, synthetic: bool) -> Arc<WriterProperties> {
    let notes = synthetic.then(|| vec![KeyValue::new(SYNTHETIC_KEY.to_owned(), "true".to_owned())]);
    let time = ColumnPath::from(TIME_COLUMN);
    let mut properties = WriterProperties::builder()
        .set_created_by("tradai".to_owned())
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_data_page_v2_compression_ratio_threshold(WORTH_PACKING)
        .set_dictionary_enabled(false)
        .set_dictionary_page_size_limit(LIST_BYTES)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_key_value_metadata(notes)
        .set_column_compression(time.clone(), Compression::LZ4_RAW)
        .set_column_encoding(time.clone(), Encoding::DELTA_BINARY_PACKED)
        .set_column_statistics_enabled(time, EnabledStatistics::Chunk);
    for (name, form) in VALUE_COLUMNS.into_iter().zip(forms) {
        properties = set_form(properties, ColumnPath::from(name), *form);
    }
    Arc::new(properties.build())
}

fn set_form(
    properties: WriterPropertiesBuilder,
    column: ColumnPath,
    form: ColumnForm,
) -> WriterPropertiesBuilder {
    let properties = properties.set_column_compression(column.clone(), form.compression);
    match form.values {
        Values::Doubles => properties.set_column_encoding(column, Encoding::PLAIN),
        Values::Listed => properties.set_column_dictionary_enabled(column, true),
        Values::Decimals { .. } => properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
    }
}

fn schema(forms: &Forms) -> Result<TypePtr, ParquetError> {
    let time = Type::primitive_type_builder(TIME_COLUMN, PhysicalType::INT64)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
        .build()?;
    let mut fields = vec![Arc::new(time)];
    for (name, form) in VALUE_COLUMNS.into_iter().zip(forms) {
        let value = match form.values {
            Values::Doubles | Values::Listed => Type::primitive_type_builder(name, PhysicalType::DOUBLE),
            Values::Decimals { scale } => {
                let scale = i32::try_from(scale)?;
                Type::primitive_type_builder(name, PhysicalType::INT64)
                    .with_logical_type(Some(LogicalType::decimal(scale, DECIMAL_DIGITS)))
                    .with_precision(DECIMAL_DIGITS)
                    .with_scale(scale)
            }
        };
        fields.push(Arc::new(value.with_repetition(Repetition::REQUIRED).build()?));
    }
    Ok(Arc::new(Type::group_type_builder("candles").with_fields(fields).build()?))
}

/// Digits that a 64-bit decimal is declared with; ours have at most 16.
const DECIMAL_DIGITS: i32 = 18;

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn write_times(group: &mut Group<'_>, times: &[i64]) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<Int64Type>().write_batch(times, None, None)?;
    column.close()
}

fn write_values(group: &mut Group<'_>, form: Values, values: &[f64]) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    if let Values::Decimals { scale } = form {
        let integers = integers(values, scale).ok_or_else(|| {
            ParquetError::General(format!("a value has more than {scale} digits after the point"))
        })?;
        column.typed::<Int64Type>().write_batch(&integers, None, None)?;
    } else {
        column.typed::<DoubleType>().write_batch(values, None, None)?;
    }
    column.close()
}

fn integers(values: &[f64], scale: u32) -> Option<Vec<i64>> {
    let power = power_of_ten(scale)?;
    values.iter().map(|&value| to_integer(value, power)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::parquet_read::decode;
    use bytes::Bytes;
    use parquet::file::reader::FileReader;
    use parquet::file::serialized_reader::SerializedFileReader;
    use proptest::prelude::*;
    use tradai_domain::TimeRange;

    fn series(rows: &[[f64; 5]]) -> CandleSeries {
        let mut series = CandleSeries::default();
        for (row, values) in rows.iter().enumerate() {
            series.push(i64::try_from(row).unwrap() * 60_000, *values);
        }
        series
    }

    fn encoded(series: &CandleSeries, profile: Profile) -> Bytes {
        let rows = 0..series.len();
        let forms = forms(series, &rows, profile).unwrap();
        Bytes::from(encode(series, rows, &forms, false).unwrap())
    }

    fn types(file: Bytes) -> Vec<String> {
        let reader = SerializedFileReader::new(file).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr();
        schema.columns().iter().map(|column| format!("{:?}", column.logical_type_ref())).collect()
    }

    #[test]
    fn decimals_only_where_nothing_is_lost() {
        let rows: Vec<[f64; 5]> =
            (0..100).map(|at| [f64::from(at) / 8.0, 1.0, -0.0, 1.0 / 3.0, 0.1]).collect();
        let shown = types(encoded(&series(&rows), Profile::Compact)).join(" ");
        let decimal = |scale| format!("Some(Decimal(DecimalType {{ scale: {scale}, precision: 18 }}))");
        assert!(
            shown.ends_with(&format!("{} {} None None {}", decimal(3), decimal(0), decimal(1))),
            "{shown}"
        );
        let shown = types(encoded(&series(&rows), Profile::F64)).join(" ");
        assert!(shown.ends_with("None None None None None"), "{shown}");
    }

    /// Any bits at all, prices as exchanges quote them, and few different values.
    fn value() -> impl Strategy<Value = fn(u64) -> f64> {
        prop_oneof![
            Just(f64::from_bits as fn(u64) -> f64),
            Just((|bits| f64::from(u32::try_from(bits >> 40).unwrap()) / 100.0) as fn(u64) -> f64),
            Just((|bits| f64::from(u32::try_from(bits >> 61).unwrap()) - 3.5) as fn(u64) -> f64),
        ]
    }

    proptest! {
        #[test]
        fn every_bit_comes_back(
            makers in prop::array::uniform5(value()),
            bits in prop::collection::vec(prop::array::uniform5(any::<u64>()), 1..300),
        ) {
            let rows: Vec<[f64; 5]> =
                bits.iter().map(|row| std::array::from_fn(|column| makers[column](row[column]))).collect();
            let series = series(&rows);
            let of = |column: &[f64]| column.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
            for profile in [Profile::F64, Profile::Compact] {
                let file = encoded(&series, profile);
                prop_assert_eq!(&file, &encoded(&series, profile), "the same rows give the same bytes");
                let read = decode(&file, "x", TimeRange::ALL).unwrap();
                prop_assert_eq!(&read.open_time, series.open_time());
                let found = [&read.open, &read.high, &read.low, &read.close, &read.volume].map(|column| of(column));
                prop_assert_eq!(found, columns(&series).map(of));
            }
        }
    }
}
