//! What is wrong with stored candles, found by reading them.

use tradai_domain::ports::{Span, VersionChoice};
use tradai_domain::{CandleSeries, Millis, SeriesFault, SeriesKey, Timeframe};

use super::Exchange;
use crate::Error;

/// Candles that are read at a time.
const CHUNK_ROWS: i64 = 100_000;

/// Faults that a report shows; all of them are counted.
const LISTED_FAULTS: usize = 20;

/// A close-to-close move beyond this fraction is counted as a jump.
const JUMP: f64 = 0.5;

/// One fault of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityFault {
    /// Open time of the row.
    pub open_time: Millis,
    /// What is wrong.
    pub reason: String,
}

/// What reading a series found.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// The series.
    pub key: SeriesKey,
    /// The version that was read.
    pub version: u64,
    /// The span that was read.
    pub span: Span,
    /// Candles read.
    pub rows: u64,
    /// Candles missing between the first and the last.
    pub missing: u64,
    /// Rows whose values contradict each other, such as a high below the low.
    pub impossible: u64,
    /// Rows that open off the timeframe's grid.
    pub off_grid: u64,
    /// Candles in which nothing was traded.
    pub zero_volume: u64,
    /// Candles whose four prices are equal.
    pub flat: u64,
    /// Candles that close more than 50 % away from the one before.
    pub jumps: u64,
    /// The first 20 faulty rows.
    pub faults: Vec<QualityFault>,
}

impl Quality {
    /// Returns the share of candles, those missing included, that nothing is wrong with; 1 when there is none.
    #[must_use]
    pub fn score(&self) -> f64 {
        let faulty = self.missing + self.impossible + self.off_grid;
        let all = self.rows + self.missing;
        if all == 0 {
            return 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let score = 1.0 - faulty as f64 / all as f64;
        score.max(0.0)
    }

    fn note(&mut self, open_time: Millis, reason: impl Into<String>) {
        if self.faults.len() < LISTED_FAULTS {
            self.faults.push(QualityFault { open_time, reason: reason.into() });
        }
    }

    /// Adds what a chunk shows, given the close of the candle before it.
    fn add(&mut self, candles: &CandleSeries, before: Option<(Millis, f64)>) {
        let mut before = before;
        for row in 0..candles.len() {
            let (time, close) = (candles.open_time()[row], candles.close()[row]);
            self.rows += 1;
            match candles.row_fault(row, self.key.kind) {
                Some(fault) => {
                    self.impossible += 1;
                    self.note(time, fault_text(&fault));
                }
                None => self.add_shape(candles, row),
            }
            if self.key.timeframe.floor(time) != time {
                self.off_grid += 1;
                self.note(time, "opens off the grid of the timeframe");
            }
            if let Some((last, last_close)) = before {
                self.add_step(Step { last, last_close, time, close });
            }
            before = Some((time, close));
        }
    }

    fn add_shape(&mut self, candles: &CandleSeries, row: usize) {
        if candles.volume()[row] == 0.0 {
            self.zero_volume += 1;
        }
        if candles.high()[row].to_bits() == candles.low()[row].to_bits() {
            self.flat += 1;
        }
    }

    fn add_step(&mut self, step: Step) {
        if self.key.kind == tradai_domain::CandleKind::FundingRate {
            return;
        }
        let missing = (step.time - step.last) / self.key.timeframe.millis() - 1;
        if let Ok(missing @ 1..) = u64::try_from(missing) {
            self.missing += missing;
            self.note(step.time, format!("{missing} candles are missing before it"));
        }
        let change = step.close / step.last_close - 1.0;
        if change.abs() > JUMP {
            self.jumps += 1;
            self.note(step.time, format!("closes {:+.1} % away from the candle before", change * 100.0));
        }
    }
}

/// From one candle to the next.
#[derive(Clone, Copy)]
struct Step {
    last: Millis,
    last_close: f64,
    time: Millis,
    close: f64,
}

/// The fault without its row number, which counts within a chunk.
fn fault_text(fault: &SeriesFault) -> String {
    match fault {
        SeriesFault::Impossible { what, .. } => what.clone(),
        SeriesFault::NotFinite { column, value, .. } => format!("{column} is {value}"),
        other => other.to_string(),
    }
}

/// Reads a series chunk by chunk, all of one version.
pub(super) async fn examine(
    exchange: &Exchange,
    key: &SeriesKey,
    start: Option<Millis>,
    end: Option<Millis>,
) -> Result<Option<Quality>, Error> {
    let Some(stored) = exchange.candles.find(key, &VersionChoice::Latest).await? else { return Ok(None) };
    let step = key.timeframe.millis();
    let whole =
        stored.ends.map_or(Span::new(0, 0), |(first, last)| Span::new(first, last.saturating_add(step)));
    let span = whole.intersect(Span::new(start.unwrap_or(whole.start), end.unwrap_or(whole.end)));
    let mut quality = Quality {
        key: key.clone(),
        version: stored.version,
        span,
        rows: 0,
        missing: 0,
        impossible: 0,
        off_grid: 0,
        zero_volume: 0,
        flat: 0,
        jumps: 0,
        faults: Vec::new(),
    };
    let version = VersionChoice::Number(stored.version);
    let mut before = None;
    for chunk in chunks(span, key.timeframe) {
        let Some(read) = exchange.candles.read(key, chunk, &version).await? else { break };
        quality.add(&read.candles, before);
        let last = read.candles.open_time().last().copied().zip(read.candles.close().last().copied());
        before = last.or(before);
    }
    Ok(Some(quality))
}

fn chunks(span: Span, timeframe: Timeframe) -> impl Iterator<Item = Span> {
    let length = timeframe.millis().saturating_mul(CHUNK_ROWS);
    let mut next = span.start;
    std::iter::from_fn(move || {
        let chunk = Span::new(next, next.saturating_add(length).min(span.end));
        next = chunk.end;
        (!chunk.is_empty()).then_some(chunk)
    })
}
