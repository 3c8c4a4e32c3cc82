//! Trailing windows: row `i` depends on rows `i + 1 - n ..= i`.
//!
//! A row has a value once the last `n` inputs are all known; one that is not finite (NaN, infinite) makes the
//! windows it lies in unknown, as pandas' `rolling(n)` does.

use std::collections::VecDeque;

use super::WindowOp;

/// Computes one window function over a column. `n` is at least 1.
pub(super) fn window(op: WindowOp, values: &[f64], n: usize) -> Vec<f64> {
    match op {
        WindowOp::Highest => extreme(values, n, |new, old| new >= old),
        WindowOp::Lowest => extreme(values, n, |new, old| new <= old),
        WindowOp::Sum => moments(values, n, |window| window.mean * window.n),
        WindowOp::Mean => moments(values, n, |window| window.mean),
        WindowOp::Std => moments(values, n, Moments::deviation),
    }
}

/// Counts on how many of the last `n` rows a condition held; unknown before there are as many.
pub(super) fn count(flags: &[bool], n: usize) -> Vec<f64> {
    let mut held = 0_u32;
    let mut counts = Vec::with_capacity(flags.len());
    for (row, &flag) in flags.iter().enumerate() {
        held += u32::from(flag);
        if row >= n {
            held -= u32::from(flags[row - n]);
        }
        counts.push(if row + 1 >= n { f64::from(held) } else { f64::NAN });
    }
    counts
}

/// Keeps the rows that may still become the extreme, best first: each row enters and leaves once.
fn extreme(values: &[f64], n: usize, beats: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    let mut candidates: VecDeque<usize> = VecDeque::with_capacity(n.min(values.len()));
    let mut known = 0;
    let mut result = Vec::with_capacity(values.len());
    for (row, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            candidates.clear();
            known = 0;
            result.push(f64::NAN);
            continue;
        }
        known += 1;
        while candidates.back().is_some_and(|&last| beats(value, values[last])) {
            candidates.pop_back();
        }
        candidates.push_back(row);
        if candidates[0] + n <= row {
            candidates.pop_front();
        }
        result.push(if known >= n { values[candidates[0]] } else { f64::NAN });
    }
    result
}

/// Mean and sum of squared deviations of the current window.
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
    /// Largest `squares` since the window was summed afresh.
    peak: f64,
    /// Whether all values of the window are the same: their deviation is then exactly 0.
    flat: bool,
}

impl Moments {
    fn of(window: &[f64]) -> Self {
        let n = window.len() as f64;
        let mean = window.iter().sum::<f64>() / n;
        let squares: f64 = window.iter().map(|value| (value - mean) * (value - mean)).sum();
        Self { n, mean, squares, peak: squares, flat: false }
    }

    /// Welford's update for one value in and one out.
    fn slide(&mut self, new: f64, old: f64) {
        let before = self.mean;
        self.mean += (new - old) / self.n;
        self.squares += (new - old) * (new - self.mean + old - before);
        self.peak = self.peak.max(self.squares);
    }

    /// Whether what is left after a larger value went out is mostly rounding error.
    fn is_worn(&self) -> bool {
        self.squares < 1e-6 * self.peak
    }

    fn deviation(&self) -> f64 {
        if self.flat && self.n > 1.0 {
            return 0.0;
        }
        // One value has no sample deviation: 0 / 0 is NaN, as in pandas.
        (self.squares.max(0.0) / (self.n - 1.0)).sqrt()
    }
}

