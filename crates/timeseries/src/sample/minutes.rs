//! Minutes: a path from a day's open to its close, with wicks and volume.

use tradai_domain::{Millis, Symbol};

use super::random::Random;
use super::{Day, VOLUME_UNITS};

const MINUTES: usize = 1_440;
const MINUTE: Millis = 60_000;

/// How much of a day's trade falls into each hour (UTC), 1 on average: Asia's morning, then Europe and America.
const ACTIVITY: [f64; 24] = [
    1.1, 0.9, 0.8, 0.7, 0.6, 0.6, 0.7, 0.9, 1.0, 1.0, 0.9, 0.9, 1.1, 1.5, 1.7, 1.6, 1.4, 1.2, 1.0, 1.0, 0.9,
    0.9, 0.8, 0.8,
];

/// Turnover of an average minute in quote currency.
const TURNOVER: f64 = 1_000_000.0;

/// One minute: prices in ticks, volume in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Minute {
    pub(super) open_time: Millis,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    pub(super) volume: i64,
}

impl Minute {
    /// Returns the minute as the mark price saw it: no wicks, no trade.
    pub(super) fn mark(self) -> Self {
        Self { high: self.open.max(self.close), low: self.open.min(self.close), volume: 0, ..self }
    }
}

/// The minutes of one day.
pub(super) struct Minutes {
    day: Day,
    random: Random,
    /// The price at the end of each minute, as a multiple of the day's open.
    path: Vec<f64>,
    at: usize,
    last: i64,
}

impl Minutes {
    pub(super) fn new(seed: u64, symbol: &Symbol, day: &Day) -> Self {
        let mut random = Random::new(seed, &["minutes", symbol.base(), symbol.quote()], day.number);
        let path = path(day, &mut random);
        let last = to_ticks(day.open * day.market.ticks);
        Self { day: *day, random, path, at: 0, last }
    }
}

/// Walks through the day: steps with the hour's activity, and a slow drift that makes trends of hours. What is
/// missing to the close at the end is spread evenly over the day.
fn path(day: &Day, random: &mut Random) -> Vec<f64> {
    let minute_volatility = day.volatility / 38.0; // the root of 1,440
    let mut path = Vec::with_capacity(MINUTES);
    let (mut level, mut drift) = (0.0, 0.0);
    for at in 0..MINUTES {
        drift = 0.99 * drift + 0.012 * minute_volatility * random.normal();
        level += drift + 0.8 * minute_volatility * ACTIVITY[at / 60].sqrt() * random.fat();
        path.push(level);
    }
    let missing = (day.close / day.open - 1.0 - level) / 1_440.0;
    let mut spread = 0.0;
    for level in &mut path {
        spread += missing;
        *level = (1.0 + *level + spread).max(0.2);
    }
    path
}

impl Iterator for Minutes {
    type Item = Minute;

    fn next(&mut self) -> Option<Minute> {
        let at = self.at;
        let level = *self.path.get(at)?;
        self.at += 1;
        let is_last = self.at == MINUTES;
        // The last minute closes on the very price that the next day opens with.
        let price = if is_last { self.day.close } else { self.day.open * level };
        let ticks = price * self.day.market.ticks;
        let (open, close) = (self.last, to_ticks(ticks));
        self.last = close;
        let wick = ticks * self.day.volatility / 38.0 * 0.7;
        let high = open.max(close) + (wick * self.random.normal().abs()).round() as i64;
        let low = open.min(close) - (wick * self.random.normal().abs()).round() as i64;
        let activity = ACTIVITY[at / 60] * (self.day.volatility / 0.025);
        let burst = 0.2 + self.random.fat().abs();
        let volume = TURNOVER / price * activity * burst * VOLUME_UNITS;
        let offset = Millis::try_from(at).ok()? * MINUTE;
        Some(Minute {
            open_time: self.day.open_time + offset,
            open,
            high,
            low: low.max(1),
            close,
            volume: volume.round() as i64,
        })
    }
}

/// Rounds a positive price in ticks; never less than one tick.
fn to_ticks(ticks: f64) -> i64 {
    (ticks.round() as i64).max(1)
}
