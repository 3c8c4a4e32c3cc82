//! One pair as the loop sees it.

use std::sync::Arc;

use tradai_domain::{CandleSeries, LeverageTier, Market, Millis, Symbol};
use tradai_strategy::{Frame, Signals, flag};

use crate::money::TickHistory;
use crate::risk::FundingHistory;

/// Everything that the backtest of one pair needs, prepared by [`crate::prepare()`].
#[derive(Debug, Clone)]
pub struct PairData {
    /// The pair.
    pub symbol: Symbol,
    /// Its rules.
    pub market: Market,
    /// Its leverage tiers; empty on spot.
    pub tiers: Vec<LeverageTier>,
    /// Candles of the load window (startup candles first, holes filled) with the strategy's columns.
    pub frame: Frame,
    /// Signals per candle of the frame, unshifted.
    pub signals: Signals,
    /// First row of the frame after the startup candles.
    pub first_row: usize,
    /// Candles that were missing and stand at the previous close, with volume 0.
    pub filled: usize,
    /// Shorter candles for `timeframe_detail`.
    pub detail: Option<Arc<CandleSeries>>,
    /// Funding of a perpetual.
    pub funding: FundingHistory,
    pub(crate) ticks: TickHistory,
}

/// Which way a trade goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Long,
    Short,
}

/// A candle with the signals that were known at its open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) time: Millis,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    /// Row of the detail candle, where the main candle is taken apart.
    pub(crate) detail: Option<usize>,
    /// Signals of the candle before.
    pub(crate) flags: u8,
    /// Row of the frame whose tags and columns count: the candle before the main candle.
    pub(crate) known_rows: usize,
}

impl Row {
    pub(crate) fn contains(&self, price: f64) -> bool {
        self.low <= price && price <= self.high
    }
}

impl PairData {
    /// Row `row` of the frame; `row` must be at least 1. `time` is its open time, which callers know: candles lie
    /// far apart in memory, and every column not touched is a cache miss saved.
    pub(crate) fn row(&self, row: usize, time: Millis) -> Row {
        let candles = self.frame.candles();
        Row {
            time,
            open: candles.open()[row],
            high: candles.high()[row],
            low: candles.low()[row],
            detail: None,
            flags: self.signals.flags()[row - 1],
            known_rows: row,
        }
    }

    /// Close of a row; hardly ever asked for.
    pub(crate) fn close(&self, row: &Row) -> f64 {
        match (row.detail, &self.detail) {
            (Some(index), Some(detail)) => detail.close()[index],
            _ => self.frame.candles().close()[row.known_rows],
        }
    }

    pub(crate) fn enter_tag(&self, row: &Row) -> &str {
        self.signals.enter_tag(row.known_rows - 1)
    }

    pub(crate) fn exit_tag(&self, row: &Row) -> &str {
        self.signals.exit_tag(row.known_rows - 1)
    }
}

/// The direction that signals ask for; contradicting ones cancel each other.
pub(crate) fn direction(flags: u8, can_short: bool) -> Option<Side> {
    let set = |bit: u8| flags & bit != 0;
    let (enter_short, exit_short) = (can_short && set(flag::ENTER_SHORT), can_short && set(flag::EXIT_SHORT));
    if set(flag::ENTER_LONG) && !set(flag::EXIT_LONG) && !enter_short {
        return Some(Side::Long);
    }
    (enter_short && !exit_short && !set(flag::ENTER_LONG)).then_some(Side::Short)
}
