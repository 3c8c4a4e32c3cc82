//! Extremes of a table's columns for the manifest.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::store::manifest::ColumnStats;

/// Largest integer below which every one is a double.
const EXACT: i128 = 1 << 53;

/// Returns the extremes of a column of numbers, as far as they are doubles, and how many of its values are
/// empty or not finite. Other columns have no extremes.
pub(crate) fn stats(column: &ArrayRef) -> ColumnStats {
    let (extremes, not_finite) = match column.data_type() {
        DataType::Int8 => (integers::<Int8Type>(column), 0),
        DataType::Int16 => (integers::<Int16Type>(column), 0),
        DataType::Int32 => (integers::<Int32Type>(column), 0),
        DataType::Int64 => (integers::<Int64Type>(column), 0),
        DataType::UInt8 => (integers::<UInt8Type>(column), 0),
        DataType::UInt16 => (integers::<UInt16Type>(column), 0),
        DataType::UInt32 => (integers::<UInt32Type>(column), 0),
        DataType::UInt64 => (integers::<UInt64Type>(column), 0),
        DataType::Float32 => floats::<Float32Type>(column),
        DataType::Float64 => floats::<Float64Type>(column),
        _ => (None, 0),
    };
    let nulls = u64::try_from(column.null_count() + not_finite).unwrap_or(u64::MAX);
    ColumnStats { min: extremes.map(|(min, _)| min), max: extremes.map(|(_, max)| max), nulls }
}

fn integers<T: ArrowPrimitiveType>(column: &ArrayRef) -> Option<(f64, f64)>
where
    T::Native: Into<i128>,
{
    let values = column.as_primitive::<T>();
    let mut extremes: Option<(i128, i128)> = None;
    for value in values.iter().flatten() {
        let value = value.into();
        let (min, max) = extremes.unwrap_or((value, value));
        extremes = Some((min.min(value), max.max(value)));
    }
    let (min, max) = extremes?;
    Some((exact(min)?, exact(max)?))
}

fn floats<T: ArrowPrimitiveType>(column: &ArrayRef) -> (Option<(f64, f64)>, usize)
where
    T::Native: Into<f64>,
{
    let (mut min, mut max, mut not_finite) = (f64::INFINITY, f64::NEG_INFINITY, 0);
    for value in column.as_primitive::<T>().iter().flatten() {
        let value: f64 = value.into();
        if value.is_finite() {
            min = min.min(value);
            max = max.max(value);
        } else {
            not_finite += 1;
        }
    }
    ((min <= max).then_some((min, max)), not_finite)
}

/// Returns an integer as a double if it is one.
#[expect(clippy::cast_precision_loss, reason = "integers up to 2^53 are doubles")]
fn exact(value: i128) -> Option<f64> {
    (-EXACT..=EXACT).contains(&value).then_some(value as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float32Array, Int64Array, StringArray, UInt64Array};

    use super::*;

    #[test]
    fn extremes_are_exact_or_absent() {
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-3), None, Some(9)]));
        assert_eq!(stats(&integers), ColumnStats { min: Some(-3.0), max: Some(9.0), nulls: 1 });
        let large: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX]));
        assert_eq!(stats(&large), ColumnStats { min: None, max: None, nulls: 0 });
        let floats: ArrayRef = Arc::new(Float32Array::from(vec![0.5, f32::NAN, -1.5, f32::INFINITY]));
        assert_eq!(stats(&floats), ColumnStats { min: Some(-1.5), max: Some(0.5), nulls: 2 });
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        assert_eq!(stats(&texts), ColumnStats::default());
    }
}
