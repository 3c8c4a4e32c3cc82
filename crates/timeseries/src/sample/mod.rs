//! Synthetic candles: made up, deterministic, and shaped enough like a market that strategies trade on them.
//!
//! A market is a function of seed, symbol and time alone. Days follow a chain of regimes (calm, bull, bear,
//! storm) with clustered volatility, half of it shared by all symbols; minutes fill a day from its open to its
//! close; every timeframe is built from the same minutes, so that an hour is the sum of its five-minute candles.
//! Any two ranges agree where they overlap.
//!
//! Invariant: only `+ - * /` and `sqrt` on doubles, whose results IEEE 754 fixes, and prices are whole ticks:
//! every platform makes the same bits.

mod days;
mod minutes;
mod random;

use tradai_domain::{CandleKind, CandleSeries, Millis, SeriesKey, Symbol, Timeframe};

use days::{Day, Days};
use minutes::{Minute, Minutes};

/// The first moment that has candles: 2017-01-01, a Sunday.
pub const ORIGIN: Millis = 1_483_228_800_000;

/// The first moment that has none again: 2100-01-01.
pub const END: Millis = 4_102_444_800_000;

const DAY: Millis = 86_400_000;

/// Hours between two funding rates.
const FUNDING_HOURS: i64 = 8;

/// Returns the made-up candles of a series that open in `[start, end)`, as far as that lies between [`ORIGIN`]
/// and [`END`].
///
/// Futures have the prices of their spot market. Mark prices are the path without the wicks, volume 0. Funding
/// rates are eight-hourly whatever the timeframe says, the rate in `open` and 0 elsewhere.
#[must_use]
pub fn candles(seed: u64, key: &SeriesKey, start: Millis, end: Millis) -> CandleSeries {
    let (start, end) = (start.max(ORIGIN), end.min(END));
    if start >= end {
        return CandleSeries::default();
    }
    match key.kind {
        CandleKind::FundingRate => funding(seed, &key.symbol, start, end),
        kind => prices(seed, key, kind == CandleKind::Mark, start, end),
    }
}

fn prices(seed: u64, key: &SeriesKey, is_mark: bool, start: Millis, end: Millis) -> CandleSeries {
    let rows = usize::try_from((end - start) / key.timeframe.millis()).unwrap_or(0) + 1;
    let mut candles = Bucket::new(key.timeframe, Market::of(&key.symbol), rows);
    // A candle that opens before `end` may close after it.
    let until = end + key.timeframe.millis();
    for day in Days::new(seed, &key.symbol).skip_to(start) {
        if day.open_time >= until {
            break;
        }
        for minute in Minutes::new(seed, &key.symbol, &day) {
            let bucket = key.timeframe.floor(minute.open_time);
            if bucket >= start && bucket < end {
                candles.add(bucket, &if is_mark { minute.mark() } else { minute });
            }
        }
    }
    candles.finish()
}

fn funding(seed: u64, symbol: &Symbol, start: Millis, end: Millis) -> CandleSeries {
    let step = FUNDING_HOURS * 3_600_000;
    let mut series = CandleSeries::default();
    for day in Days::new(seed, symbol).skip_to(start) {
        if day.open_time >= end {
            break;
        }
        for (at, rate) in (0..).zip(day.funding_rates(seed, symbol)) {
            let time = day.open_time + at * step;
            if time >= start && time < end {
                series.push(time, [rate, 0.0, 0.0, 0.0, 0.0]);
            }
        }
    }
    series
}

/// What a symbol's prices look like.
#[derive(Debug, Clone, Copy)]
struct Market {
    /// The price around which the market wanders, in quote currency.
    base_price: f64,
    /// Ticks per unit of price, a power of ten.
    ticks: f64,
}

impl Market {
    /// Known coins get a familiar price, others one told from their name.
    fn of(symbol: &Symbol) -> Self {
        let base_price = match symbol.base() {
            "BTC" => 30_000.0,
            "ETH" => 2_000.0,
            "BNB" => 300.0,
            "SOL" => 60.0,
            "LTC" => 90.0,
            "LINK" => 12.0,
            "DOT" => 8.0,
            "ADA" | "XRP" => 0.5,
            "DOGE" => 0.08,
            name => {
                let hash = random::hash(&[name]);
                let magnitude = [0.01, 0.1, 1.0, 10.0, 100.0][usize::try_from(hash % 5).unwrap_or(0)];
                #[expect(clippy::cast_precision_loss, reason = "a number below ninety")]
                let digits = (10 + hash / 5 % 90) as f64;
                magnitude * digits / 10.0
            }
        };
        let mut ticks = 1.0;
        while base_price * ticks < 50_000.0 {
            ticks *= 10.0;
        }
        Self { base_price, ticks }
    }
}

/// Volumes are whole thousandths.
const VOLUME_UNITS: f64 = 1_000.0;

/// Adds minutes up to candles.
struct Bucket {
    timeframe: Timeframe,
    market: Market,
    series: CandleSeries,
    open_time: Option<Millis>,
    sum: Minute,
}

impl Bucket {
    fn new(timeframe: Timeframe, market: Market, rows: usize) -> Self {
        let series = CandleSeries::with_capacity(rows);
        Self { timeframe, market, series, open_time: None, sum: Minute::default() }
    }

