//! Decimals that stand for doubles: candles of the compact profile, read as a table.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_schema::{DataType, Field, Schema};

use crate::files::{power_of_ten, to_double};

/// Returns a file's columns with doubles where the table has doubles and decimals stand for them.
pub(crate) fn undone(of_file: &Schema, of_table: &Schema) -> Schema {
    let fields = of_file.fields().iter().map(|field| {
        let is_stand_in = matches!(field.data_type(), DataType::Decimal128(..))
            && of_table.field_with_name(field.name()).is_ok_and(|f| *f.data_type() == DataType::Float64);
        if is_stand_in {
            Arc::new(Field::clone(field).with_data_type(DataType::Float64))
        } else {
            Arc::clone(field)
        }
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// Returns the doubles that a column's decimals stand for: those that the file was made of, bit for bit. `None`
/// when they are no such decimals.
pub(crate) fn doubles(column: &ArrayRef) -> Option<ArrayRef> {
    let DataType::Decimal128(_, scale) = *column.data_type() else { return None };
    let power = u32::try_from(scale).ok().and_then(power_of_ten)?;
    let decimals = column.as_primitive_opt::<Decimal128Type>()?;
    let double = |decimal: &i128| Some(to_double(i64::try_from(*decimal).ok()?, power));
    let doubles: Vec<f64> = decimals.values().iter().map(double).collect::<Option<_>>()?;
    Some(Arc::new(Float64Array::new(doubles.into(), decimals.nulls().cloned())))
}

#[cfg(test)]
mod tests {
    use arrow_array::Decimal128Array;

    use super::*;

    #[test]
    fn decimals_become_the_doubles_that_they_stand_for() {
        let decimals =
            Decimal128Array::from(vec![29, -3_000_001, 0]).with_precision_and_scale(18, 2).unwrap();
        let found = doubles(&(Arc::new(decimals) as ArrayRef)).unwrap();
        assert_eq!(
            *found.as_primitive::<arrow_array::types::Float64Type>().values(),
            [0.29, -30_000.01, 0.0]
        );
        let wide = Decimal128Array::from(vec![i128::MAX]).with_precision_and_scale(38, 2).unwrap();
        assert!(doubles(&(Arc::new(wide) as ArrayRef)).is_none(), "no integer of ours");
        assert!(doubles(&(Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)).is_none());
    }
}
