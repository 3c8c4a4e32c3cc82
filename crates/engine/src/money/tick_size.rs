//! Price ticks estimated from candles.

use chrono::{DateTime, Datelike, NaiveDate};
use tradai_domain::{CandleSeries, Millis};

use super::{POW10, nearest};

/// The tick of a pair per calendar month, estimated as Freqtrade does: from the largest number of decimals that any
/// price of the month shows at 14 significant digits. Exchanges change ticks; a market's current one would be wrong
/// for old candles.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TickHistory {
    /// Start of a month that shows decimals, and its tick; ascending.
    months: Vec<(Millis, f64)>,
}

impl TickHistory {
    /// Returns the ticks of `candles`.
    pub(crate) fn new(candles: &CandleSeries) -> Self {
        let mut months = Vec::new();
        let times = candles.open_time();
        let mut row = 0;
        while row < times.len() {
            let (start, end) = month_of(times[row]);
            let rows = row..times.partition_point(|&time| time < end);
            let columns = [candles.open(), candles.high(), candles.low(), candles.close()];
            let decimals = columns.iter().fold(0, |most, column| most_decimals(&column[rows.clone()], most));
            // A month of whole numbers says nothing; the last month that does goes on counting.
            if decimals > 0 {
                months.push((start, 1.0 / POW10[decimals]));
            }
            row = rows.end;
        }
        Self { months }
    }

    /// Returns the tick at a moment; `None` before the first month that shows decimals.
    pub(crate) fn at(&self, time: Millis) -> Option<f64> {
        let next = self.months.partition_point(|&(start, _)| start <= time);
        next.checked_sub(1).map(|month| self.months[month].1)
    }
}

/// First millisecond of the month, and of the next one.
fn month_of(time: Millis) -> (Millis, Millis) {
    let date = DateTime::from_timestamp_millis(time).unwrap_or_default();
    let first = |year: i32, month: u32| {
        NaiveDate::from_ymd_opt(year, month, 1)
            .map_or(Millis::MAX, |day| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
    };
    let next = if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
    (first(date.year(), date.month()), first(next.0, next.1))
}

/// The largest number of decimals in `prices`, at least `most`.
fn most_decimals(prices: &[f64], mut most: usize) -> usize {
    for &price in prices {
        // Nearly every price has no more decimals than one before it: one multiplication each.
        let rounded = nearest(price * POW10[most]);
        if rounded / POW10[most] != price || rounded >= 1e14 {
            most = most.max(decimals(price)).min(POW10.len() - 1);
        }
    }
    most
}

/// Decimals of a price at 14 significant digits, without zeros at the end.
fn decimals(price: f64) -> usize {
    if !price.is_finite() {
        return 0;
    }
    let text = format!("{price:.13e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.trim_end_matches('0');
    let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let exponent: i64 = exponent.parse().unwrap_or_default();
    usize::try_from(i64::try_from(fraction).unwrap_or_default() - exponent).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_decimals_at_14_digits() {
        for (price, expected) in
            [(46_875.7, 1), (1.234_75, 5), (100.0, 0), (0.1 + 0.2, 1), (1e-5, 5), (123_456_789_012_345.0, 0)]
        {
            assert_eq!(decimals(price), expected, "{price}");
            assert_eq!(most_decimals(&[price], 0), expected, "{price}");
        }
    }

    #[test]
    fn the_smallest_prices_are_no_problem() {
        assert_eq!(most_decimals(&[1.234_567_890_123e-12, 1.5], 0), POW10.len() - 1);
    }

    #[test]
    fn months_without_decimals_take_the_one_before() {
        let day = 86_400_000;
        let mut candles = CandleSeries::with_capacity(3);
        candles.push(0, [1.5; 5]);
        candles.push(40 * day, [2.0; 5]);
        candles.push(70 * day, [2.125; 5]);
        let ticks = TickHistory::new(&candles);
        assert_eq!(
            (ticks.at(0), ticks.at(45 * day), ticks.at(75 * day)),
            (Some(0.1), Some(0.1), Some(0.001))
        );
        assert_eq!(ticks.at(-1), None);
    }
}
