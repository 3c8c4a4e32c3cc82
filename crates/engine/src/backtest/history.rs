//! The wallet over time.

use tradai_domain::{Millis, Timeframe};

use super::pair::PairData;

/// Value of the account at the open of every main candle, in stake currency.
///
/// On spot, bought currency counts at the candle's open; on futures only realised money counts (what Freqtrade's
/// `wallet_stats` looks at).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EquityCurve {
    /// Open time of the first candle, in milliseconds.
    pub start: Millis,
    /// Milliseconds from one value to the next.
    pub step_ms: i64,
    /// One value per main candle.
    pub values: Vec<f64>,
}

impl EquityCurve {
    /// Returns the moments and values, oldest first.
    pub fn points(&self) -> impl Iterator<Item = (Millis, f64)> + '_ {
        let at = |index: usize| self.start + i64::try_from(index).unwrap_or_default() * self.step_ms;
        self.values.iter().enumerate().map(move |(index, &value)| (at(index), value))
    }
}

/// What changed, and from which step on it is seen.
#[derive(Debug)]
pub(super) struct WalletHistory {
    totals: Vec<(usize, f64)>,
    amounts: Vec<Vec<(usize, f64)>>,
    values_positions: bool,
}

impl WalletHistory {
    pub(super) fn new(pairs: usize, start: f64, values_positions: bool) -> Self {
        Self { totals: vec![(0, start)], amounts: vec![Vec::new(); pairs], values_positions }
    }

    /// Notes the wallet after something happened to a pair during `step`; the next candle sees it.
    pub(super) fn record(&mut self, step: usize, total: f64, pair: usize, amount: f64) {
        note(&mut self.totals, step + 1, total);
        let amounts = &mut self.amounts[pair];
        if self.values_positions && amounts.last().map_or(0.0, |&(_, last)| last) != amount {
            note(amounts, step + 1, amount);
        }
    }

    /// Returns the value of the wallet at steps `1..=steps`.
    pub(super) fn into_curve(
        self,
        pairs: &[PairData],
        start: Millis,
        timeframe: Timeframe,
        steps: usize,
    ) -> EquityCurve {
        let step_ms = timeframe.millis();
        let mut values = vec![0.0; steps];
        // What the additions so far have lost (Kahan): pandas sums like this, and without it a balance that comes
        // back to the same value may look like a new low.
        let mut lost = if self.values_positions { vec![0.0; steps] } else { Vec::new() };
        for (from, to, total) in stretches(&self.totals, steps) {
            values[from - 1..to].fill(total);
        }
        for (data, amounts) in pairs.iter().zip(&self.amounts) {
            let times = data.frame.candles().open_time();
            let Some(&first) = times.first() else { continue };
            let shift = (start - first) / step_ms;
            let opens = data.frame.candles().open();
            for (from, to, amount) in stretches(amounts, steps).filter(|&(_, _, amount)| amount != 0.0) {
                let slots = values[from - 1..to].iter_mut().zip(&mut lost[from - 1..to]);
                for ((value, lost), step) in slots.zip(from..) {
                    let row = usize::try_from(i64::try_from(step).unwrap_or_default() + shift);
                    if let Some(open) = row.ok().and_then(|row| opens.get(row)) {
                        let addend = open * amount - *lost;
                        let sum = *value + addend;
                        *lost = (sum - *value) - addend;
                        *value = sum;
                    }
                }
            }
        }
        EquityCurve { start: start + step_ms, step_ms, values }
    }
}

fn note(changes: &mut Vec<(usize, f64)>, step: usize, value: f64) {
    match changes.last_mut() {
        Some(last) if last.0 == step => last.1 = value,
        _ => changes.push((step, value)),
    }
}

/// Closed ranges of steps in `1..=steps` with the value that holds over them.
fn stretches(changes: &[(usize, f64)], steps: usize) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
    changes.iter().enumerate().filter_map(move |(index, &(from, value))| {
        let to = changes.get(index + 1).map_or(steps, |&(next, _)| next.saturating_sub(1)).min(steps);
        let from = from.max(1);
        (from <= to).then_some((from, to, value))
    })
}
