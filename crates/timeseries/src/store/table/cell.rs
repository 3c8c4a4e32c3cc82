//! Single values as text, for errors.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Longest text of a value, in characters.
const MAX_CHARS: usize = 80;

/// Returns a value as text, cut to a readable length; `empty` when there is none.
pub(crate) fn cell_text(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "empty".to_owned();
    }
    let text = match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float32 => column.as_primitive::<Float32Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Utf8 => format!("{:?}", column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => format!("{:?}", column.as_string::<i64>().value(row)),
        _ => debug_text(column, row),
    };
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Writes an array of one value as Arrow does, on one line and without the name of its type.
fn debug_text(column: &ArrayRef, row: usize) -> String {
    let text = format!("{:?}", column.slice(row, 1));
    let words: Vec<&str> = text.lines().skip(1).flat_map(str::split_whitespace).collect();
    let line = words.join(" ");
    let value = line.strip_prefix("[ ").and_then(|line| line.strip_suffix(" ]")).unwrap_or(&line);
    value.trim_end_matches(',').to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{StringArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn values_are_readable() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a\"b"), None, Some(&"x".repeat(200))]));
        assert_eq!(cell_text(&texts, 0), "\"a\\\"b\"");
        assert_eq!(cell_text(&texts, 1), "empty");
        assert_eq!(cell_text(&texts, 2).chars().count(), MAX_CHARS + 1);
        let times: ArrayRef =
            Arc::new(TimestampMillisecondArray::from(vec![1_717_228_800_123]).with_timezone("UTC"));
        assert!(cell_text(&times, 0).contains("2024-06-01T08:00:00.123"), "{}", cell_text(&times, 0));
    }
}
