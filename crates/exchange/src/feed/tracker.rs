//! The series of one line: frames and REST in, items out, and what is wanted of REST.
//!
//! Pure. REST is asked for one thing per series at a time; what fails is asked again after a pause that doubles.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use tradai_domain::{Millis, Symbol, Timeframe};

use crate::Error;
use crate::feed::binance::Told;
use crate::feed::book_ticker::BookTickerTracker;
use crate::feed::candles::{CandleEvent, CandleTracker};
use crate::feed::trades::{TradeEvent, TradeTracker};
use crate::feed::{BookTicker, FeedItem, Missing, PublicTrade, Stream, Subscription};
use crate::model::Candle;

/// Rows asked for at a time: what every exchange has on a page.
pub(crate) const PAGE: u32 = 1_000;
/// First pause before REST is asked again; it doubles up to the longest.
const FIRST_PAUSE_MS: Millis = 250;
const LONGEST_PAUSE_MS: Millis = 30_000;
/// Requests under way at a time.
const MAX_UNDER_WAY: usize = 4;

/// A question for REST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Name of the stream.
    pub(crate) name: String,
    /// Tells questions apart that a series was removed and added between.
    pub(crate) number: u64,
    pub(crate) what: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Candles(Symbol, Timeframe, Millis),
    Trades(Symbol, u64, Millis),
}

/// What REST said.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Candles(Vec<Candle>),
    Trades(Vec<PublicTrade>),
}

#[derive(Debug)]
enum Series {
    Candles(CandleTracker),
    Trades(TradeTracker),
    BookTicker(BookTickerTracker),
}

#[derive(Debug)]
struct Entry {
    stream: Stream,
    series: Series,
    is_carried: bool,
    is_live: bool,
    /// Whether the socket has brought too little of it for too long.
    is_stale: bool,
    last_frame: Millis,
    /// The question under way.
    question: Option<u64>,
    ask_due: Millis,
    failures: u32,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Tracker {
    entries: BTreeMap<String, Entry>,
    max_silence_ms: Millis,
    questions: u64,
    under_way: usize,
    /// REST had candles that the socket did not bring.
    is_behind: bool,
}

impl Tracker {
    pub(crate) fn new(max_silence: Duration) -> Self {
        Self {
            entries: BTreeMap::new(),
            max_silence_ms: Millis::try_from(max_silence.as_millis()).unwrap_or(Millis::MAX),
            questions: 0,
            under_way: 0,
            is_behind: false,
        }
    }

    pub(crate) fn add(&mut self, name: String, subscription: Subscription, now: Millis) {
        let series = match &subscription.stream {
            Stream::Candles { timeframe, .. } => {
                Series::Candles(CandleTracker::new(timeframe.millis(), subscription.since))
            }
            Stream::Trades { .. } => Series::Trades(TradeTracker::default()),
            Stream::BookTicker { .. } => Series::BookTicker(BookTickerTracker::default()),
        };
        self.entries.entry(name).or_insert(Entry {
            stream: subscription.stream,
            series,
            is_carried: false,
            is_live: false,
            is_stale: false,
            last_frame: now,
            question: None,
            ask_due: now,
            failures: 0,
        });
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.entries.remove(name);
    }

    pub(crate) fn streams(&self) -> Vec<Stream> {
        self.entries.values().map(|entry| entry.stream.clone()).collect()
    }

    /// Returns the streams of these names.
    pub(crate) fn streams_of(&self, names: &[String]) -> Vec<Stream> {
        let known = names.iter().filter_map(|name| self.entries.get(name));
        known.map(|entry| entry.stream.clone()).collect()
    }

    /// The socket brought data; that of streams that nobody wants is left out.
    pub(crate) fn heard(&mut self, name: &str, told: Told, now: Millis, items: &mut Vec<FeedItem>) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        (entry.last_frame, entry.is_stale) = (now, false);
        entry.hear(told, items);
        entry.tell_live(items);
    }

    /// The exchange sends these streams, after it did not: what was missed comes first.
    pub(crate) fn carried(&mut self, names: &[String], now: Millis, items: &mut Vec<FeedItem>) {
        for name in names {
            let Some(entry) = self.entries.get_mut(name) else { continue };
            entry.is_carried = true;
            entry.last_frame = now;
            entry.recover(now);
            entry.tell_live(items);
        }
    }

