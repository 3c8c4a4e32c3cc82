//! From stored candles to what the loop runs over: windows, indicators, signals.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;
use tradai_domain::{
    CandleKind, CandleSeries, LeverageTier, Market, Millis, SeriesKey, Symbol, TimeRange, Timeframe,
};
use tradai_strategy::{CandleSource, Frame, Settings, Signals, Strategy, StrategyError, TradingMode};

use crate::Progress;
use crate::backtest::PairData;
use crate::money::TickHistory;
use crate::risk::FundingHistory;

/// Where candles come from. Holes need not be filled; rows outside the range may be returned or not.
pub trait CandleProvider: Sync {
    /// Returns the candles of a series inside a range, `None` when the series does not exist.
    ///
    /// # Errors
    /// A sentence that names the file or object, when stored candles cannot be read.
    fn load(&self, key: &SeriesKey, range: TimeRange) -> Result<Option<CandleSeries>, String>;
}

/// Rules of the markets and leverage tiers, by symbol.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MarketRules {
    /// Market rules.
    pub markets: BTreeMap<Symbol, Market>,
    /// Leverage tiers of perpetuals.
    pub leverage_tiers: BTreeMap<Symbol, Vec<LeverageTier>>,
}

/// Where the signals come from.
#[derive(Clone, Copy)]
pub enum SignalSource<'a> {
    /// The strategy computes them.
    Strategy,
    /// They are given, by pair, as open times of closed candles with their signals.
    Given(&'a BTreeMap<Symbol, Vec<GivenSignal>>),
}

/// A signal from outside, on a closed candle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenSignal {
    /// Open time of the candle at whose close the signal is known.
    pub time: Millis,
    /// Bits of [`tradai_strategy::flag`].
    pub flags: u8,
    /// Entry tag; empty for none.
    pub enter_tag: String,
    /// Exit tag; empty for none.
    pub exit_tag: String,
}

/// A backtest cannot be prepared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// No pair at all.
    #[error("pair_whitelist: is empty; name at least one pair, such as BTC/USDT")]
    NoPairs,
    /// A pair has no rules.
    #[error("{symbol}: no market rules; add it to the markets file")]
    NoMarket {
        /// The pair.
        symbol: Symbol,
    },
    /// A perpetual has no leverage tiers.
    #[error("{symbol}: no leverage tiers; liquidation cannot be simulated without (--leverage-tiers FILE)")]
    NoLeverageTiers {
        /// The pair.
        symbol: Symbol,
    },
    /// Candles are not there.
    #[error("no {key} candles{}; see `tradai data list`, add them with `tradai data import`", of(*range))]
    NoCandles {
        /// The series.
        key: SeriesKey,
        /// The stretch of time asked for.
        range: TimeRange,
    },
    /// Candles cannot be read.
    #[error("{key}: {message}")]
    Candles {
        /// The series.
        key: SeriesKey,
        /// Why.
        message: String,
    },
    /// Nothing is left to test.
    #[error(
        "{symbol} and all other pairs have no candles left after {startup} startup candles; widen the timerange"
    )]
    NothingLeft {
        /// The first pair.
        symbol: Symbol,
        /// The startup candles.
        startup: usize,
    },
    /// The strategy fails.
    #[error("{symbol}: {source}")]
    Strategy {
        /// The pair.
        symbol: Symbol,
        /// Why.
        source: Box<StrategyError>,
    },
    /// Nobody wants the result any more.
    #[error("the preparation was stopped")]
    Stopped,
    /// A given signal lies on no candle.
    #[error("{symbol}: a signal at {} lies on no candle of the tested window", tradai_domain::format_utc(*.time))]
    SignalWithoutCandle {
        /// The pair.
        symbol: Symbol,
        /// Open time of the signal's candle.
        time: Millis,
    },
}

