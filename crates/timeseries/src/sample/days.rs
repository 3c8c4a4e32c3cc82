//! Days: regimes, volatility and closing prices.

use tradai_domain::{Millis, Symbol};

use super::random::Random;
use super::{DAY, Market, ORIGIN};

/// A mood of the market that lasts for days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Regime {
    Calm,
    Bull,
    Bear,
    Storm,
}

impl Regime {
    /// Returns the mean daily return, its deviation, and the mean length in days.
    fn character(self) -> (f64, f64, f64) {
        match self {
            Self::Calm => (0.0, 0.018, 14.0),
            Self::Bull => (0.007, 0.025, 20.0),
            Self::Bear => (-0.007, 0.030, 15.0),
            Self::Storm => (-0.002, 0.055, 5.0),
        }
    }

    fn after(self, random: &mut Random) -> Self {
        let (.., days) = self.character();
        if random.uniform() * days >= 1.0 {
            return self;
        }
        match random.next() % 8 {
            0..3 => Self::Calm,
            3..5 => Self::Bull,
            5..7 => Self::Bear,
            _ => Self::Storm,
        }
    }
}

/// One day of one market.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) open_time: Millis,
    /// Days since [`ORIGIN`].
    pub(super) number: u64,
    /// Prices in quote currency, not yet rounded to ticks.
    pub(super) open: f64,
    pub(super) close: f64,
    /// The day's deviation of returns, as a fraction.
    pub(super) volatility: f64,
    pub(super) market: Market,
}

impl Day {
    /// Returns the three rates of the day: a positive resting rate, pulled along by the day's return.
    pub(super) fn funding_rates(&self, seed: u64, symbol: &Symbol) -> [f64; 3] {
        let mut random = Random::new(seed, &["funding", symbol.base(), symbol.quote()], self.number);
        let pull = (self.close / self.open - 1.0) * 0.004;
        std::array::from_fn(|_| {
            let rate = (0.000_1 + pull + random.normal() * 0.000_05).clamp(-0.003, 0.003);
            // Exchanges publish eight digits.
            (rate * 1e8).round() / 1e8
        })
    }
}

/// The days of a market from [`ORIGIN`] on, without end.
pub(super) struct Days {
    seed: u64,
    base: String,
    quote: String,
    market: Market,
    regime: Regime,
    /// Ratio of recent squared returns to what the regime expects: high after a large move, fading.
    heat: f64,
    price: f64,
    number: u64,
}

impl Days {
    pub(super) fn new(seed: u64, symbol: &Symbol) -> Self {
        let market = Market::of(symbol);
        Self {
            seed,
            base: symbol.base().to_owned(),
            quote: symbol.quote().to_owned(),
            market,
            regime: Regime::Calm,
            heat: 1.0,
            price: market.base_price,
            number: 0,
        }
    }

    /// Leaves out the days before the one a week before `at`, so that the week's candle is whole.
    pub(super) fn skip_to(self, at: Millis) -> impl Iterator<Item = Day> {
        self.skip_while(move |day| day.open_time + 8 * DAY <= at)
    }
}

impl Iterator for Days {
    type Item = Day;

    fn next(&mut self) -> Option<Day> {
        let mut own = Random::new(self.seed, &["day", &self.base, &self.quote], self.number);
        let mut shared = Random::new(self.seed, &["market"], self.number);
        self.regime = self.regime.after(&mut own);
        let (drift, deviation, _) = self.regime.character();
        // Far from home the price is drawn back, so that decades stay in sight of the base price.
        let home = match self.price / self.market.base_price {
            ratio if ratio > 4.0 => -0.006,
            ratio if ratio < 0.4 => 0.006,
            _ => 0.0,
        };
        // 0.6^2 + 0.8^2 = 1: markets move together, each with a will of its own.
        let surprise = 0.6 * shared.fat() + 0.8 * own.fat();
        let volatility = deviation * self.heat.sqrt();
        let change = (drift + home + volatility * surprise).clamp(-0.3, 0.3);
        self.heat = (0.85 * self.heat + 0.15 * (surprise * surprise).min(9.0)).clamp(0.3, 4.0);
        let open = self.price;
        self.price = open * (1.0 + change);
        let number = self.number;
        self.number += 1;
        let open_time = ORIGIN + i64::try_from(number).ok()? * DAY;
        Some(Day { open_time, number, open, close: self.price, volatility, market: self.market })
    }
}