    fn add(&mut self, bucket: Millis, minute: &Minute) {
        if self.open_time != Some(bucket) {
            self.flush();
            self.open_time = Some(bucket);
            self.sum = *minute;
            return;
        }
        self.sum.high = self.sum.high.max(minute.high);
        self.sum.low = self.sum.low.min(minute.low);
        self.sum.close = minute.close;
        self.sum.volume += minute.volume;
    }

    #[expect(clippy::cast_precision_loss, reason = "ticks and volume units stay far below 2^53")]
    fn flush(&mut self) {
        let Some(open_time) = self.open_time else { return };
        debug_assert_eq!(self.timeframe.floor(open_time), open_time);
        let price = |ticks: i64| ticks as f64 / self.market.ticks;
        let Minute { open, high, low, close, volume, .. } = self.sum;
        let ohlcv = [price(open), price(high), price(low), price(close), volume as f64 / VOLUME_UNITS];
        self.series.push(open_time, ohlcv);
    }

    fn finish(mut self) -> CandleSeries {
        self.flush();
        self.series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradai_domain::parse_date_ms;

    fn key(symbol: &str, timeframe: &str, kind: CandleKind) -> SeriesKey {
        SeriesKey { symbol: symbol.parse().unwrap(), timeframe: timeframe.parse().unwrap(), kind }
    }

    fn month(symbol: &str, timeframe: &str, kind: CandleKind) -> CandleSeries {
        let (start, end) = (parse_date_ms("20240108").unwrap(), parse_date_ms("20240205").unwrap());
        candles(7, &key(symbol, timeframe, kind), start, end)
    }

    #[test]
    fn candles_are_whole_and_possible() {
        for symbol in ["BTC/USDT", "DOGE/USDT", "NOBODY/BTC", "ETH/USDT:USDT"] {
            for kind in [CandleKind::Spot, CandleKind::Mark] {
                let series = month(symbol, "5m", kind);
                assert_eq!(series.len(), 28 * 288);
                assert_eq!(series.faults(Timeframe::M5, kind), []);
            }
        }
    }

    #[test]
    fn timeframes_agree() {
        let (fives, hours) =
            (month("ETH/USDT", "5m", CandleKind::Spot), month("ETH/USDT", "1h", CandleKind::Spot));
        assert_eq!(hours.len(), 28 * 24);
        for hour in 0..hours.len() {
            let rows = hour * 12..hour * 12 + 12;
            let highest = fives.high()[rows.clone()].iter().copied().fold(f64::MIN, f64::max);
            let lowest = fives.low()[rows.clone()].iter().copied().fold(f64::MAX, f64::min);
            let volume: f64 = fives.volume()[rows.clone()].iter().sum();
            assert_eq!(hours.open_time()[hour], fives.open_time()[rows.start]);
            let expected = [fives.open()[rows.start], highest, lowest, fives.close()[rows.end - 1]];
            let found = [hours.open()[hour], hours.high()[hour], hours.low()[hour], hours.close()[hour]];
            assert_eq!(found, expected);
            assert!((hours.volume()[hour] / volume - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn ranges_agree_and_seeds_and_symbols_differ() {
        let whole = month("BTC/USDT", "1h", CandleKind::Spot);
        let (start, end) = (whole.open_time()[50], whole.open_time()[80]);
        let part = candles(7, &key("BTC/USDT", "1h", CandleKind::Spot), start, end);
        assert_eq!(part, whole.slice(50..80));
        assert_ne!(candles(8, &key("BTC/USDT", "1h", CandleKind::Spot), start, end).open(), part.open());
        assert_ne!(month("ETH/USDT", "1h", CandleKind::Spot).volume(), whole.volume());
        assert_eq!(month("BTC/USDT:USDT", "1h", CandleKind::Futures), whole);
    }

    #[test]
    fn weeks_open_on_monday() {
        let series = month("BTC/USDT", "1w", CandleKind::Spot);
        assert_eq!(series.len(), 4);
        assert_eq!(series.faults(Timeframe::W1, CandleKind::Spot), []);
    }

    #[test]
    fn funding_comes_every_eight_hours() {
        let series = month("BTC/USDT:USDT", "1h", CandleKind::FundingRate);
        assert_eq!(series.len(), 28 * 3);
        assert!(series.open().iter().all(|rate| rate.abs() <= 0.003));
        assert!(series.open().iter().any(|&rate| rate < 0.0));
    }

    #[test]
    fn prices_move_but_stay_in_bounds() {
        for symbol in ["BTC/USDT", "SOL/USDT", "NOBODY/USDT"] {
            let key = key(symbol, "1d", CandleKind::Spot);
            let base = Market::of(&key.symbol).base_price;
            let series = candles(1, &key, ORIGIN, parse_date_ms("20300101").unwrap());
            let highest = series.high().iter().copied().fold(f64::MIN, f64::max);
            let lowest = series.low().iter().copied().fold(f64::MAX, f64::min);
            assert!(lowest > base / 20.0 && highest < base * 20.0, "{symbol}: {lowest} to {highest}");
            assert!(highest / lowest > 2.0, "{symbol}: {lowest} to {highest}");
        }
    }

    #[test]
    fn the_same_bits_everywhere() {
        let series = month("BTC/USDT", "5m", CandleKind::Spot);
        let mut hasher = blake3::Hasher::new();
        for column in [series.open(), series.high(), series.low(), series.close(), series.volume()] {
            for value in column {
                hasher.update(&value.to_le_bytes());
            }
        }
        assert_eq!(&hasher.finalize().to_hex()[..16], "c551ba978ed13073");
    }
}