/// Loads candles, runs the strategy's `populate_*` methods pair by pair (in parallel), and joins what the loop
/// needs.
///
/// The window is Freqtrade's: `startup_candle_count` candles before the start, the candle that opens at the end
/// included, indicators on that window only, holes filled with the previous close.
///
/// `progress` hears of every pair that is loaded and of every one that is done, from several threads at once.
///
/// # Errors
/// [`PrepareError`] naming the pair or series; [`PrepareError::Stopped`] when `progress` says so.
pub fn prepare(
    settings: &Settings,
    strategy: &dyn Strategy,
    provider: &dyn CandleProvider,
    rules: &MarketRules,
    signals: SignalSource<'_>,
    progress: &dyn Progress,
) -> Result<Vec<PairData>, PrepareError> {
    let first = settings.pair_whitelist.first().ok_or(PrepareError::NoPairs)?;
    let window = Window::new(settings);
    let steps = Steps { done: AtomicU64::new(0), total: 2 * settings.pair_whitelist.len() as u64, progress };
    // Of several pairs that fail the first is told, whichever thread comes first: equal inputs, equal messages.
    let loaded: Vec<(CandleSeries, usize)> = settings
        .pair_whitelist
        .par_iter()
        .map(|pair| {
            steps.go_on()?;
            let key = SeriesKey::traded(pair, settings.timeframe);
            load_filled(provider, &key, window.main(settings)).and_then(|loaded| steps.next(loaded))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<_, _>>()?;
    let window = window.moved(settings, &loaded);
    let informative = Informative { settings, provider, broken: Mutex::default() };
    let pairs: Vec<PairData> = settings
        .pair_whitelist
        .par_iter()
        .zip(loaded)
        .map(|(symbol, candles)| {
            steps.go_on()?;
            let own = OwnPair { settings, strategy, provider, rules, signals, window };
            own.prepare(symbol, candles, &informative).and_then(|pair| steps.next(pair))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<_, _>>()?;
    let startup = settings.startup_candle_count;
    if pairs.iter().all(|pair| pair.first_row + 1 >= pair.frame.len()) {
        return Err(PrepareError::NothingLeft { symbol: first.clone(), startup });
    }
    Ok(pairs)
}

/// Counts what is done.
struct Steps<'a> {
    done: AtomicU64,
    total: u64,
    progress: &'a dyn Progress,
}

impl Steps<'_> {
    /// Tells that one more is done, and returns it unless nobody wants the rest.
    fn next<T>(&self, done: T) -> Result<T, PrepareError> {
        let count = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.advance(count, self.total);
        self.go_on().map(|()| done)
    }

    /// Says whether anybody wants the rest.
    fn go_on(&self) -> Result<(), PrepareError> {
        if self.progress.is_stopped() { Err(PrepareError::Stopped) } else { Ok(()) }
    }
}

/// Start and end of the test; the candle that opens at the end is included.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Option<Millis>,
    /// Exclusive.
    end: Option<Millis>,
}

impl Window {
    fn new(settings: &Settings) -> Self {
        let range = settings.timerange;
        Self { start: range.start, end: range.end.map(|end| end + 1) }
    }

    /// What to load of the main timeframe.
    fn main(self, settings: &Settings) -> TimeRange {
        self.with_startup(settings.timeframe, settings.startup_candle_count)
    }

    fn with_startup(self, timeframe: Timeframe, candles: usize) -> TimeRange {
        let startup = i64::try_from(candles).unwrap_or_default() * timeframe.millis();
        TimeRange { start: self.start.map(|start| start - startup), end: self.end }
    }

    fn without_startup(self) -> TimeRange {
        TimeRange { start: self.start, end: self.end }
    }

    /// Moves the start behind the startup candles where the data begin no earlier than it.
    fn moved(self, settings: &Settings, loaded: &[(CandleSeries, usize)]) -> Self {
        let first = loaded.iter().filter_map(|(candles, _)| candles.open_time().first()).min();
        let Some(&first) = first else { return self };
        let startup = settings.startup_candle_count;
        let late = self.start.is_none_or(|start| startup > 0 && first >= start);
        if !late {
            return self;
        }
        let shift = i64::try_from(startup).unwrap_or_default() * settings.timeframe.millis();
        Self { start: Some(first + shift), ..self }
    }
}

/// A stretch of time in a sentence; nothing for all of it.
fn of(range: TimeRange) -> String {
    if range == TimeRange::ALL { String::new() } else { format!(" of {range}") }
}

fn load(
    provider: &dyn CandleProvider,
    key: &SeriesKey,
    range: TimeRange,
) -> Result<CandleSeries, PrepareError> {
    let loaded = provider.load(key, range);
    let loaded = loaded.map_err(|message| PrepareError::Candles { key: key.clone(), message })?;
    let loaded = loaded.filter(|candles| !candles.is_empty());
    let candles = loaded.ok_or_else(|| PrepareError::NoCandles { key: key.clone(), range })?;
    let rows = candles.rows_in(range);
    if rows.is_empty() {
        return Err(PrepareError::NoCandles { key: key.clone(), range });
    }
    Ok(if rows.len() == candles.len() { candles } else { candles.slice(rows) })
}

/// Candles without holes, and how many were filled in.
fn load_filled(
    provider: &dyn CandleProvider,
    key: &SeriesKey,
    range: TimeRange,
) -> Result<(CandleSeries, usize), PrepareError> {
    let candles = load(provider, key, range)?;
    let on_grid = candles.open_time().iter().all(|&time| key.timeframe.floor(time) == time);
    let faulty = (0..candles.len()).find_map(|row| {
        candles
            .row_fault(row, key.kind)
            .filter(|fault| matches!(fault, tradai_domain::SeriesFault::NotFinite { .. }))
    });
    if let Some(fault) = faulty {
        return Err(PrepareError::Candles { key: key.clone(), message: fault.to_string() });
    }
    if !on_grid {
        let message = format!("candles do not open on the {} grid", key.timeframe);
        return Err(PrepareError::Candles { key: key.clone(), message });
    }
    let span =
        candles.open_time().last().zip(candles.open_time().first()).map_or(0, |(last, first)| last - first);
    if span / key.timeframe.millis() > MOST_CANDLES {
        let message =
            format!("there are more than {MOST_CANDLES} candles between the first and the last one");
        return Err(PrepareError::Candles { key: key.clone(), message });
    }
    Ok(candles.filled(key.timeframe))
}

/// 38 years of one-minute candles. Two rows centuries apart must not fill the memory.
const MOST_CANDLES: i64 = 20_000_000;

struct OwnPair<'a> {
    settings: &'a Settings,
    strategy: &'a dyn Strategy,
    provider: &'a dyn CandleProvider,
    rules: &'a MarketRules,
    signals: SignalSource<'a>,
    window: Window,
}

