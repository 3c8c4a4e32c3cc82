//! Funding fees of perpetuals.

use tradai_domain::{CandleSeries, Millis};

/// When funding is evaluated on open trades: every full hour (`funding_fee_timeframe`).
pub(crate) const FUNDING_INTERVAL_MS: Millis = 3_600_000;

/// What one unit of base currency pays (positive: longs pay) at each funding time: rate · mark price.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FundingHistory {
    times: Vec<Millis>,
    fee_per_unit: Vec<f64>,
}

impl FundingHistory {
    /// Joins funding rates (in `open`) and hourly mark candles on their times.
    ///
    /// Without `fallback_rate` a mark candle without a rate counts nothing. With it, mark candles before the
    /// first one with a rate take the fallback.
    #[must_use]
    pub fn new(rates: &CandleSeries, marks: &CandleSeries, fallback_rate: Option<f64>) -> Self {
        let mut history = Self::default();
        let mut next = 0;
        let mut fallback_rate = fallback_rate;
        // Exchanges stamp funding a few milliseconds late.
        let time_of = |row: usize| rates.open_time()[row].div_euclid(1_000) * 1_000;
        for (row, &time) in marks.open_time().iter().enumerate() {
            while next < rates.len() && time_of(next) < time {
                next += 1;
            }
            let exact = (next < rates.len() && time_of(next) == time).then(|| rates.open()[next]);
            if exact.is_some() {
                fallback_rate = None;
            }
            if let Some(rate) = exact.or(fallback_rate) {
                history.times.push(time);
                history.fee_per_unit.push(rate * marks.open()[row]);
            }
        }
        history
    }

    /// Returns what a position of `amount` received (negative: paid) from `from` to `to`, both included.
    #[must_use]
    pub fn fees(&self, amount: f64, is_short: bool, from: Millis, to: Millis) -> f64 {
        let first = self.times.partition_point(|&time| time < from);
        let last = self.times.partition_point(|&time| time <= to).max(first);
        let paid: f64 = self.fee_per_unit[first..last].iter().map(|fee| fee * amount).sum();
        let paid = if paid.is_nan() { 0.0 } else { paid };
        if is_short { paid } else { -paid }
    }

    /// Returns the first funding time after `time`.
    #[must_use]
    pub fn next_after(&self, time: Millis) -> Option<Millis> {
        self.times.get(self.times.partition_point(|&at| at <= time)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 3_600_000;

    fn series(rows: &[(Millis, f64)]) -> CandleSeries {
        let mut series = CandleSeries::with_capacity(rows.len());
        for &(time, value) in rows {
            series.push(time, [value; 5]);
        }
        series
    }

    #[test]
    fn both_ends_count() {
        let marks = series(&[(0, 100.0), (HOUR, 100.0), (8 * HOUR, 200.0), (16 * HOUR, 300.0)]);
        let rates = series(&[(8 * HOUR + 7, 0.0001), (16 * HOUR + 3, -0.0002)]);
        let history = FundingHistory::new(&rates, &marks, None);
        assert_eq!(history.fees(2.0, false, 8 * HOUR, 8 * HOUR), -0.04);
        assert_eq!(history.fees(2.0, true, 0, 7 * HOUR), 0.0);
        assert!((history.fees(1.0, true, 8 * HOUR, 16 * HOUR) + 0.04).abs() < 1e-12);
        assert_eq!(history.next_after(8 * HOUR), Some(16 * HOUR));
        assert_eq!(history.next_after(0), Some(8 * HOUR));
    }

    #[test]
    fn fallback_fills_the_beginning_only() {
        let marks = series(&[(0, 100.0), (HOUR, 100.0), (2 * HOUR, 100.0), (3 * HOUR, 100.0)]);
        let history = FundingHistory::new(&series(&[(2 * HOUR, 0.001)]), &marks, Some(0.01));
        assert_eq!(history.times, [0, HOUR, 2 * HOUR]);
        assert_eq!(history.fee_per_unit, [1.0, 1.0, 0.1]);
        // A rate before the first mark candle is matched by none and ends nothing.
        let marks = series(&[(HOUR, 100.0), (2 * HOUR, 100.0)]);
        let history = FundingHistory::new(&series(&[(0, 0.001), (2 * HOUR, 0.001)]), &marks, Some(0.01));
        assert_eq!(history.times, [HOUR, 2 * HOUR]);
    }
}
