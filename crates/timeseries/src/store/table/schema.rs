//! Which columns a table may have, and how a manifest says which it has.
//!
//! The manifest holds the schema twice: as text for people, and as Arrow's own message (base64 of its IPC form,
//! what Parquet files keep under `ARROW:schema`), which loses nothing. So a version without rows still knows
//! its columns.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::problem::TableProblem;
use crate::error::Damage;
use crate::files::{TIME_COLUMN, VALUE_COLUMNS, caught};
use crate::store::library::TableOptions;
use crate::store::manifest::{self, Column};

const TIME_ALLOWED: &str = "a timestamp of milliseconds in UTC: timestamp[ms, UTC]";
const TIE_ALLOWED: &str = "a 64-bit integer: Int64";
const TYPES_ALLOWED: &str = "booleans, integers, floats, decimals of a scale from 0 to their precision, dates, \
                             times, timestamps, durations, strings, bytes, dictionaries of strings or bytes \
                             with keys of 32 or 64 bits, and lists, structs and maps of these";

/// The type of a time column.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// Returns the columns of candles' data files.
pub(crate) fn of_candles() -> SchemaRef {
    let mut fields = vec![Field::new(TIME_COLUMN, time_type(), false)];
    fields.extend(VALUE_COLUMNS.map(|name| Field::new(name, DataType::Float64, false)));
    Arc::new(Schema::new(fields))
}

/// Checks that a table may have these columns.
pub(crate) fn check(schema: &Schema, options: &TableOptions) -> Result<(), TableProblem> {
    for (place, field) in schema.fields().iter().enumerate() {
        let first = schema.fields().iter().position(|other| other.name() == field.name());
        if field.name().is_empty() || first != Some(place) {
            return Err(TableProblem::ColumnName { place, name: field.name().clone() });
        }
        if !is_allowed(field.data_type()) {
            return Err(wrong_type(field, TYPES_ALLOWED));
        }
    }
    let time = find(schema, &options.time)?;
    if *time.data_type() != time_type() {
        return Err(wrong_type(time, TIME_ALLOWED));
    }
    let Some(tie) = &options.tie else { return Ok(()) };
    let tie = find(schema, tie)?;
    if *tie.data_type() != DataType::Int64 {
        return Err(wrong_type(tie, TIE_ALLOWED));
    }
    Ok(())
}

/// Returns a column.
pub(crate) fn find<'a>(schema: &'a Schema, name: &str) -> Result<&'a Field, TableProblem> {
    schema.fields().iter().find(|field| field.name() == name).map(AsRef::as_ref).ok_or_else(|| {
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        TableProblem::NoColumn { column: name.to_owned(), known: known.join(", ") }
    })
}

fn wrong_type(field: &Field, allowed: &'static str) -> TableProblem {
    let (column, found) = (field.name().clone(), field.data_type().to_string());
    TableProblem::ColumnType { column, found, allowed }
}

/// Returns whether columns of a type come back from Parquet as they were.
fn is_allowed(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            u8::try_from(*scale).is_ok_and(|scale| scale <= *precision) && *precision > 0
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            is_allowed(item.data_type())
        }
        DataType::Map(entries, _) => is_allowed(entries.data_type()),
        DataType::Struct(fields) => {
            !fields.is_empty() && fields.iter().all(|field| is_allowed(field.data_type()))
        }
        // Smaller keys would run out when files are joined.
        DataType::Dictionary(keys, values) => {
            use DataType as T;
            matches!(**keys, T::Int32 | T::Int64 | T::UInt32 | T::UInt64)
                && matches!(**values, T::Utf8 | T::LargeUtf8 | T::Binary | T::LargeBinary)
        }
        other => is_plain(other) || is_leaf(other),
    }
}

/// Returns whether Parquet has a type of its own for this one, so that nothing can be lost.
pub(crate) fn is_plain(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Boolean
            | T::Int8
            | T::Int16
            | T::Int32
            | T::Int64
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::Float32
            | T::Float64
            | T::Date32
            | T::Timestamp(..)
            | T::Utf8
            | T::LargeUtf8
            | T::Binary
            | T::LargeBinary
    )
}

fn is_leaf(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Float16
            | T::Date64
            | T::Time32(_)
            | T::Time64(_)
            | T::Duration(_)
            | T::Utf8View
            | T::BinaryView
            | T::FixedSizeBinary(_)
    )
}