fn moments(values: &[f64], n: usize, read: impl Fn(&Moments) -> f64) -> Vec<f64> {
    // Sliding gathers rounding errors, so the window is summed afresh now and then: at most twice the work.
    let refresh = n.max(256);
    let mut result = Vec::with_capacity(values.len());
    let mut current = Moments { n: n as f64, mean: 0.0, squares: 0.0, peak: 0.0, flat: false };
    let (mut known, mut same, mut age) = (0, 0, 0);
    for (row, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            (known, same) = (0, 0);
            result.push(f64::NAN);
            continue;
        }
        known += 1;
        same = if same > 0 && values[row - 1] == value { same + 1 } else { 1 };
        if known < n {
            result.push(f64::NAN);
            continue;
        }
        if known == n || age == refresh {
            current = Moments::of(&values[row + 1 - n..=row]);
            age = 0;
        } else {
            current.slide(value, values[row - n]);
            age += 1;
            if current.is_worn() {
                current = Moments::of(&values[row + 1 - n..=row]);
                age = 0;
            }
        }
        current.flat = same >= n;
        result.push(read(&current));
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAN: f64 = f64::NAN;

    fn equal(left: &[f64], right: &[f64]) -> bool {
        left.len() == right.len()
            && left.iter().zip(right).all(|(a, b)| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9)
    }

    #[test]
    fn windows_by_hand() {
        let values = [NAN, 1.0, 4.0, 2.0, 2.0, NAN, 3.0, 5.0];
        for (op, expected) in [
            (WindowOp::Highest, [NAN, NAN, 4.0, 4.0, 2.0, NAN, NAN, 5.0]),
            (WindowOp::Lowest, [NAN, NAN, 1.0, 2.0, 2.0, NAN, NAN, 3.0]),
            (WindowOp::Mean, [NAN, NAN, 2.5, 3.0, 2.0, NAN, NAN, 4.0]),
            (WindowOp::Sum, [NAN, NAN, 5.0, 6.0, 4.0, NAN, NAN, 8.0]),
            // Two values a and b deviate by |a - b| / sqrt(2).
            (WindowOp::Std, [NAN, NAN, 3.0 / 2_f64.sqrt(), 2_f64.sqrt(), 0.0, NAN, NAN, 2_f64.sqrt()]),
        ] {
            assert!(equal(&window(op, &values, 2), &expected), "{op:?}");
        }
        assert!(window(WindowOp::Std, &[1.0], 1)[0].is_nan());
        assert!(window(WindowOp::Mean, &[1.0, 2.0], 1_000_000).iter().all(|value| value.is_nan()));
        assert!(equal(&count(&[true, false, true, true], 2), &[NAN, 1.0, 1.0, 2.0]));
    }

    #[test]
    fn a_large_value_that_went_out_leaves_no_trace() {
        let mut values = vec![1e6, -1e6];
        values.extend((0..100).map(|row| if row % 2 == 0 { 1.0 } else { 1.0 + 1e-6 }));
        let deviations = window(WindowOp::Std, &values, 4);
        // Two values twice each, 1e-6 apart: half of that from the mean, times sqrt(4 / 3).
        let expected = 0.5e-6 * (4.0_f64 / 3.0).sqrt();
        assert!(deviations[8..].iter().all(|deviation| (deviation / expected - 1.0).abs() < 1e-6));
    }

    proptest! {
        #[test]
        fn sliding_equals_summing_afresh(
            values in prop::collection::vec(prop_oneof![9 => 99.0..101.0_f64, 1 => Just(NAN)], 0..900),
            n in 1_usize..30,
        ) {
            let afresh = |read: fn(&[f64]) -> f64| -> Vec<f64> {
                (0..values.len())
                    .map(|row| match (row + 1).checked_sub(n) {
                        Some(first) if values[first..=row].iter().all(|v| !v.is_nan()) => {
                            read(&values[first..=row])
                        }
                        _ => NAN,
                    })
                    .collect()
            };
            let mean = |w: &[f64]| w.iter().sum::<f64>() / w.len() as f64;
            let deviation = |w: &[f64]| {
                let mean = w.iter().sum::<f64>() / w.len() as f64;
                (w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (w.len() as f64 - 1.0)).sqrt()
            };
            prop_assert!(equal(&window(WindowOp::Mean, &values, n), &afresh(mean)));
            prop_assert!(equal(&window(WindowOp::Std, &values, n), &afresh(deviation)));
            prop_assert!(equal(
                &window(WindowOp::Highest, &values, n),
                &afresh(|w| w.iter().copied().fold(f64::MIN, f64::max)),
            ));
        }
    }
}
