//! Ultimate oscillator.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::trange::true_range;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "ultosc",
    inputs: Inputs::HighLowClose,
    params: &[
        ParamSpec::period("timeperiod1", 7.0, 1.0),
        ParamSpec::period("timeperiod2", 14.0, 1.0),
        ParamSpec::period("timeperiod3", 28.0, 1.0),
    ],
    outputs: &["value"],
    summary: "Ultimate oscillator, 0 to 100",
    program: Program::of::<3, 1, UltOsc>(),
};

/// Returns buying pressure in percent of the true range over three periods, weighted 4, 2 and 1 from the
/// shortest to the longest; 0 to 100.
///
/// Buying pressure is close less the lower of low and previous close. A period without range counts as
/// zero. The order of `periods` does not matter. Leading NaN: the longest period. Source: L. Williams,
/// Stocks & Commodities 3:4 (1985).
#[must_use]
pub fn ultosc(high: &[f64], low: &[f64], close: &[f64], periods: [usize; 3]) -> Vec<f64> {
    let [ultosc] = batch([high, low, close], &periods, || UltOsc::new(periods));
    ultosc
}

/// Buying pressure and true range of one row, or their sums.
type Pressure = [f64; 2];

#[derive(Debug, Clone)]
struct UltOsc {
    previous_close: Option<f64>,
    /// Shortest first.
    periods: [usize; 3],
    sums: [Pressure; 3],
    rows: Ring<Pressure>,
    seen: usize,
    /// Rows up to now without range and pressure. After a period of them its sums are known to be zero,
    /// while what additions and subtractions left in them may not be.
    flat_rows: usize,
}

impl UltOsc {
    fn new(mut periods: [usize; 3]) -> Self {
        periods.sort_unstable();
        let rows = Ring::new(periods[2]);
        Self { previous_close: None, periods, sums: [[0.0; 2]; 3], rows, seen: 0, flat_rows: 0 }
    }

    /// Adds a row to the sums. A shorter sum starts only as many rows before the first output as it
    /// needs, so that it rounds as TA-Lib's does.
    #[inline]
    fn add(&mut self, [pressure, range]: Pressure) {
        let longest = self.rows.capacity();
        self.seen = (self.seen + 1).min(longest);
        self.flat_rows = if range == 0.0 && pressure == 0.0 { self.flat_rows + 1 } else { 0 };
        for (sum, period) in self.sums.iter_mut().zip(self.periods) {
            if self.seen > longest - period {
                sum[0] += pressure;
                sum[1] += range;
            }
            if self.flat_rows >= period {
                *sum = [0.0; 2];
            }
        }
    }

    /// Takes the oldest row of every period out of its sum.
    #[inline]
    fn drop_oldest(&mut self) {
        for (sum, period) in self.sums.iter_mut().zip(self.periods) {
            let [pressure, range] = self.rows.at_age(period - 1);
            sum[0] -= pressure;
            sum[1] -= range;
        }
    }
}

impl Kernel<3, 1> for UltOsc {
    #[inline]
    fn next(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let previous_close = self.previous_close.replace(close)?;
        let true_low = if previous_close < low { previous_close } else { low };
        let row = [close - true_low, true_range(high, low, previous_close)];
        self.rows.push(row);
        self.add(row);
        self.rows.oldest()?;

        let mut weighted = 0.0;
        for ([pressure, range], weight) in self.sums.into_iter().zip([4.0, 2.0, 1.0]) {
            if range > 0.0 {
                weighted += weight * (pressure / range);
            }
        }
        self.drop_oldest();
        Some([100.0 * (weighted / 7.0)])
    }
}

impl Indicator<3, 1> for UltOsc {
    fn from_params(params: Params<'_>) -> Self {
        Self::new([params.period(0), params.period(1), params.period(2)])
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0).max(params.period(1)).max(params.period(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn weighs_short_periods_most() {
        // Pressure 1, 4, 0 and range 2, 5, 7 (see trange), from row 1 on.
        // Row 2: 4*4/5 + 2*5/7 + 5/7; row 3: 0 + 2*4/12 + 4/12; both over 7.
        let high = [5.0, 6.0, 10.0, 3.0];
        let low = [4.0, 4.0, 9.0, 2.0];
        let close = [5.0, 5.0, 9.0, 2.0];
        let row_2 = 100.0 * (4.0 * 0.8 + 15.0 / 7.0) / 7.0;
        let row_3 = 100.0 * 1.0 / 7.0;
        assert_column(&ultosc(&high, &low, &close, [1, 2, 2]), &[NAN, NAN, row_2, row_3]);
        assert_column(&ultosc(&high, &low, &close, [2, 1, 2]), &[NAN, NAN, row_2, row_3]);
    }

    #[test]
    fn no_range_gives_zero() {
        assert_column(&ultosc(&[3.0; 3], &[3.0; 3], &[3.0; 3], [1, 2, 2]), &[NAN, NAN, 0.0]);
    }
}
