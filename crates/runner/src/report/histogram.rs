//! How the returns of trades are spread.

use serde::Serialize;

/// Counts of values in bins of equal width, in percent. Bin `i` holds `[from + i · width, from + (i + 1) · width)`;
/// the outermost ones hold everything beyond, too.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Histogram {
    from: f64,
    width: f64,
    counts: Vec<usize>,
}

/// Bins aimed at; rounding the width to a number that people like can double it.
const BINS: f64 = 50.0;

impl Histogram {
    /// Counts ratios (fractions). One trade in a hundred may lie beyond the bins on either side, so that a single
    /// outlier does not squeeze the rest into one bin.
    pub(super) fn new(ratios: &[f64]) -> Self {
        let mut sorted: Vec<f64> =
            ratios.iter().map(|ratio| ratio * 100.0).filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let outside = sorted.len() / 100;
        let (Some(&low), Some(&high)) =
            (sorted.get(outside), sorted.get(sorted.len().wrapping_sub(1 + outside)))
        else {
            return Self::default();
        };
        let width = nice((high - low) / BINS);
        let first = (low / width).floor();
        let bins = ((high / width).floor() - first) as usize + 1;
        let mut counts = vec![0; bins];
        for value in sorted {
            let bin = ((value / width).floor() - first).clamp(0.0, (bins - 1) as f64);
            counts[bin as usize] += 1;
        }
        Self { from: first * width, width, counts }
    }
}

/// The next of 1, 2 or 5 times a power of ten, at least 0.01.
fn nice(width: f64) -> f64 {
    let mut power = 0.01;
    loop {
        for step in [1.0, 2.0, 5.0] {
            if step * power >= width {
                return step * power;
            }
        }
        power *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trade_is_counted_once() {
        let mut ratios: Vec<f64> = (-100..=150).map(|value| f64::from(value) / 5_000.0).collect();
        ratios.push(40.0);
        let histogram = Histogram::new(&ratios);
        assert_eq!(histogram.counts.iter().sum::<usize>(), ratios.len());
        assert_eq!(histogram.width, 0.1);
        assert!(histogram.counts.len() <= 51, "{}", histogram.counts.len());
        assert!((histogram.from + 2.0).abs() < 0.1, "{}", histogram.from);
    }

    #[test]
    fn few_trades() {
        assert_eq!(Histogram::new(&[]), Histogram::default());
        assert_eq!(Histogram::new(&[0.02]).counts, [1]);
        assert_eq!(Histogram::new(&[f64::NAN]).counts.len(), 0);
    }
}
