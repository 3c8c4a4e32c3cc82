//! Collecting one series: what to ask for, page by page, and committing in batches.

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use tradai_domain::ports::{
    CandlePage, Committed, MarketDataSource, PortError, SeriesNotes, Span, StoredSeries, VersionChoice,
};
use tradai_domain::{CandleKind, CandleSeries, ErrorKind, Millis, SeriesKey, format_utc};

use super::outcome::{SeriesError, SeriesOutcome, SeriesState, SyncProgress};
use super::{Exchange, SyncMode, SyncPlan, absences, coverage, spans};

/// Candles of a series that are held in memory before they are committed.
pub const BATCH_ROWS: usize = 50_000;

/// Gaps that are so close, in candles, are asked for together: a request brings several hundred candles anyway.
const JOIN_GAPS: i64 = 500;

/// How often a commit is tried when the storage cannot be reached. Repeating one is safe: what is stored already
/// changes nothing.
const COMMIT_ATTEMPTS: u32 = 3;

/// How a series ended.
pub(super) enum Ended {
    Done,
    Cancelled,
}

/// Collects one series of a plan; `at` is its place there. Whatever it ends in, what was committed is stored.
pub(super) async fn sync_series(
    plan: &SyncPlan,
    at: usize,
    progress: &SyncProgress,
    cancel: &CancellationToken,
    now: impl Fn() -> Millis,
) -> Result<Ended, SeriesError> {
    let key = &plan.series[at];
    let stored = plan.exchange.candles.find(key, &VersionChoice::Latest).await?;
    check_owner(&plan.exchange, stored.as_ref())?;
    let Some(span) = plan.span(stored.as_ref().and_then(|series| series.ends).map(|(_, last)| last)) else {
        let problem = "nothing is stored yet, so that an incremental sync needs a start";
        return Err(SeriesError::new(ErrorKind::Invalid, problem));
    };
    let wanted = wanted_spans(plan, stored.as_ref(), span);
    let expected = coverage::count(&wanted, plan.timeframe);
    progress.update(at, |outcome| outcome.candles_expected = expected);
    let notes = stored.as_ref().map(|series| series.notes.clone()).unwrap_or_default();
    let ends = stored.as_ref().and_then(|series| series.ends);
    let mut batch = Batch::new(plan, key, wanted, notes, ends);
    let ended = fetch_all(&mut batch, progress, at, cancel, &now).await;
    // Also after a failure or a cancellation: what the exchange has sent need not be asked for again.
    let committed = batch.commit(progress, at, now()).await;
    let ended = ended?;
    committed?;
    batch.check_overlap().await?;
    Ok(ended)
}

/// Refuses to mix candles of two exchanges in one series.
fn check_owner(exchange: &Exchange, stored: Option<&StoredSeries>) -> Result<(), SeriesError> {
    let owner = stored.and_then(|series| series.notes.exchange.as_ref());
    match owner.filter(|owner| *owner != exchange.key()) {
        Some(owner) => {
            let problem = format!("the stored candles are of {owner}, not of {}", exchange.key());
            Err(SeriesError::new(ErrorKind::Conflict, problem))
        }
        None => Ok(()),
    }
}

/// Returns what is to be asked for, as a set.
fn wanted_spans(plan: &SyncPlan, stored: Option<&StoredSeries>, span: Span) -> Vec<Span> {
    if plan.mode == SyncMode::Repair {
        return spans::set_of(vec![span]);
    }
    let have = stored.map(coverage::stored_spans).unwrap_or_default();
    let open = spans::subtract(&spans::set_of(vec![span]), &have);
    let known = match stored {
        Some(series) if !plan.recheck => absences::settled(&series.notes.absent),
        _ => Vec::new(),
    };
    spans::subtract(&open, &known)
}

async fn fetch_all(
    batch: &mut Batch<'_>,
    progress: &SyncProgress,
    at: usize,
    cancel: &CancellationToken,
    now: &impl Fn() -> Millis,
) -> Result<Ended, SeriesError> {
    for span in batch.fetch_spans() {
        let mut next = span.start;
        while next < span.end {
            let rest = Span::new(next, span.end);
            let fetch = batch.plan.exchange.source.fetch_candles(batch.key, rest);
            let page = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(Ended::Cancelled),
                page = fetch => page?,
            };
            check_page(&*batch.plan.exchange.source, batch.key, rest, &page)?;
            next = page.answered_until;
            batch.add(&page.candles, Span::new(rest.start, next), progress, at);
            if batch.candles.len() >= BATCH_ROWS {
                batch.commit(progress, at, now()).await?;
            }
            if page.is_last {
                break;
            }
        }
    }
    Ok(Ended::Done)
}

