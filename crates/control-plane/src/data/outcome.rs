//! What becomes of a sync: progress while it runs, and the result.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tradai_domain::ports::{ExchangeKey, PortError, Span};
use tradai_domain::{ErrorKind, Millis, SeriesKey, Timeframe};

use super::{SyncMode, SyncPlan};

/// Absences of one series that a result lists; all of them are counted.
const LISTED_ABSENCES: usize = 20;

/// How far a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeriesState {
    /// Others are collected first.
    Waiting,
    /// It is being collected.
    Running,
    /// All of it is stored.
    Done,
    /// It could not be collected to the end; what was is stored.
    Failed,
    /// It was stopped before its end; what was collected is stored.
    Cancelled,
}

impl SeriesState {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns whether nothing more will happen.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// Why a series could not be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesError {
    /// What to do about it.
    pub kind: ErrorKind,
    /// What went wrong.
    pub message: String,
    /// When to come back, where the exchange said so.
    pub retry_after: Option<Duration>,
}

impl SeriesError {
    /// Returns an error of this kind.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}

impl From<PortError> for SeriesError {
    fn from(error: PortError) -> Self {
        Self { kind: error.kind, retry_after: error.retry_after, message: error.message }
    }
}

/// What became of one series so far.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesOutcome {
    /// The series.
    pub key: SeriesKey,
    /// How far it is.
    pub state: SeriesState,
    /// Candles to be asked for: those missing when it began, and once it is done those that had closed; 0 before.
    pub candles_expected: u64,
    /// How many of them the exchange has answered for, with a candle or without.
    pub candles_answered: u64,
    /// Candles that were committed.
    pub rows_synced: u64,
    /// The version that holds them; `None` when nothing was committed.
    pub version: Option<u64>,
    /// Candles that the exchange turned out not to have.
    pub candles_absent: u64,
    /// Where it has none: the first 20 spans.
    pub absent: Vec<Span>,
    /// Why it failed.
    pub error: Option<SeriesError>,
}

impl SeriesOutcome {
    fn waiting(key: &SeriesKey) -> Self {
        Self {
            key: key.clone(),
            state: SeriesState::Waiting,
            candles_expected: 0,
            candles_answered: 0,
            rows_synced: 0,
            version: None,
            candles_absent: 0,
            absent: Vec::new(),
            error: None,
        }
    }

    /// Notes what the exchange lacks of an answered stretch.
    pub(super) fn note_absent(&mut self, lacking: &[Span], timeframe: Timeframe) {
        self.candles_absent += super::coverage::count(lacking, timeframe);
        let room = LISTED_ABSENCES.saturating_sub(self.absent.len());
        self.absent.extend(lacking.iter().take(room));
    }
}

/// The state of every series of a running sync. Shared between who collects and who looks.
#[derive(Debug)]
pub struct SyncProgress(Mutex<Vec<SeriesOutcome>>);

impl SyncProgress {
    /// Returns the progress of a plan of which nothing is done.
    #[must_use]
    pub fn new(plan: &SyncPlan) -> Self {
        Self(Mutex::new(plan.series.iter().map(SeriesOutcome::waiting).collect()))
    }

    /// Returns how far every series is, in the plan's order.
    #[must_use]
    pub fn outcomes(&self) -> Vec<SeriesOutcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, at: usize, change: impl FnOnce(&mut SeriesOutcome)) {
        let mut outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = outcomes.get_mut(at) {
            change(outcome);
        }
    }
}

/// What a sync came to.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncResult {
    /// The exchange.
    pub exchange: ExchangeKey,
    /// The length of the candles.
    pub timeframe: Timeframe,
    /// Which part of the span was asked for.
    pub mode: SyncMode,
    /// Where the span starts; `None` where every series started after its own newest candle.
    pub start: Option<Millis>,
    /// Where it ends, exclusive.
    pub end: Millis,
    /// Series that were collected to the end.
    pub symbols_synced: usize,
    /// Candles that were committed, those of failed series too.
    pub rows_synced: u64,
    /// Every series, in the order of the request.
    pub series: Vec<SeriesOutcome>,
}

impl SyncResult {
    /// Sums up how far a plan is.
    #[must_use]
    pub fn of(plan: &SyncPlan, progress: &SyncProgress) -> Self {
        let series = progress.outcomes();
        Self {
            exchange: plan.exchange.key().clone(),
            timeframe: plan.timeframe,
            mode: plan.mode,
            start: plan.start,
            end: plan.end,
            symbols_synced: series.iter().filter(|series| series.state == SeriesState::Done).count(),
            rows_synced: series.iter().map(|series| series.rows_synced).sum(),
            series,
        }
    }

    /// Returns the series that failed.
    pub fn failed(&self) -> impl Iterator<Item = (&SeriesOutcome, &SeriesError)> {
        self.series.iter().filter_map(|series| Some((series, series.error.as_ref()?)))
    }
}