    /// The exchange sends these streams no more.
    pub(crate) fn lost(&mut self, names: &[String]) {
        for name in names {
            if let Some(entry) = self.entries.get_mut(name) {
                (entry.is_carried, entry.is_live, entry.is_stale) = (false, false, false);
            }
        }
    }

    /// Returns what to ask of REST now.
    pub(crate) fn questions(&mut self, now: Millis) -> Vec<Question> {
        let mut questions = Vec::new();
        for (name, entry) in &mut self.entries {
            if self.under_way == MAX_UNDER_WAY {
                break;
            }
            let Some(what) = entry.wanted(now).filter(|_| entry.is_askable() && now >= entry.ask_due) else {
                continue;
            };
            self.questions += 1;
            self.under_way += 1;
            entry.question = Some(self.questions);
            questions.push(Question { name: name.clone(), number: self.questions, what });
        }
        questions
    }

    /// REST answered a question, or could not.
    pub(crate) fn answered(
        &mut self,
        question: &Question,
        answer: Result<Answer, Error>,
        now: Millis,
        items: &mut Vec<FeedItem>,
    ) {
        self.under_way = self.under_way.saturating_sub(1);
        let Some(entry) = self.entries.get_mut(&question.name) else { return };
        if entry.question != Some(question.number) {
            return;
        }
        entry.question = None;
        let before = items.len();
        match answer {
            Ok(answer) => {
                entry.take_answer(answer, items);
                self.is_behind |= entry.is_stale && items.len() > before;
                // An answer that brings nothing to who still waits is no better than none.
                let helped = items.len() > before || entry.wanted(now).is_none();
                entry.failures = if helped { 0 } else { entry.failures.saturating_add(1) };
            }
            Err(_) => entry.failures = entry.failures.saturating_add(1),
        }
        entry.ask_due = now.saturating_add(pause(entry.failures));
        entry.tell_live(items);
    }

    /// A question has ended without an answer, and it is not known which.
    pub(crate) fn forget_questions(&mut self, now: Millis) {
        self.under_way = 0;
        for entry in self.entries.values_mut().filter(|entry| entry.question.is_some()) {
            entry.question = None;
            entry.failures = entry.failures.saturating_add(1);
            entry.ask_due = now.saturating_add(pause(entry.failures));
        }
    }

    /// Finds candle series of which the socket has brought nothing for two candles: REST is asked in its stead.
    pub(crate) fn find_stale(&mut self, now: Millis, items: &mut Vec<FeedItem>) {
        for entry in self.entries.values_mut() {
            if entry.stale_due(self.max_silence_ms).is_none_or(|due| now < due) {
                continue;
            }
            let silent_ms = now.saturating_sub(entry.last_frame);
            if !entry.is_stale {
                let silent_for = Duration::from_millis(silent_ms.unsigned_abs());
                items.push(FeedItem::Stale { streams: vec![entry.stream.clone()], silent_for });
            }
            (entry.is_stale, entry.is_live) = (true, false);
            // Asked again after as long a silence.
            entry.last_frame = now;
            entry.recover(now);
        }
    }

    /// Returns, once, whether REST had candles that a silent stream should have brought.
    pub(crate) fn take_behind(&mut self) -> bool {
        std::mem::take(&mut self.is_behind)
    }

    /// Returns when there is something to ask or to look at again.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        let has_room = self.under_way < MAX_UNDER_WAY;
        let due = |entry: &Entry| {
            let asks = has_room && entry.is_askable() && entry.wanted(0).is_some();
            [asks.then_some(entry.ask_due), entry.stale_due(self.max_silence_ms)].into_iter().flatten().min()
        };
        self.entries.values().filter_map(due).min()
    }
}

