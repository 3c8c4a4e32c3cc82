//! The shape of an indicator's arithmetic, and the loop over whole columns.

use super::params::Params;

/// One indicator's arithmetic as a state fed `IN` values per row, giving `OUT` values.
pub(super) trait Kernel<const IN: usize, const OUT: usize> {
    /// Takes the next row. Returns `None` for the first lookback rows and values ever after, NaN ones
    /// included; that lets one kernel feed another without either counting rows.
    fn next(&mut self, row: [f64; IN]) -> Option<[f64; OUT]>;
}

/// A kernel the catalogue can build.
pub(super) trait Indicator<const IN: usize, const OUT: usize>:
    Kernel<IN, OUT> + Send + 'static
{
    /// The state before any row.
    fn from_params(params: Params<'_>) -> Self;

    /// Number of rows before the first value.
    fn lookback(params: Params<'_>) -> usize;
}

/// Runs the kernel `build` returns over whole columns; all NaN when one of `periods` is zero.
///
/// Columns of different lengths are read up to the shortest.
pub(super) fn batch<const IN: usize, const OUT: usize, K: Kernel<IN, OUT>>(
    columns: [&[f64]; IN],
    periods: &[usize],
    build: impl FnOnce() -> K,
) -> [Vec<f64>; OUT] {
    let rows = columns.iter().map(|column| column.len()).min().unwrap_or(0);
    let columns = columns.map(|column| &column[..rows]);
    let mut outputs = std::array::from_fn(|_| vec![f64::NAN; rows]);
    if periods.contains(&0) {
        return outputs;
    }

    let row_at = |row: usize| columns.map(|column| column[row]);
    let begin = (0..rows).find(|&row| is_complete(&row_at(row))).unwrap_or(rows);
    let mut kernel = build();
    for row in begin..rows {
        if let Some(values) = kernel.next(row_at(row)) {
            for (output, value) in outputs.iter_mut().zip(values) {
                output[row] = value;
            }
        }
    }
    outputs
}

/// Whether every value of a row is a number; the first such row is where an indicator starts.
#[inline]
pub(super) fn is_complete(row: &[f64]) -> bool {
    row.iter().all(|value| !value.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds two columns, from the second row on.
    struct Sum {
        begun: bool,
    }

    impl Kernel<2, 1> for Sum {
        fn next(&mut self, [a, b]: [f64; 2]) -> Option<[f64; 1]> {
            std::mem::replace(&mut self.begun, true).then_some([a + b])
        }
    }

    #[test]
    fn rows_before_the_first_complete_one_are_not_fed() {
        let a = [f64::NAN, 1.0, 2.0, 3.0, f64::NAN];
        let b = [9.0, f64::NAN, 20.0, 30.0, 40.0];
        let [sum] = batch([&a, &b], &[], || Sum { begun: false });
        assert!(sum[..3].iter().all(|value| value.is_nan()));
        assert_eq!(sum[3], 33.0);
        assert!(sum[4].is_nan());
    }

    #[test]
    fn the_shortest_column_and_a_zero_period_bound_the_output() {
        let [sum] = batch([&[1.0, 2.0, 3.0], &[1.0, 2.0]], &[1], || Sum { begun: false });
        assert_eq!((sum.len(), sum[1]), (2, 4.0));
        let [sum] = batch([&[1.0, 2.0], &[1.0, 2.0]], &[3, 0], || Sum { begun: false });
        assert!(sum.iter().all(|value| value.is_nan()));
        let [sum] = batch([&[], &[]], &[], || Sum { begun: false });
        assert!(sum.is_empty());
    }
}