/// Describes columns for a manifest.
pub(crate) fn describe(schema: &Schema, options: &TableOptions) -> manifest::Schema {
    let columns = schema.fields().iter().map(|field| {
        let is_key = *field.name() == options.time || options.tie.as_ref() == Some(field.name());
        Column {
            name: field.name().clone(),
            column_type: type_text(field),
            encoding: encoding_of(field.data_type(), is_key).to_owned(),
        }
    });
    manifest::Schema {
        profile: "table".to_owned(),
        compression: "LZ4_RAW".to_owned(),
        columns: columns.collect(),
        arrow: Some(parquet::arrow::encode_arrow_schema(schema)),
    }
}

/// Returns the name of the encoding that [`super::file::encode`] chooses.
fn encoding_of(data_type: &DataType, is_key: bool) -> &'static str {
    match data_type {
        _ if is_key => "DELTA_BINARY_PACKED",
        other if has_dictionary(other) => "RLE_DICTIONARY",
        _ => "PLAIN",
    }
}

/// Returns whether repeated values of a column are stored once.
pub(crate) fn has_dictionary(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Utf8 | T::LargeUtf8 | T::Binary | T::LargeBinary => true,
        other => !is_plain(other),
    }
}

fn type_text(field: &Field) -> String {
    let may_be_empty = if field.is_nullable() { ", nullable" } else { "" };
    format!("{}{may_be_empty}", field.data_type())
}

/// Takes the columns back that [`describe`] put down.
pub(crate) fn decode(message: &str) -> Result<SchemaRef, Damage> {
    let foreign = |what: String| Damage::Foreign(format!("its columns: {what}"));
    let bytes = BASE64_STANDARD.decode(message).map_err(|e| foreign(e.to_string()))?;
    let decoded = caught(|| arrow_ipc::convert::try_schema_from_ipc_buffer(&bytes));
    match decoded {
        Some(Ok(schema)) => Ok(Arc::new(schema)),
        Some(Err(e)) => Err(foreign(e.to_string())),
        None => Err(foreign("the message contradicts itself".to_owned())),
    }
}

/// Returns the first column in which two schemas differ: by name, type, or whether it may be empty. What was
/// noted at a column does not count.
pub(crate) fn difference(stored: &Schema, given: &Schema) -> Option<TableProblem> {
    let text = |field: Option<&Arc<Field>>| match field {
        Some(field) => format!("`{}` ({})", field.name(), type_text(field)),
        None => "nothing".to_owned(),
    };
    let most = stored.fields().len().max(given.fields().len());
    (0..most).find_map(|place| {
        let (old, new) = (stored.fields().get(place), given.fields().get(place));
        let is_same = |(old, new): (&Arc<Field>, &Arc<Field>)| {
            old.name() == new.name()
                && old.data_type() == new.data_type()
                && old.is_nullable() == new.is_nullable()
        };
        let differs = !old.zip(new).is_some_and(is_same);
        differs.then(|| TableProblem::Columns { place, stored: text(old), given: text(new) })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("timestamp", time_type(), false),
            Field::new("score", DataType::Float64, true),
        ])
    }

    #[test]
    fn descriptions_come_back() {
        let note = [("unit".to_owned(), "bp".to_owned()), ("a".to_owned(), "b".to_owned())];
        let schema = schema().with_metadata(HashMap::from(note));
        let described = describe(&schema, &TableOptions::default());
        assert_eq!(described.columns[0].column_type, "Timestamp(ms, \"UTC\")");
        assert_eq!(described.columns[1].column_type, "Float64, nullable");
        assert_eq!(*decode(&described.arrow.unwrap()).unwrap(), schema);
    }

    #[test]
    fn differences_name_the_column() {
        assert_eq!(difference(&schema(), &schema()), None);
        let other =
            Schema::new(vec![schema().field(0).clone(), Field::new("score", DataType::Float32, true)]);
        assert_eq!(
            difference(&schema(), &other).unwrap().to_string(),
            "column 1 is stored as `score` (Float64, nullable), the new rows have `score` (Float32, nullable); \
             a write may change the columns"
        );
        let fewer = Schema::new(vec![schema().field(0).clone()]);
        let problem = difference(&schema(), &fewer).unwrap().to_string();
        assert!(problem.contains("the new rows have nothing"), "{problem}");
    }

    proptest! {
        #[test]
        fn hostile_schemas_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in 0_usize..400,
            byte in any::<u8>(),
        ) {
            drop(decode(&BASE64_STANDARD.encode(&bytes)));
            let message = describe(&schema(), &TableOptions::default()).arrow.unwrap();
            let mut damaged = BASE64_STANDARD.decode(message).unwrap();
            let at = at % damaged.len();
            damaged[at] = byte;
            drop(decode(&BASE64_STANDARD.encode(&damaged)));
        }
    }
}