impl Entry {
    fn hear(&mut self, told: Told, items: &mut Vec<FeedItem>) {
        let symbol = self.stream.symbol().clone();
        match (&mut self.series, told) {
            (Series::Candles(series), Told::Kline { candle, is_closed }) => {
                let mut events = Vec::new();
                series.heard(candle, is_closed, &mut events);
                self.tell_candles(events, items);
            }
            (Series::Trades(series), Told::Trade { id, timestamp, side, price, amount }) => {
                let mut events = Vec::new();
                series.heard(PublicTrade { symbol, id, timestamp, side, price, amount }, &mut events);
                self.tell_trades(events, items);
            }
            (
                Series::BookTicker(series),
                Told::BookTicker { update_id, bid, bid_amount, ask, ask_amount },
            ) => {
                let ticker = BookTicker { symbol, update_id, bid, bid_amount, ask, ask_amount };
                items.extend(series.heard(ticker).map(FeedItem::BookTicker));
            }
            // A name says what comes under it.
            _ => {}
        }
    }

    fn take_answer(&mut self, answer: Answer, items: &mut Vec<FeedItem>) {
        let limit = PAGE as usize;
        match (&mut self.series, answer) {
            (Series::Candles(series), Answer::Candles(rows)) => {
                let mut events = Vec::new();
                series.answered(&rows, limit, &mut events);
                self.tell_candles(events, items);
            }
            (Series::Trades(series), Answer::Trades(trades)) => {
                let mut events = Vec::new();
                series.answered(trades, limit, &mut events);
                self.tell_trades(events, items);
            }
            _ => {}
        }
    }

    fn tell_candles(&self, events: Vec<CandleEvent>, items: &mut Vec<FeedItem>) {
        let Stream::Candles { symbol, timeframe } = &self.stream else { return };
        items.extend(events.into_iter().map(|event| match event {
            CandleEvent::Closed(candle) => {
                FeedItem::Candle { symbol: symbol.clone(), timeframe: *timeframe, candle }
            }
            CandleEvent::Corrected { candle, told } => {
                FeedItem::Correction { symbol: symbol.clone(), timeframe: *timeframe, candle, told }
            }
            CandleEvent::Missing(from, until) => {
                FeedItem::Gap { stream: self.stream.clone(), missing: Missing::Candles { from, until } }
            }
        }));
    }

    fn tell_trades(&self, events: Vec<TradeEvent>, items: &mut Vec<FeedItem>) {
        items.extend(events.into_iter().map(|event| match event {
            TradeEvent::Trade(trade) => FeedItem::Trade(trade),
            TradeEvent::Missing(from, until) => {
                FeedItem::Gap { stream: self.stream.clone(), missing: Missing::Trades { from, until } }
            }
        }));
    }

    /// Tells once that a series is up to date and fed.
    fn tell_live(&mut self, items: &mut Vec<FeedItem>) {
        let is_settled = match &self.series {
            Series::Candles(series) => series.is_settled(),
            Series::Trades(series) => series.is_settled(),
            Series::BookTicker(_) => true,
        };
        if self.is_carried && !self.is_live && !self.is_stale && is_settled {
            self.is_live = true;
            items.push(FeedItem::Live { stream: self.stream.clone() });
        }
    }

    fn recover(&mut self, now: Millis) {
        match &mut self.series {
            Series::Candles(series) => series.recover(),
            Series::Trades(series) => series.recover(),
            Series::BookTicker(series) => series.recover(),
        }
        (self.ask_due, self.failures) = (now, 0);
    }

    fn is_askable(&self) -> bool {
        self.is_carried && self.question.is_none()
    }

    fn wanted(&self, now: Millis) -> Option<Wanted> {
        match (&self.series, &self.stream) {
            (Series::Candles(series), Stream::Candles { symbol, timeframe }) => {
                series.wanted(now).map(|since| Wanted::Candles(symbol.clone(), *timeframe, since))
            }
            (Series::Trades(series), Stream::Trades { symbol }) => {
                series.wanted().map(|(from, since)| Wanted::Trades(symbol.clone(), from, since))
            }
            _ => None,
        }
    }

    fn stale_due(&self, max_silence_ms: Millis) -> Option<Millis> {
        let Stream::Candles { timeframe, .. } = &self.stream else { return None };
        let patience = timeframe.millis().saturating_mul(2).max(max_silence_ms);
        self.is_carried.then(|| self.last_frame.saturating_add(patience))
    }
}

/// None after an answer that brought something: there may be another page.
fn pause(failures: u32) -> Millis {
    match failures.checked_sub(1) {
        None => 0,
        Some(doublings) => (FIRST_PAUSE_MS << doublings.min(16)).min(LONGEST_PAUSE_MS),
    }
}