impl OwnPair<'_> {
    fn prepare(
        &self,
        symbol: &Symbol,
        (candles, filled): (CandleSeries, usize),
        informative: &Informative<'_>,
    ) -> Result<PairData, PrepareError> {
        let market = self.rules.markets.get(symbol).cloned();
        let market = market.ok_or_else(|| PrepareError::NoMarket { symbol: symbol.clone() })?;
        let ticks = TickHistory::new(&candles);
        let first_row = self.first_row(&candles);
        let mut frame = Frame::new(symbol.clone(), self.settings.timeframe, Arc::new(candles));
        let signals = self.signals(symbol, &mut frame, informative)?;
        let (tiers, funding) = self.futures(symbol)?;
        let detail = self.detail(symbol)?;
        Ok(PairData {
            symbol: symbol.clone(),
            market,
            tiers,
            frame,
            signals,
            first_row,
            filled,
            detail,
            funding,
            ticks,
        })
    }

    fn first_row(&self, candles: &CandleSeries) -> usize {
        match self.settings.startup_candle_count {
            0 => candles.rows_in(self.window.without_startup()).start,
            startup => startup,
        }
    }

    fn signals(
        &self,
        symbol: &Symbol,
        frame: &mut Frame,
        informative: &Informative<'_>,
    ) -> Result<Signals, PrepareError> {
        let failed = |source: StrategyError| PrepareError::Strategy {
            symbol: symbol.clone(),
            source: Box::new(source),
        };
        let mut signals = Signals::new(frame.len());
        let populated = self.strategy.populate_indicators(frame, informative);
        if let Some(error) = informative.broken() {
            return Err(error);
        }
        populated.map_err(failed)?;
        match self.signals {
            SignalSource::Strategy => {
                self.strategy.populate_entry_trend(frame, &mut signals).map_err(failed)?;
                self.strategy.populate_exit_trend(frame, &mut signals).map_err(failed)?;
            }
            SignalSource::Given(given) => {
                let given = given.get(symbol).map(Vec::as_slice).unwrap_or_default();
                place_signals(symbol, frame.candles(), given, &mut signals)?;
            }
        }
        Ok(signals)
    }

    fn detail(&self, symbol: &Symbol) -> Result<Option<Arc<CandleSeries>>, PrepareError> {
        let Some(timeframe) = self.settings.timeframe_detail else { return Ok(None) };
        let key = SeriesKey::traded(symbol, timeframe);
        let (candles, _) = load_filled(self.provider, &key, self.window.without_startup())?;
        Ok(Some(Arc::new(candles)))
    }

    fn futures(&self, symbol: &Symbol) -> Result<(Vec<LeverageTier>, FundingHistory), PrepareError> {
        if self.settings.trading_mode == TradingMode::Spot {
            return Ok((Vec::new(), FundingHistory::default()));
        }
        let tiers = self.rules.leverage_tiers.get(symbol).cloned();
        let tiers = tiers.ok_or_else(|| PrepareError::NoLeverageTiers { symbol: symbol.clone() })?;
        let series = |kind| SeriesKey { symbol: symbol.clone(), timeframe: Timeframe::H1, kind };
        let range = self.window.without_startup();
        let (marks, _) = load_filled(self.provider, &series(CandleKind::Mark), range)?;
        let rates = match load(self.provider, &series(CandleKind::FundingRate), range) {
            Err(PrepareError::NoCandles { .. }) if self.settings.futures_funding_rate.is_some() => {
                CandleSeries::default()
            }
            rates => rates?,
        };
        Ok((tiers, FundingHistory::new(&rates, &marks, self.settings.futures_funding_rate)))
    }
}

