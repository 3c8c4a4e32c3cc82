//! The backtest loop.
//!
//! Freqtrade steps through every candle of every pair. Here time jumps from event to event: an entry signal, or
//! the next candle on which an open trade *may* do something (`scan.rs`); only there the full, exact evaluation
//! runs (`exit.rs`). Skipping changes no result, because a skipped candle is one on which the evaluation would have
//! done nothing but note the high and the low.

mod adjust;
mod detail;
mod entry;
mod exit;
mod history;
mod locks;
mod orders;
mod pair;
mod protections;
mod scan;
mod slots;
mod wallet;

use tradai_domain::{Millis, Timeframe};
use tradai_strategy::{FrameView, Hooks, Settings, Strategy, Trade};

pub use history::EquityCurve;
pub use locks::Lock;
pub use pair::PairData;

use history::WalletHistory;
use locks::Locks;
use pair::{Row, Side, direction};
use slots::Slots;
use wallet::Wallet;

use crate::Progress;
use crate::risk::MarketLimits;

/// How often orders were given up or replaced, and signals came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Entry signals without a free slot.
    pub rejected_signals: u64,
    /// Entry orders that timed out.
    pub timedout_entry_orders: u64,
    /// Exit orders that timed out.
    pub timedout_exit_orders: u64,
    /// Trades dropped because their only entry order was cancelled or could not be replaced.
    pub canceled_trade_entries: u64,
    /// Entry orders cancelled or replaced.
    pub canceled_entry_orders: u64,
    /// Entry orders placed in place of another.
    pub replaced_entry_orders: u64,
}

/// What a backtest leaves behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Trades in the order of closing.
    pub trades: Vec<Trade>,
    /// Locks in the order of their making.
    pub locks: Vec<Lock>,
    /// Counts of what did not happen.
    pub counters: Counters,
    /// Wallet at the end, in stake currency.
    pub final_balance: f64,
    /// Open time of the first candle after the startup candles, over all pairs.
    pub start: Millis,
    /// Open time of the last candle, over all pairs.
    pub end: Millis,
    /// Wallet at the open of every main candle, open positions valued at that open.
    pub equity: EquityCurve,
}

/// Runs the loop over prepared pairs (in whitelist order).
///
/// Pairs without a row after their startup candles take no part. `progress` hears of candles done.
#[must_use]
pub fn run(
    settings: &Settings,
    strategy: &dyn Strategy,
    pairs: &[PairData],
    progress: &dyn Progress,
) -> Outcome {
    let Some((start, end)) = bounds(pairs) else { return Outcome::empty(settings) };
    let mut simulation = Simulation::new(settings, strategy, pairs, start, end);
    simulation.run(progress);
    simulation.close_left_open();
    simulation.into_outcome()
}

/// First and last open time over all pairs, startup candles left out.
fn bounds(pairs: &[PairData]) -> Option<(Millis, Millis)> {
    let rows = pairs.iter().filter_map(|pair| {
        let times = pair.frame.candles().open_time().get(pair.first_row..)?;
        Some((*times.first()?, *times.last()?))
    });
    rows.reduce(|(start, end), (first, last)| (start.min(first), end.max(last)))
}

impl Outcome {
    fn empty(settings: &Settings) -> Self {
        Self {
            trades: Vec::new(),
            locks: Vec::new(),
            counters: Counters::default(),
            final_balance: settings.dry_run_wallet,
            start: 0,
            end: 0,
            equity: EquityCurve::default(),
        }
    }
}

struct Simulation<'a> {
    settings: &'a Settings,
    strategy: &'a dyn Strategy,
    hooks: Hooks,
    pairs: &'a [PairData],
    timeframe: Timeframe,
    start: Millis,
    end: Millis,
    slots: Slots,
    /// Per pair: the step at which its open trade needs a look.
    next_event: Vec<usize>,
    closed: Vec<Trade>,
    wallet: Wallet,
    locks: Locks,
    counters: Counters,
    history: WalletHistory,
    /// Pairs with an open trade at the start of the candle; kept to be filled again.
    open_before: Vec<usize>,
    /// Step (main candles since `start`) being processed.
    step: usize,
    trade_count: u64,
    order_count: u64,
}

/// No event in sight.
const NEVER: usize = usize::MAX;

impl<'a> Simulation<'a> {
    fn new(
        settings: &'a Settings,
        strategy: &'a dyn Strategy,
        pairs: &'a [PairData],
        start: Millis,
        end: Millis,
    ) -> Self {
        let is_futures = settings.trading_mode == tradai_strategy::TradingMode::Futures;
        Self {
            settings,
            strategy,
            hooks: effective_hooks(settings, strategy.hooks()),
            pairs,
            timeframe: settings.timeframe,
            start,
            end,
            slots: Slots::new(pairs.len()),
            next_event: vec![NEVER; pairs.len()],
            closed: Vec::with_capacity(1_024),
            wallet: Wallet::new(settings, is_futures),
            locks: Locks::new(settings.timeframe),
            counters: Counters::default(),
            history: WalletHistory::new(pairs.len(), settings.dry_run_wallet, !is_futures),
            open_before: Vec::new(),
            step: 0,
            trade_count: 0,
            order_count: 0,
        }
    }

