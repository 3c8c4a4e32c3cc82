//! Random candles: walks with gaps, wild wicks, flat stretches and holes.

use tradai_domain::{CandleSeries, Millis, Timeframe};

use crate::rng::Rng;

const HOUR: Millis = 3_600_000;
/// A month of another tick in the middle of a case needs to know where months begin.
const MONTH_STARTS: [Millis; 5] =
    [1_704_067_200_000, 1_709_251_200_000, 1_711_929_600_000, 1_719_792_000_000, 1_727_740_800_000];

/// When a case plays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: Millis,
    pub(crate) end: Millis,
}

impl Span {
    /// Returns a stretch of `rows` candles, often over the end of a month.
    pub(crate) fn random(rng: &mut Rng, timeframe: Timeframe, rows: i64) -> Self {
        let length = rows * timeframe.millis();
        let month = rng.pick(&MONTH_STARTS);
        let before = (rng.range(-0.3, 1.3) * length as f64) as i64;
        let grid = if rng.chance(0.5) { HOUR } else { timeframe.millis() };
        let start = timeframe.floor((month - before).div_euclid(grid) * grid);
        Self { start, end: start + length }
    }

    pub(crate) fn length(self) -> Millis {
        self.end - self.start
    }
}

/// How a pair's prices move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) price: f64,
    /// Relative deviation per candle.
    pub(crate) scale: f64,
    pub(crate) decimals: i32,
    /// Decimals of the months after the first.
    pub(crate) later_decimals: i32,
}

/// Returns a walk over a span.
pub(crate) fn walk(rng: &mut Rng, walk: Walk, timeframe: Timeframe, span: Span) -> CandleSeries {
    let step = timeframe.millis();
    let rows = (span.length() / step).max(1);
    let mut series = CandleSeries::with_capacity(usize::try_from(rows).unwrap_or_default());
    let (mut last, mut drift) = (walk.price, 0.0);
    let (gaps, wicks, flats) =
        (rng.pick(&[0.0, 0.03, 0.2]), rng.pick(&[0.0, 0.02, 0.1]), rng.pick(&[0.0, 0.01, 0.1]));
    let change = MONTH_STARTS.into_iter().find(|&month| month > span.start);
    for row in 0..rows {
        let time = timeframe.floor(span.start) + row * step;
        let decimals =
            if change.is_some_and(|change| time >= change) { walk.later_decimals } else { walk.decimals };
        let tick = 10_f64.powi(-decimals);
        let round = |price: f64| (price.max(tick) / tick).round() / 10_f64.powi(decimals);
        if rng.chance(0.02) {
            drift = rng.normal() * 0.3;
        }
        if rng.chance(flats) {
            let price = round(last);
            series.push(time, [price, price, price, price, 0.0]);
            continue;
        }
        let gap = if rng.chance(gaps) { rng.normal() * 4.0 * walk.scale } else { 0.0 };
        let open = last * (1.0 + gap);
        // Drifts back where the price has gone far: a case must not end at 0 or at infinity.
        let pull = (walk.price / open).ln() * 0.01;
        let close = open * (1.0 + (rng.normal() + drift + pull) * walk.scale);
        let mut wick = || {
            let wild = if rng.chance(wicks) { 8.0 } else { 0.6 };
            rng.unit() * rng.unit() * wild * walk.scale
        };
        let (up, down) = (wick(), wick().min(0.9));
        let (open, close) = (round(open), round(close));
        let high = round(open.max(close) * (1.0 + up)).max(open).max(close);
        let low = round(open.min(close) * (1.0 - down)).min(open).min(close);
        series.push(time, [open, high, low, close, (rng.unit() * 1e4).round() / 10.0]);
        last = close;
    }
    series
}

/// Joins candles into longer ones.
pub(crate) fn joined(series: &CandleSeries, timeframe: Timeframe) -> CandleSeries {
    let mut joined = CandleSeries::with_capacity(series.len());
    let times = series.open_time();
    let mut row = 0;
    while row < times.len() {
        let open_time = timeframe.floor(times[row]);
        let end = times.partition_point(|&time| time < open_time + timeframe.millis());
        let high = series.high()[row..end].iter().copied().fold(f64::MIN, f64::max);
        let low = series.low()[row..end].iter().copied().fold(f64::MAX, f64::min);
        let volume = series.volume()[row..end].iter().sum();
        joined.push(open_time, [series.open()[row], high, low, series.close()[end - 1], volume]);
        row = end;
    }
    joined
}

/// Leaves single candles and stretches out.
pub(crate) fn with_holes(rng: &mut Rng, series: &CandleSeries) -> CandleSeries {
    let often = rng.pick(&[0.0, 0.0, 0.003, 0.02]);
    let mut out = CandleSeries::with_capacity(series.len());
    let mut missing = 0;
    for row in 0..series.len() {
        if missing == 0 && rng.chance(often) {
            missing = rng.int(1, 6);
        }
        if missing > 0 && row > 0 {
            missing -= 1;
            continue;
        }
        out.push(series.open_time()[row], values(series, row));
    }
    out
}

pub(crate) fn values(series: &CandleSeries, row: usize) -> [f64; 5] {
    [series.open()[row], series.high()[row], series.low()[row], series.close()[row], series.volume()[row]]
}

/// Mark candles near the traded price.
pub(crate) fn mark(rng: &mut Rng, series: &CandleSeries) -> CandleSeries {
    let mut marks = CandleSeries::with_capacity(series.len());
    for row in 0..series.len() {
        let factor = 1.0 + rng.normal() * 0.0005;
        let near = values(series, row).map(|value| (value * factor * 1e6).round() / 1e6);
        marks.push(series.open_time()[row], [near[0], near[1], near[2], near[3], 0.0]);
    }
    marks
}

/// Funding rates (in `open`) every few hours.
pub(crate) fn funding(rng: &mut Rng, span: Span) -> CandleSeries {
    let every = rng.pick(&[1, 4, 8, 8]) * HOUR;
    let most = rng.pick(&[0.0001, 0.001, 0.01]);
    let mut rates = CandleSeries::with_capacity(64);
    let mut time = span.start.div_euclid(every) * every;
    while time <= span.end {
        let rate = (rng.range(-1.0, 1.5) * most * 1e8).round() / 1e8;
        rates.push(time, [rate, 0.0, 0.0, 0.0, 0.0]);
        time += every;
    }
    rates
}