fn place_signals(
    symbol: &Symbol,
    candles: &CandleSeries,
    given: &[GivenSignal],
    signals: &mut Signals,
) -> Result<(), PrepareError> {
    let times = candles.open_time();
    for signal in given {
        let row = times.binary_search(&signal.time);
        let row =
            row.map_err(|_| PrepareError::SignalWithoutCandle { symbol: symbol.clone(), time: signal.time })?;
        signals.set(row, signal.flags);
        let (enter, exit) = (signals.tag(&signal.enter_tag), signals.tag(&signal.exit_tag));
        if enter != 0 {
            signals.set_enter_tag(row, enter);
        }
        if exit != 0 {
            signals.set_exit_tag(row, exit);
        }
    }
    Ok(())
}

/// Candles of other pairs and timeframes over the same test, with startup candles of their own.
struct Informative<'a> {
    settings: &'a Settings,
    provider: &'a dyn CandleProvider,
    /// Why candles that exist could not be read. A strategy only sees that they are missing.
    broken: Mutex<Option<PrepareError>>,
}

impl Informative<'_> {
    fn broken(&self) -> Option<PrepareError> {
        self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl CandleSource for Informative<'_> {
    fn candles(&self, key: &SeriesKey) -> Option<Arc<CandleSeries>> {
        // Freqtrade parses the timerange anew here: a start moved for missing startup candles does not count.
        let window = Window::new(self.settings);
        let range = window.with_startup(key.timeframe, self.settings.startup_candle_count);
        match load_filled(self.provider, key, range) {
            Ok((candles, _)) => Some(Arc::new(candles)),
            Err(PrepareError::NoCandles { .. }) => None,
            Err(error) => {
                let mut broken = self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                broken.get_or_insert(error);
                None
            }
        }
    }
}