    fn into_outcome(self) -> Outcome {
        let steps = self.last_step();
        let equity = self.history.into_curve(self.pairs, self.start, self.timeframe, steps);
        Outcome {
            trades: self.closed,
            locks: self.locks.into_vec(),
            counters: self.counters,
            final_balance: self.wallet.total(),
            start: self.start,
            end: self.end,
            equity,
        }
    }

    fn last_step(&self) -> usize {
        usize::try_from((self.end - self.start) / self.timeframe.millis()).unwrap_or_default()
    }

    /// Row of a pair's frame at a step, if the pair has one after its startup candles (the first of which only
    /// lends its signals).
    fn row_at(&self, pair: usize, step: usize) -> Option<usize> {
        let data = &self.pairs[pair];
        let row = i64::try_from(step).ok()? + self.start_row(pair);
        let row = usize::try_from(row).ok()?;
        (row > data.first_row && row < data.frame.len()).then_some(row)
    }

    /// Row of a pair's frame at step 0; negative where its candles begin later.
    fn start_row(&self, pair: usize) -> i64 {
        let first = self.pairs[pair].frame.candles().open_time().first();
        first.map_or(0, |first| (self.start - first) / self.timeframe.millis())
    }

    fn step_of_row(&self, pair: usize, row: usize) -> usize {
        usize::try_from(i64::try_from(row).unwrap_or(i64::MAX) - self.start_row(pair)).unwrap_or_default()
    }

