//! Candles as Arrow record batches, without copying a value.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, TimestampMillisecondArray};
use tradai_domain::CandleSeries;

use crate::store::{Read, candle_columns};

impl Read {
    /// Returns the candles as a record batch; see [`into_record_batch`].
    #[must_use]
    pub fn into_record_batch(self) -> RecordBatch {
        into_record_batch(self.series)
    }
}

/// Turns candles into a record batch: `timestamp` (milliseconds, UTC) and `open`, `high`, `low`, `close`,
/// `volume` (doubles), none of them nullable. The columns become the batch's buffers as they are.
///
/// # Examples
/// ```
/// let mut candles = tradai_domain::CandleSeries::default();
/// candles.push(1_717_200_000_000, [1.0, 3.0, 0.5, 2.0, 10.0]);
/// let batch = tradai_timeseries::into_record_batch(candles);
/// assert_eq!((batch.num_rows(), batch.num_columns()), (1, 6));
/// ```
#[must_use]
pub fn into_record_batch(candles: CandleSeries) -> RecordBatch {
    let (times, values) = candles.into_columns();
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC"))];
    columns.extend(values.map(|values| Arc::new(Float64Array::from(values)) as ArrayRef));
    RecordBatch::try_new(candle_columns(), columns).expect("the columns of a series are of one length")
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Float64Type;

    use super::*;

    #[test]
    fn columns_are_not_copied() {
        let mut candles = CandleSeries::with_capacity(2);
        candles.push(0, [1.0, 2.0, 3.0, 4.0, 5.0]);
        candles.push(60_000, [6.0, 7.0, 8.0, f64::NAN, -0.0]);
        let close = candles.close().as_ptr();
        let batch = into_record_batch(candles);
        let column = batch.column_by_name("close").unwrap().as_primitive::<Float64Type>();
        assert_eq!(column.values().as_ptr(), close);
        assert_eq!(column.value(0).to_bits(), 4.0_f64.to_bits());
    }
}