/// Holds a source to its contract: a page that breaks it would be stored, or asked for forever.
fn check_page(
    source: &dyn MarketDataSource,
    key: &SeriesKey,
    span: Span,
    page: &CandlePage,
) -> Result<(), SeriesError> {
    let times = page.candles.open_time();
    let answered = Span::new(span.start, page.answered_until);
    let outside = times.iter().find(|&&time| !answered.contains(time));
    let problem = if page.answered_until > span.end {
        Some("answered for more than it was asked for".to_owned())
    } else if page.answered_until <= span.start && !page.is_last {
        Some(format!("did not get past {}", format_utc(span.start)))
    } else if let Some(&time) = outside {
        Some(format!("sent the candle of {}, which was not asked for", format_utc(time)))
    } else {
        let rows = 0..page.candles.len();
        let fault = rows.filter_map(|row| page.candles.row_fault(row, key.kind)).find(is_no_number);
        fault.map(|fault| format!("sent a candle that is none: {fault}"))
    };
    match problem {
        Some(problem) => Err(SeriesError::new(ErrorKind::Data, format!("{} {problem}", source.exchange()))),
        None => Ok(()),
    }
}

/// Values that make no sense are kept and shown by the quality report; what is no number cannot be.
fn is_no_number(fault: &tradai_domain::SeriesFault) -> bool {
    matches!(fault, tradai_domain::SeriesFault::NotFinite { .. })
}

/// What was fetched and is not committed yet.
struct Batch<'a> {
    plan: &'a SyncPlan,
    key: &'a SeriesKey,
    wanted: Vec<Span>,
    notes: SeriesNotes,
    /// Open time of the newest stored candle, and that candle as the exchange has it now, once it was seen.
    overlap: Option<(Millis, Option<CandleSeries>)>,
    /// From the first to the last funding rate of the series, stored or fetched, between which none is missing;
    /// `None` where there is no rate, and for candles, which keep a grid.
    gridless: Option<Span>,
    candles: CandleSeries,
    answered: Vec<Span>,
    lacking: Vec<Span>,
}

impl<'a> Batch<'a> {
    fn new(
        plan: &'a SyncPlan,
        key: &'a SeriesKey,
        wanted: Vec<Span>,
        notes: SeriesNotes,
        ends: Option<(Millis, Millis)>,
    ) -> Self {
        let newest = ends.map(|(_, last)| last);
        let gridless = ends.filter(|_| key.kind == CandleKind::FundingRate);
        let step = plan.timeframe.millis();
        Self {
            plan,
            key,
            wanted,
            notes: SeriesNotes { exchange: Some(plan.exchange.key().clone()), ..notes },
            overlap: newest.filter(|_| plan.mode != SyncMode::Repair).map(|newest| (newest, None)),
            gridless: gridless.map(|(first, last)| Span::new(first, last.saturating_add(step))),
            candles: CandleSeries::default(),
            answered: Vec::new(),
            lacking: Vec::new(),
        }
    }

    /// Returns what the exchange is asked for: the wanted spans, those close to each other as one. What follows the
    /// newest stored candle is asked for together with it, which shows whether both still tell the same story.
    fn fetch_spans(&self) -> Vec<Span> {
        let step = self.plan.timeframe.millis();
        let mut fetched = spans::coalesce(&self.wanted, step.saturating_mul(JOIN_GAPS));
        if let Some((newest, _)) = self.overlap {
            for span in fetched.iter_mut().filter(|span| span.start == newest.saturating_add(step)) {
                span.start = newest;
            }
        }
        fetched
    }

    /// Fails when the exchange has another newest candle than the one that was stored before.
    async fn check_overlap(&self) -> Result<(), SeriesError> {
        let Some((newest, Some(given))) = &self.overlap else { return Ok(()) };
        let span = Span::new(*newest, newest.saturating_add(1));
        let read = self.plan.exchange.candles.read(self.key, span, &VersionChoice::Latest).await?;
        let Some(stored) = read.map(|read| read.candles).filter(|candles| candles.len() == 1) else {
            return Ok(());
        };
        let columns = |candles: &CandleSeries| {
            [candles.open()[0], candles.high()[0], candles.low()[0], candles.close()[0], candles.volume()[0]]
        };
        let names = ["open", "high", "low", "close", "volume"];
        let pairs = names.iter().zip(columns(&stored).into_iter().zip(columns(given)));
        for (name, (stored, given)) in pairs {
            if stored.to_bits() != given.to_bits() {
                let problem = format!(
                    "the candle of {} is stored with {name} = {stored}, the exchange has {given} now; it was kept, \
                     newer candles were added, and a sync with mode `repair` takes the exchange's",
                    format_utc(*newest)
                );
                return Err(SeriesError::new(ErrorKind::Conflict, problem));
            }
        }
        Ok(())
    }