    fn view(&self, pair: usize, row: &Row) -> FrameView<'a> {
        self.pairs[pair].frame.view(row.known_rows)
    }

    fn limits(&self, pair: usize) -> MarketLimits<'a> {
        let data = &self.pairs[pair];
        MarketLimits {
            market: &data.market,
            tiers: &data.tiers,
            amount_reserve: self.settings.amount_reserve_percent,
        }
    }

    /// Recounts the wallet after something happened to a pair.
    fn update_wallet(&mut self, pair: usize) {
        self.wallet.update(&self.slots);
        let total = self.wallet.total();
        let mut record = |pair: usize| {
            let amount = self.slots.get(pair).map_or(0.0, |position| position.trade.amount);
            self.history.record(self.step, total, pair, amount);
        };
        record(pair);
        // An order placed in another's stead fills without a recount; the next recount, whatever it is for, sees it.
        self.slots.pairs().iter().for_each(|&pair| record(pair));
    }

    fn run(&mut self, progress: &dyn Progress) {
        let entries = self.entry_steps();
        let last = self.last_step();
        let (mut next_entry, mut reported) = (0, 0);
        while self.step < last {
            let signal = entries.get(next_entry).map_or(NEVER, |&(step, _)| step as usize);
            let trade = self.slots.pairs().iter().map(|&pair| self.next_event[pair]).min().unwrap_or(NEVER);
            // A strategy that wants to hear of every candle hears of every candle.
            let step = if self.hooks.bot_loop_start { self.step + 1 } else { signal.min(trade) };
            if step > last {
                break;
            }
            self.step = step;
            if self.hooks.bot_loop_start {
                self.strategy.bot_loop_start(self.time_of(step));
            }
            let first = next_entry;
            while entries.get(next_entry).is_some_and(|&(at, _)| at as usize == step) {
                next_entry += 1;
            }
            self.main_candle(&entries[first..next_entry]);
            if step - reported >= 1_024 {
                progress.advance(step as u64, last as u64);
                if progress.is_stopped() {
                    return;
                }
                reported = step;
            }
        }
        self.step = last;
        progress.advance(last as u64, last as u64);
    }

    fn time_of(&self, step: usize) -> Millis {
        self.start + i64::try_from(step).unwrap_or_default() * self.timeframe.millis()
    }

    /// Steps at which signals ask for a direction, with their pairs: by time, then in whitelist order.
    fn entry_steps(&self) -> Vec<(u32, u32)> {
        let can_short = self.settings.shorts_allowed();
        let mut entries = Vec::new();
        for (index, data) in self.pairs.iter().enumerate() {
            let rows = data.first_row..data.frame.len().saturating_sub(1);
            for row in signalled(data.signals.flags(), rows) {
                if direction(data.signals.flags()[row], can_short).is_some() {
                    let step = self.step_of_row(index, row + 1);
                    entries
                        .push((u32::try_from(step).unwrap_or(u32::MAX), u32::try_from(index).unwrap_or(0)));
                }
            }
        }
        entries.sort_unstable();
        entries.retain(|&(step, _)| step > 0);
        entries
    }

    /// One main candle: pairs with open trades first (oldest trade first), then the others as whitelisted.
    fn main_candle(&mut self, entries: &[(u32, u32)]) {
        if self.settings.timeframe_detail.is_some() {
            return self.main_candle_in_detail(entries);
        }
        let mut open = std::mem::take(&mut self.open_before);
        open.clear();
        open.extend_from_slice(self.slots.pairs());
        for &pair in &open {
            if self.next_event[pair] <= self.step {
                self.process(pair);
            }
        }
        for &(_, pair) in entries {
            let pair = pair as usize;
            if !open.contains(&pair) {
                self.process(pair);
            }
        }
        self.open_before = open;
    }

    /// One pair on the current main candle.
    fn process(&mut self, pair: usize) {
        let Some(index) = self.row_at(pair, self.step) else {
            self.next_event[pair] = NEVER;
            return;
        };
        let row = self.pairs[pair].row(index, self.time_of(self.step));
        let side = direction(row.flags, self.settings.shorts_allowed());
        self.process_row(pair, &row, side, row.time != self.end);
        self.plan(pair, index + 1);
    }

    /// One pair on one row, twice if a trade closed and the signal asks for the other side.
    fn process_row(&mut self, pair: usize, row: &Row, side: Option<Side>, can_enter: bool) {
        let exited = self.pair_step(pair, row, side, can_enter);
        let reverses = self.settings.shorts_allowed() && side.is_some() && exited.is_some() && exited != side;
        if reverses {
            self.pair_step(pair, row, side, can_enter);
        }
    }

    /// Orders, entry, exit. Returns the side of a trade that was open before and is closed now.
    fn pair_step(&mut self, pair: usize, row: &Row, side: Option<Side>, can_enter: bool) -> Option<Side> {
        let before = self.slots.get(pair).map(|position| side_of(&position.trade));
        if before.is_some() && self.manage_open_orders(pair, row) {
            self.slots.remove(pair);
            self.update_wallet(pair);
        }
        if let Some(side) = side.filter(|_| can_enter && self.slots.get(pair).is_none()) {
            self.try_enter(pair, row, side);
        }
        if self.slots.get(pair).is_some() {
            self.trade_step(pair, row);
        }
        before.filter(|_| self.slots.get(pair).is_none())
    }

    fn try_enter(&mut self, pair: usize, row: &Row, side: Side) {
        let symbol = self.pairs[pair].symbol.as_str();
        let name = if side == Side::Short { "short" } else { "long" };
        if self.locks.is_pair_locked(symbol, row.time, name) {
            return;
        }
        if self.settings.max_open_trades.is_some_and(|limit| self.slots.count() >= limit) {
            self.counters.rejected_signals += 1;
            return;
        }
        if self.enter(pair, row, side) {
            self.update_wallet(pair);
        }
    }

    /// Fills, adjustments and exits of an open trade.
    fn trade_step(&mut self, pair: usize, row: &Row) {
        let waiting = self.slots.get(pair).and_then(|position| position.open_order(true));
        if let Some(order) = waiting
            && self.try_fill(pair, order, row)
        {
            self.update_wallet(pair);
        }
        if self.slots.get(pair).is_some_and(|position| position.trade.has_open_position()) {
            self.check_exit(pair, row);
        }
        let waiting = self.slots.get(pair).and_then(|position| position.open_order(false));
        if let Some(order) = waiting {
            self.process_exit_order(pair, order, row);
        }
    }
}

/// Rows with any signal. Signals are rare: whole blocks without one are passed at once.
fn signalled(flags: &[u8], rows: std::ops::Range<usize>) -> impl Iterator<Item = usize> + '_ {
    const BLOCK: usize = 64;
    let start = rows.start;
    let inside = flags.get(rows).unwrap_or_default();
    inside.chunks(BLOCK).enumerate().flat_map(move |(block, flags)| {
        let any = flags.iter().fold(0, |all, flags| all | flags) != 0;
        let flags = if any { flags } else { &[] };
        let first = start + block * BLOCK;
        flags.iter().enumerate().filter(|(_, flags)| **flags != 0).map(move |(row, _)| first + row)
    })
}

fn side_of(trade: &Trade) -> Side {
    if trade.is_short { Side::Short } else { Side::Long }
}

/// Hooks that the settings switch on and the strategy answers.
fn effective_hooks(settings: &Settings, hooks: Hooks) -> Hooks {
    Hooks {
        custom_stoploss: hooks.custom_stoploss && settings.use_custom_stoploss,
        custom_roi: hooks.custom_roi && settings.use_custom_roi,
        custom_exit: hooks.custom_exit && settings.use_exit_signal,
        adjust_trade_position: hooks.adjust_trade_position && settings.position_adjustment_enable,
        ..hooks
    }
}
