//! Candles of a pair, merged into few enough bars to draw.

use serde::Serialize;
use tradai_domain::Millis;
use tradai_engine::PairData;

/// Bars per pair.
const MOST_BARS: usize = 3_000;

/// Bars over all pairs, so that a page with a hundred pairs stays a page.
const MOST_BARS_TOGETHER: usize = 60_000;

const MINUTE: Millis = 60_000;

/// Bar lengths that people know, in minutes: from a minute to a month of 30 days.
const MINUTES: [Millis; 15] =
    [1, 3, 5, 15, 30, 60, 120, 240, 360, 720, 1_440, 3 * 1_440, 7 * 1_440, 14 * 1_440, 30 * 1_440];

/// Bars of one pair. Bar `i` opens at `start + slot[i] · step` (milliseconds).
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Bars {
    pair: String,
    start: Millis,
    step: Millis,
    slot: Vec<Millis>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

/// Returns the bars of every pair, startup candles left out.
pub(super) fn all(pairs: &[PairData]) -> Vec<Bars> {
    let most = (MOST_BARS_TOGETHER / pairs.len().max(1)).clamp(100, MOST_BARS);
    let bars = |pair: &PairData| {
        let (candles, from) = (pair.frame.candles(), pair.first_row.min(pair.frame.len()));
        let columns = [
            &candles.open()[from..],
            &candles.high()[from..],
            &candles.low()[from..],
            &candles.close()[from..],
        ];
        Bars::merged(
            pair.symbol.as_str(),
            &candles.open_time()[from..],
            columns,
            pair.frame.timeframe().millis(),
            most,
        )
    };
    pairs.iter().map(bars).collect()
}

impl Bars {
    fn merged(pair: &str, times: &[Millis], columns: [&[f64]; 4], candle: Millis, most: usize) -> Self {
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            return Self { pair: pair.to_owned(), step: candle, ..Self::default() };
        };
        let step = step(last - first, candle, most);
        let start = first.div_euclid(step) * step;
        let mut bars = Self { pair: pair.to_owned(), start, step, ..Self::default() };
        let [open, high, low, close] = columns;
        for (row, time) in times.iter().enumerate() {
            bars.add((time - start).div_euclid(step), [open[row], high[row], low[row], close[row]]);
        }
        bars
    }

    fn add(&mut self, slot: Millis, [open, high, low, close]: [f64; 4]) {
        if let (Some(last), Some(top), Some(bottom), Some(end)) =
            (self.slot.last(), self.high.last_mut(), self.low.last_mut(), self.close.last_mut())
            && *last == slot
        {
            *top = top.max(high);
            *bottom = bottom.min(low);
            *end = close;
            return;
        }
        self.slot.push(slot);
        self.open.push(open);
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
    }
}

/// The shortest known length, not below the candles' own, that needs at most `most` bars; beyond the longest one,
/// whatever length does.
fn step(span: Millis, candle: Millis, most: usize) -> Millis {
    let most = Millis::try_from(most).unwrap_or(Millis::MAX);
    let fits = |step: &Millis| *step >= candle && span / step + 2 <= most;
    if fits(&candle) {
        return candle;
    }
    let known = MINUTES.iter().map(|minutes| minutes * MINUTE).find(fits);
    known.unwrap_or_else(|| span / (most - 2).max(1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_five_minutes_becomes_bars_of_four_hours() {
        let times: Vec<Millis> = (0..105_120).map(|row| row * 5 * MINUTE).collect();
        let low: Vec<f64> = (0..105_120).map(f64::from).collect();
        let high: Vec<f64> = low.iter().map(|value| value + 10.0).collect();
        let bars = Bars::merged("A/B", &times, [&low, &high, &low, &high], 5 * MINUTE, MOST_BARS);
        assert_eq!((bars.step, bars.slot.len()), (240 * MINUTE, 2_190));
        assert_eq!((bars.open[1], bars.high[1], bars.low[1], bars.close[1]), (48.0, 105.0, 48.0, 105.0));
    }

    #[test]
    fn few_candles_stay_as_they_are() {
        let times = [60_000_000, 60_000_000 + 7 * MINUTE];
        let bars = Bars::merged("A/B", &times, [&[1.0, 2.0]; 4], 7 * MINUTE, MOST_BARS);
        assert_eq!((bars.step, bars.slot.len()), (7 * MINUTE, 2));
        assert!(Bars::merged("A/B", &[], [&[]; 4], MINUTE, MOST_BARS).slot.is_empty());
    }

    #[test]
    fn any_span_fits() {
        for (days, most) in [(1, 100), (400, 100), (4_000, 100), (20_000, 100), (20_000, 3_000)] {
            let span = days * 1_440 * MINUTE;
            let step = step(span, MINUTE, most);
            assert!(span / step < most as Millis, "{days} days in {most} bars: {step}");
        }
    }
}