    /// Takes what the exchange has answered of a span. Candles between two gaps, which came along, are left out:
    /// they are stored already.
    fn add(&mut self, candles: &CandleSeries, answered: Span, progress: &SyncProgress, at: usize) {
        let timeframe = self.plan.timeframe;
        if let Some((newest, seen)) = &mut self.overlap
            && let Ok(row) = candles.open_time().binary_search(newest)
        {
            *seen = Some(candles.slice(row..row + 1));
        }
        let answered = spans::intersect(&self.wanted, &spans::set_of(vec![answered]));
        let mut lacking = Vec::new();
        for &span in &answered {
            let rows = candles.rows_in(span.into());
            let open = spans::between(&candles.open_time()[rows.clone()], span, timeframe.millis());
            lacking.extend(open);
            self.note_rates(&candles.open_time()[rows.clone()]);
            append_rows(&mut self.candles, candles, rows);
        }
        let count = coverage::count(&answered, timeframe);
        progress.update(at, |outcome| outcome.candles_answered += count);
        self.answered.extend(answered);
        self.lacking.extend(lacking);
    }

    fn note_rates(&mut self, times: &[Millis]) {
        if self.key.kind != CandleKind::FundingRate {
            return;
        }
        if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
            let end = last.saturating_add(self.plan.timeframe.millis());
            let known = self.gridless.unwrap_or(Span::new(first, end));
            self.gridless = Some(Span::new(known.start.min(first), known.end.max(end)));
        }
    }

    /// Commits everything that was taken since the last commit.
    async fn commit(&mut self, progress: &SyncProgress, at: usize, now: Millis) -> Result<(), SeriesError> {
        let (mut answered, lacking) = (std::mem::take(&mut self.answered), std::mem::take(&mut self.lacking));
        let candles = std::mem::take(&mut self.candles);
        // Only now is it known which rate is the first and which the last: pages show but a part. What was noted
        // between two rates, as older versions did, is forgotten as if it were answered.
        let gridless: Vec<Span> = self.gridless.into_iter().collect();
        let lacking = spans::subtract(&spans::set_of(lacking), &gridless);
        answered.extend(gridless);
        progress.update(at, |outcome| outcome.note_absent(&lacking, self.plan.timeframe));
        let absent = absences::update(&self.notes.absent, &spans::set_of(answered), &lacking, now);
        let notes_change = absent != self.notes.absent;
        if candles.is_empty() && !notes_change {
            return Ok(());
        }
        self.notes.absent = absent;
        let committed = self.store(&candles).await?;
        let rows = u64::try_from(candles.len()).unwrap_or(u64::MAX);
        progress.update(at, |outcome: &mut SeriesOutcome| {
            outcome.rows_synced += rows;
            outcome.version = (committed.version > 0).then_some(committed.version).or(outcome.version);
        });
        Ok(())
    }

    async fn store(&self, candles: &CandleSeries) -> Result<Committed, PortError> {
        let repository = &self.plan.exchange.candles;
        let mut attempt = 1;
        loop {
            let change = match self.plan.mode {
                SyncMode::Repair => repository.upsert(self.key, candles, &self.notes).boxed(),
                SyncMode::Gaps | SyncMode::Incremental => {
                    repository.append(self.key, candles, &self.notes).boxed()
                }
            };
            match change.await {
                Err(error) if error.is_transient() && attempt < COMMIT_ATTEMPTS => {
                    warn!(symbol = %self.key.symbol, attempt, %error, "a commit failed and is tried again");
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

fn append_rows(candles: &mut CandleSeries, from: &CandleSeries, rows: std::ops::Range<usize>) {
    for row in rows {
        let ohlcv =
            [from.open()[row], from.high()[row], from.low()[row], from.close()[row], from.volume()[row]];
        candles.push(from.open_time()[row], ohlcv);
    }
}

/// Turns the end of a series into its state.
pub(super) fn note_end(progress: &SyncProgress, at: usize, ended: Result<Ended, SeriesError>) {
    progress.update(at, |outcome| match ended {
        Ok(Ended::Done) => {
            // The exchange may have said that the rest has not closed yet.
            outcome.candles_expected = outcome.candles_answered;
            outcome.state = SeriesState::Done;
        }
        Ok(Ended::Cancelled) => outcome.state = SeriesState::Cancelled,
        Err(error) => {
            outcome.state = SeriesState::Failed;
            outcome.error = Some(error);
        }
    });
}
