//! Money flow index.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::zero::is_zero_scaled;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "mfi",
    inputs: Inputs::HighLowCloseVolume,
    params: &[ParamSpec::period("timeperiod", 14.0, 2.0)],
    outputs: &["value"],
    summary: "Money flow index, 0 to 100",
    program: Program::of::<4, 1, Mfi>(),
};

/// Returns the share of money that flowed in while the price rose, in percent of all that flowed.
///
/// A row's flow is its typical price `(high + low + close) / 3` times its volume, inward when the typical
/// price rose and outward when it fell; a change within rounding of zero is none. Zero where nothing flowed
/// in the last `period` rows. Leading NaN: `period`.
#[must_use]
pub fn mfi(high: &[f64], low: &[f64], close: &[f64], volume: &[f64], period: usize) -> Vec<f64> {
    let [mfi] = batch([high, low, close, volume], &[period], || Mfi::new(period));
    mfi
}

#[derive(Debug, Clone)]
struct Mfi {
    previous: Option<f64>,
    /// Inward and outward flow of the last rows; at least one of each pair is zero.
    flows: Ring<[f64; 2]>,
    inward: f64,
    outward: f64,
    /// Rows without flow up to now. After `period` of them the sums are known to be zero, while what
    /// additions and subtractions left in them may not be.
    rows_without_flow: usize,
}

impl Mfi {
    fn new(period: usize) -> Self {
        Self { previous: None, flows: Ring::new(period), inward: 0.0, outward: 0.0, rows_without_flow: 0 }
    }
}

impl Mfi {
    /// The index; a sum that rounding took out of its range counts as the range's end.
    #[inline]
    fn inward_percent(&self) -> f64 {
        let total = self.inward + self.outward;
        let inward = if self.inward < 0.0 {
            0.0
        } else if self.inward > total {
            total
        } else {
            self.inward
        };
        if total <= 0.0 { 0.0 } else { 100.0 * (inward / total) }
    }
}

impl Kernel<4, 1> for Mfi {
    #[inline]
    fn next(&mut self, [high, low, close, volume]: [f64; 4]) -> Option<[f64; 1]> {
        let typical = (high + low + close) / 3.0;
        let previous = self.previous.replace(typical)?;
        if let Some([inward, outward]) = self.flows.oldest() {
            self.inward -= inward;
            self.outward -= outward;
        }
        let change = typical - previous;
        let is_unchanged = is_zero_scaled(change, typical.abs() + previous.abs());
        let flow = if is_unchanged { 0.0 } else { typical * volume };
        let [inward, outward] = if change < 0.0 { [0.0, flow] } else { [flow, 0.0] };
        self.flows.push([inward, outward]);
        self.inward += inward;
        self.outward += outward;
        self.rows_without_flow = if flow == 0.0 { self.rows_without_flow + 1 } else { 0 };
        if self.rows_without_flow >= self.flows.capacity() {
            (self.inward, self.outward) = (0.0, 0.0);
        }
        self.flows.oldest()?;
        Some([self.inward_percent()])
    }
}

impl Indicator<4, 1> for Mfi {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn is_the_inward_share_of_the_flow() {
        // Flows: in 3*2 = 6, out 2*1 = 2, in 4*2 = 8: 6/8, then 8/10.
        let price = [1.0, 3.0, 2.0, 4.0];
        let volume = [9.0, 2.0, 1.0, 2.0];
        assert_column(&mfi(&price, &price, &price, &volume, 2), &[NAN, NAN, 75.0, 80.0]);
    }

    #[test]
    fn without_volume_the_index_is_zero() {
        let price = [1.0, 3.0, 2.0];
        assert_column(&mfi(&price, &price, &price, &[0.0; 3], 2), &[NAN, NAN, 0.0]);
    }
}
