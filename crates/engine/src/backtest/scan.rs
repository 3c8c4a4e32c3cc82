//! How far an open trade can be left alone.

use tradai_domain::Millis;
use tradai_strategy::flag;

use super::{NEVER, Simulation};
use crate::position::Position;
use crate::risk::FUNDING_INTERVAL_MS;

/// Prices between which nothing happens to a trade.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    /// A low at or below this needs a look.
    low: f64,
    /// A high at or above this needs a look.
    high: f64,
    /// Signals that need a look.
    flags: u8,
    /// First row with other prices (a new ROI step), or of a funding payment.
    until: usize,
    /// Whether `until` itself needs a look.
    stop_there: bool,
}

/// Thresholds come from floats, the evaluation is exact: look a little early.
const MARGIN: f64 = 1e-7;

impl Simulation<'_> {
    /// Finds the next row, from `row` on, on which the pair's trade needs a look, and notes the highs and lows
    /// that are skipped.
    pub(super) fn plan(&mut self, pair: usize, row: usize) {
        if self.slots.get(pair).is_none() {
            self.next_event[pair] = NEVER;
            return;
        }
        let next = if self.needs_every_row(pair) { Some(row) } else { self.quiet_until(pair, row) };
        let rows = self.pairs[pair].frame.len();
        let next = next.filter(|&next| next < rows);
        self.next_event[pair] = next.map_or(NEVER, |next| self.step_of_row(pair, next));
    }

    fn needs_every_row(&self, pair: usize) -> bool {
        let hooks = self.hooks;
        hooks.custom_stoploss
            || hooks.custom_roi
            || hooks.custom_exit
            || hooks.adjust_trade_position
            || self.slots.get(pair).is_none_or(|position| {
                position.trade.has_open_orders() || !position.trade.has_open_position()
            })
    }

    fn quiet_until(&mut self, pair: usize, mut row: usize) -> Option<usize> {
        let data = &self.pairs[pair];
        let candles = data.frame.candles();
        let (highs, lows, flags) = (candles.high(), candles.low(), data.signals.flags());
        loop {
            let quiet = self.quiet(pair, row)?;
            let until = quiet.until.min(candles.len());
            let (mut max_rate, mut min_rate) = (f64::MIN, f64::MAX);
            let mut next = row;
            while next < until {
                let (high, low) = (highs[next], lows[next]);
                if high >= quiet.high || low <= quiet.low || flags[next - 1] & quiet.flags != 0 {
                    break;
                }
                max_rate = max_rate.max(high);
                min_rate = min_rate.min(low);
                next += 1;
            }
            if next > row {
                let position = self.slots.get_mut(pair)?;
                position.adjust_min_max_rates(max_rate, min_rate);
            }
            if next < until || quiet.stop_there || next >= candles.len() {
                return Some(next);
            }
            row = next;
        }
    }

    fn quiet(&self, pair: usize, row: usize) -> Option<Quiet> {
        let position = self.slots.get(pair)?;
        let trade = &position.trade;
        let data = &self.pairs[pair];
        let now = *data.frame.candles().open_time().get(row)?;
        let flags = match (self.settings.use_exit_signal, trade.is_short) {
            (false, _) => 0,
            (true, false) => flag::EXIT_LONG,
            (true, true) => flag::EXIT_SHORT,
        };
        let (roi, roi_until) = self.roi_threshold(position, now);
        let profit = roi.into_iter().chain(self.trailing_thresholds(position));
        let (mut low, mut high) = (f64::MIN, f64::MAX);
        let stops = [Some(trade.stop_loss), trade.liquidation_price];
        for stop in stops.into_iter().flatten().filter(|stop| *stop != 0.0) {
            if trade.is_short {
                high = high.min(stop);
            } else {
                low = low.max(stop);
            }
        }
        for price in profit {
            if trade.is_short {
                low = low.max(price + price.abs() * MARGIN);
            } else {
                high = high.min(price - price.abs() * MARGIN);
            }
        }
        let funding = self.next_funding(pair, position, now);
        let until = [roi_until, funding].into_iter().flatten().min();
        let row_of = |time: Millis| {
            let rows = (time - now).max(0) / self.timeframe.millis();
            row + usize::try_from(rows).unwrap_or_default()
        };
        Some(Quiet {
            low,
            high,
            flags,
            until: until.map_or(NEVER, row_of),
            stop_there: funding.is_some() && funding == until,
        })
    }

    /// Price from which the ROI of this moment is reached, and when another one takes its place.
    fn roi_threshold(&self, position: &Position, now: Millis) -> (Option<f64>, Option<Millis>) {
        let trade = &position.trade;
        let minutes = trade.duration_minutes(now);
        let next = self.settings.minimal_roi.iter().find(|(from, _)| *from > minutes);
        let until = next.map(|(from, _)| {
            let at = trade.open_date + from * 60_000;
            // The first candle that opens then or later.
            now + (at - now + self.timeframe.millis() - 1).div_euclid(self.timeframe.millis())
                * self.timeframe.millis()
        });
        let price = self.settings.roi_at(minutes).map(|(_, roi)| price_at(position, roi - MARGIN));
        (price, until)
    }

    /// Prices from which the trailing stop may move.
    fn trailing_thresholds(&self, position: &Position) -> Vec<f64> {
        let settings = self.settings;
        if !settings.trailing_stop {
            return Vec::new();
        }
        let trade = &position.trade;
        let side = if trade.is_short { -1.0 } else { 1.0 };
        let moves = |stop: f64| trade.stop_loss / (1.0 - side * (stop / trade.leverage).abs());
        // The later of two conditions, both of which must hold.
        let both = |one: f64, other: f64| if trade.is_short { one.min(other) } else { one.max(other) };
        let at_offset = price_at(position, settings.trailing_stop_positive_offset - MARGIN);
        let mut thresholds = Vec::with_capacity(2);
        if let Some(positive) = settings.trailing_stop_positive {
            thresholds.push(both(at_offset, moves(positive)));
        }
        let plain = moves(settings.stoploss);
        let needs_offset = settings.trailing_only_offset_is_reached;
        thresholds.push(if needs_offset { both(at_offset, plain) } else { plain });
        thresholds
    }

    /// The next full hour at which a funding payment counts.
    fn next_funding(&self, pair: usize, position: &Position, now: Millis) -> Option<Millis> {
        if !position.is_futures {
            return None;
        }
        let before = now - self.timeframe.millis();
        let payment = self.pairs[pair].funding.next_after(before)?;
        Some(first_candle_that_counts(payment.max(now), now, self.timeframe.millis()))
    }
}

/// Open time of the first candle at or after `payment` on which funding is counted: one that opens at a full hour,
/// which all candles of an hour and more do. `now` is the open time of a candle of `length` milliseconds.
fn first_candle_that_counts(payment: Millis, now: Millis, length: Millis) -> Millis {
    let (origin, step) = if length > FUNDING_INTERVAL_MS { (now, length) } else { (0, FUNDING_INTERVAL_MS) };
    origin + (payment - origin + step - 1).div_euclid(step) * step
}

/// About the price at which the profit ratio is `ratio`.
fn price_at(position: &Position, ratio: f64) -> f64 {
    let trade = &position.trade;
    let funding = if position.is_futures { trade.funding_fees } else { 0.0 };
    let deleveraged = ratio / trade.leverage;
    if trade.is_short {
        (trade.open_trade_value * (1.0 - deleveraged) + funding) / (trade.amount * (1.0 + trade.fee_close))
    } else {
        (trade.open_trade_value * (1.0 + deleveraged) - funding) / (trade.amount * (1.0 - trade.fee_close))
    }
}
