//! End of the least-squares line through a moving window.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "linearreg",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 14.0, 2.0)],
    outputs: &["value"],
    summary: "End point of the least-squares line through the window",
    program: Program::of::<1, 1, LinearReg>(),
};

/// Returns the least-squares line through the last `period` values, read at the newest row.
///
/// In the unit of `values`. A `period` of one has no line and gives NaN. Leading NaN: `period - 1`.
#[must_use]
pub fn linearreg(values: &[f64], period: usize) -> Vec<f64> {
    let [linearreg] = batch([values], &[period], || LinearReg::new(period));
    linearreg
}

/// Windows after which the running sums are rebuilt, to shed the rounding they gathered.
const WINDOWS_PER_REBUILD: usize = 32;

/// Multiple of the remaining values above which one that leaves takes their digits with it.
const OUTLIER: f64 = 100.0;

#[derive(Debug, Clone)]
struct LinearReg {
    window: Ring<f64>,
    period: f64,
    /// Sum of x over the window, x being the age of a value in rows.
    sum_x: f64,
    /// `sum_x^2 - period * sum(x^2)`, the common denominator.
    divisor: f64,
    /// The value that leaves the sums at the next row; `None` before the first full window.
    leaving: Option<f64>,
    sums: Sums,
    rows_to_rebuild: usize,
}

/// Running sums over the window.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    y: f64,
    xy: f64,
    /// Sum of the values' sizes.
    size: f64,
}

impl LinearReg {
    fn new(period: usize) -> Self {
        let n = count(period);
        let sum_x = n * (n - 1.0) * 0.5;
        let sum_x_squared = n * (n - 1.0) * (2.0 * n - 1.0) / 6.0;
        Self {
            window: Ring::new(period),
            period: n,
            sum_x,
            divisor: sum_x * sum_x - n * sum_x_squared,
            leaving: None,
            sums: Sums::default(),
            rows_to_rebuild: 0,
        }
    }

    /// Moves the sums on by one row, every value ageing by one. Returns whether they can be relied on.
    #[inline]
    fn slide(&mut self, leaving: f64, value: f64) -> bool {
        let sums = &mut self.sums;
        let weighted = self.period * leaving;
        sums.xy = sums.xy + sums.y - weighted;
        sums.y = sums.y - leaving + value;
        sums.size = sums.size - leaving.abs() + value.abs();
        self.rows_to_rebuild -= 1;
        // Written so that a NaN is relied on: it must not rebuild the sums at every row.
        let is_outlier = weighted.abs() > OUTLIER * sums.size;
        self.rows_to_rebuild > 0 && !is_outlier
    }

    fn rebuild(&mut self) {
        self.rows_to_rebuild = WINDOWS_PER_REBUILD * self.window.capacity();
        self.sums = Sums::default();
        let mut age = self.period;
        for value in self.window.iter() {
            age -= 1.0;
            self.sums.y += value;
            self.sums.xy += age * value;
            self.sums.size += value.abs();
        }
    }
}

impl Kernel<1, 1> for LinearReg {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        self.window.push(value);
        let oldest = self.window.oldest()?;
        let is_current = self.leaving.replace(oldest).is_some_and(|leaving| self.slide(leaving, value));
        if !is_current {
            self.rebuild();
        }
        let Sums { y, xy, .. } = self.sums;
        let slope = (self.period * xy - self.sum_x * y) / self.divisor;
        let intercept = (y - slope * self.sum_x) / self.period;
        Some([slope.mul_add(self.period - 1.0, intercept)])
    }
}

impl Indicator<1, 1> for LinearReg {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn ends_the_fitted_line_at_the_newest_row() {
        // 1, 2, 6: slope 2.5 around mean 3, so 5.5 at the end. 2, 6, 7: slope 2.5 around 5, so 7.5.
        assert_column(&linearreg(&[1.0, 2.0, 6.0, 7.0], 3), &[NAN, NAN, 5.5, 7.5]);
    }

    #[test]
    fn sums_recover_from_an_outlier_that_leaves() {
        let line = linearreg(&[1e18, 1.0, 2.0, 3.0, 4.0], 2);
        assert_column(&line[2..], &[2.0, 3.0, 4.0]);
    }
}
