//! A series against an exchange that is made up, whose truth is known.

use proptest::prelude::*;

use super::*;

const STEP: Millis = 60_000;

fn candle(minute: i64, close: i64) -> Candle {
    // Far below 2^53: the conversion is exact.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let close = close as f64;
    Candle { open_time: minute * STEP, open: 1.0, high: close, low: 1.0, close, volume: Some(close) }
}

fn minutes(events: &[CandleEvent]) -> Vec<String> {
    let minute = |at: &Millis| at / STEP;
    let text = |event: &CandleEvent| match event {
        CandleEvent::Closed(candle) => format!("{}={}", minute(&candle.open_time), candle.close),
        CandleEvent::Missing(from, until) => format!("{}..{}", minute(from), minute(until)),
        CandleEvent::Corrected { candle, told } => {
            let told = told.map_or("gap".to_owned(), |told| told.close.to_string());
            format!("{}:{told}->{}", minute(&candle.open_time), candle.close)
        }
    };
    events.iter().map(text).collect()
}

/// A series, and what it has told.
struct Told(CandleTracker, Vec<CandleEvent>);

impl Told {
    fn new(since: Option<i64>) -> Self {
        Self(CandleTracker::new(STEP, since.map(|minute| minute * STEP)), Vec::new())
    }

    fn forms(&mut self, minute: i64, close: i64) -> &mut Self {
        self.0.heard(candle(minute, close), false, &mut self.1);
        self
    }

    fn closes(&mut self, minute: i64, close: i64) -> &mut Self {
        self.0.heard(candle(minute, close), true, &mut self.1);
        self
    }

    fn rest(&mut self, rows: &[(i64, i64)]) -> &mut Self {
        let rows: Vec<Candle> = rows.iter().map(|(minute, close)| candle(*minute, *close)).collect();
        self.0.answered(&rows, 1_000, &mut self.1);
        self
    }
}

#[test]
fn a_candle_that_forms_is_not_told_and_a_closed_one_is_told_once() {
    let mut told = Told::new(None);
    told.forms(5, 10).forms(5, 11);
    assert!(told.1.is_empty());
    told.closes(5, 12).closes(5, 12).forms(5, 11).forms(6, 1);
    assert_eq!(minutes(&told.1), ["5=12"]);
    assert!(told.0.is_settled());
}

#[test]
fn a_successor_proves_the_close_and_rest_says_what_it_was() {
    let mut told = Told::new(None);
    told.forms(5, 10).forms(6, 1);
    assert!(told.1.is_empty(), "the last word heard on it may lack its last trades");
    assert_eq!(told.0.wanted(0), Some(4 * STEP));
    told.rest(&[(5, 10)]);
    assert!(told.1.is_empty(), "REST has not seen its end either");
    told.rest(&[(4, 9), (5, 12), (6, 1)]);
    assert_eq!(minutes(&told.1), ["5=12"]);
    assert_eq!(told.0.wanted(0), None);
}

#[test]
fn a_hole_is_filled_before_what_comes_after_it() {
    let mut told = Told::new(None);
    told.closes(5, 1).closes(8, 4).closes(7, 3);
    assert_eq!(minutes(&told.1), ["5=1"]);
    told.rest(&[(5, 1), (6, 2), (7, 30), (8, 4), (9, 1)]);
    assert_eq!(minutes(&told.1), ["5=1", "6=2", "7=3", "8=4"]);
}

#[test]
fn what_rest_never_has_is_a_gap_at_its_place_and_may_come_late() {
    let mut told = Told::new(None);
    told.closes(5, 1).closes(8, 4);
    for _ in 0..MAX_TRIES {
        assert_eq!(minutes(&told.1), ["5=1"]);
        told.rest(&[(5, 1), (8, 4), (9, 1)]);
    }
    assert_eq!(minutes(&told.1), ["5=1", "6..8", "8=4"]);
    told.closes(7, 3).closes(7, 3);
    assert_eq!(minutes(&told.1)[3..], ["7:gap->3"]);
}

#[test]
fn a_series_begins_with_the_candle_that_forms_when_it_is_subscribed() {
    let mut told = Told::new(None);
    told.0.recover();
    assert_eq!(told.0.wanted(9 * STEP), Some(6 * STEP));
    told.rest(&[(6, 1), (7, 1), (8, 1)]);
    assert!(told.0.is_settled() && told.1.is_empty());
    // Its end is not heard.
    told.forms(9, 1).rest(&[(7, 1), (8, 5), (9, 1)]);
    assert_eq!(minutes(&told.1), ["8=5"]);
}

#[test]
fn a_late_correction_is_reported_as_one() {
    let mut told = Told::new(None);
    told.closes(5, 1).closes(6, 2).closes(5, 7).closes(5, 7);
    assert_eq!(minutes(&told.1), ["5=1", "6=2", "5:1->7"]);
}

#[test]
fn after_an_outage_nothing_is_told_before_rest_has_answered() {
    let mut told = Told::new(None);
    told.closes(5, 1);
    told.0.recover();
    told.closes(8, 4);
    assert!(!told.0.is_settled());
    told.rest(&[]);
    assert_eq!(minutes(&told.1), ["5=1"], "an empty answer is no answer: the last candle told must be there");
    told.rest(&[(5, 9), (6, 2), (7, 3), (8, 4), (9, 5)]);
    assert_eq!(minutes(&told.1), ["5=1", "5:1->9", "6=2", "7=3", "8=4"]);
    assert!(told.0.is_settled());
}

/// An exchange that had no candle at first: those answers say nothing of candles that come later.
#[test]
fn answers_before_the_beginning_are_no_tries_of_the_first_hole() {
    let mut told = Told::new(None);
    told.0.recover();
    for _ in 1..MAX_TRIES {
        told.rest(&[]);
    }
    told.forms(5, 1).forms(6, 2);
    for _ in 1..MAX_TRIES {
        told.rest(&[]);
    }
    assert!(told.1.is_empty(), "{:?}", minutes(&told.1));
    told.rest(&[(5, 3), (6, 4)]);
    assert_eq!(minutes(&told.1), ["5=3"]);
}

#[test]
fn a_start_in_the_past_comes_page_by_page() {
    let mut told = Told::new(Some(0));
    let page = |from: i64| -> Vec<Candle> { (from..from + 1_000).map(|minute| candle(minute, 1)).collect() };
    told.0.answered(&page(0), 1_000, &mut told.1);
    assert_eq!((told.1.len(), told.0.is_settled()), (999, false));
    assert_eq!(told.0.wanted(0), Some(998 * STEP));
    told.0.answered(&page(998)[..7], 1_000, &mut told.1);
    assert_eq!((told.1.len(), told.0.is_settled()), (1_004, true));
}

/// What happens to the next message of the socket, or beside it.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    IsLost,
    ComesTwice,
    /// After so many others.
    ComesLate(usize),
    /// The socket breaks and comes back after so many messages.
    Breaks(usize),
    Rest(Quality),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quality {
    Sound,
    Fails,
    Empty,
    /// The two latest rows are not there yet.
    Lags,
    /// A row is left out.
    Misses(usize),
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let quality = prop_oneof![
        3 => Just(Quality::Sound),
        1 => Just(Quality::Fails),
        1 => Just(Quality::Empty),
        1 => Just(Quality::Lags),
        1 => (0..9_usize).prop_map(Quality::Misses),
    ];
    let fate = prop_oneof![
        6 => Just(Fate::Arrives),
        2 => Just(Fate::IsLost),
        1 => Just(Fate::ComesTwice),
        2 => (1..9_usize).prop_map(Fate::ComesLate),
        1 => (1..30_usize).prop_map(Fate::Breaks),
        3 => quality.prop_map(Fate::Rest),
    ];
    prop::collection::vec(fate, 1..250)
}

/// The exchange: three messages per candle, the last of which closes it; none of those that `halted` names.
struct Exchange {
    minute: i64,
    part: i64,
    halted: Vec<i64>,
}

impl Exchange {
    fn closed(minute: i64) -> Candle {
        candle(minute, minute * 10 + 3)
    }

    fn is_there(&self, minute: i64) -> bool {
        minute >= 0 && !self.halted.contains(&minute)
    }

    fn next_message(&mut self) -> (Candle, bool) {
        if self.part == 3 {
            (self.minute, self.part) = (self.minute + 1, 0);
        }
        while !self.is_there(self.minute) {
            self.minute += 1;
        }
        self.part += 1;
        (candle(self.minute, self.minute * 10 + self.part), self.part == 3)
    }

    fn rows(&self, since: Millis, quality: Quality) -> Vec<Candle> {
        let from = since.div_euclid(STEP).max(0);
        let mut rows: Vec<Candle> =
            (from..self.minute).filter(|minute| self.is_there(*minute)).map(Self::closed).collect();
        if self.part > 0 {
            rows.push(candle(self.minute, self.minute * 10 + self.part));
        }
        match quality {
            Quality::Empty => rows.clear(),
            Quality::Lags => rows.truncate(rows.len().saturating_sub(2)),
            Quality::Misses(at) if at < rows.len() => drop(rows.remove(at)),
            _ => {}
        }
        rows
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_closed_candle_is_told_once_in_order_as_the_exchange_has_it(
        fates in fates(),
        halted in prop::collection::vec(2..60_i64, 0..6),
    ) {
        let mut exchange = Exchange { minute: 0, part: 0, halted };
        let mut told = Told::new(None);
        told.0.recover();
        let mut late: Vec<(usize, (Candle, bool))> = Vec::new();
        let (mut down_for, mut poor) = (0_usize, 0);
        for fate in fates {
            if let Fate::Rest(quality) = fate {
                // So many poor answers in a row would count as the exchange not having it.
                let quality = if poor >= 3 { Quality::Sound } else { quality };
                poor = if quality == Quality::Sound { 0 } else { poor + 1 };
                if let Some(since) = told.0.wanted(exchange.minute * STEP).filter(|_| quality != Quality::Fails) {
                    told.0.answered(&exchange.rows(since, quality), 1_000, &mut told.1);
                }
                continue;
            }
            let message = exchange.next_message();
            if down_for > 0 {
                down_for -= 1;
                if down_for == 0 {
                    late.clear();
                    told.0.recover();
                }
                continue;
            }
            let copies = match fate {
                Fate::Arrives => 1,
                Fate::ComesTwice => 2,
                Fate::ComesLate(by) => { late.push((by, message)); 0 }
                Fate::Breaks(by) => { down_for = by; 0 }
                Fate::IsLost | Fate::Rest(_) => 0,
            };
            for _ in 0..copies {
                told.0.heard(message.0, message.1, &mut told.1);
            }
            late.iter_mut().for_each(|(by, _)| *by = by.saturating_sub(1));
            for (_, (candle, is_closed)) in late.extract_if(.., |(by, _)| *by == 0) {
                told.0.heard(candle, is_closed, &mut told.1);
            }
        }
        // In the end the network is well.
        told.0.recover();
        let (candle, is_closed) = exchange.next_message();
        told.0.heard(candle, is_closed, &mut told.1);
        for _ in 0..100 {
            let Some(since) = told.0.wanted(exchange.minute * STEP) else { break };
            told.0.answered(&exchange.rows(since, Quality::Sound), 1_000, &mut told.1);
        }
        prop_assert!(told.0.is_settled());

        let mut next: Option<i64> = None;
        for event in &told.1 {
            match *event {
                CandleEvent::Closed(candle) => {
                    let minute = candle.open_time / STEP;
                    prop_assert_eq!(candle, Exchange::closed(minute));
                    prop_assert_eq!(next.unwrap_or(minute), minute);
                    next = Some(minute + 1);
                }
                CandleEvent::Missing(from, until) => {
                    let (from, until) = (from / STEP, until / STEP);
                    prop_assert_eq!(next.unwrap_or(from), from);
                    prop_assert!((from..until).all(|minute| !exchange.is_there(minute)), "{}..{}", from, until);
                    next = Some(until);
                }
                CandleEvent::Corrected { .. } => prop_assert!(false, "nothing was corrected: {:?}", event),
            }
        }
        let closed = exchange.minute + i64::from(exchange.part == 3);
        if let Some(next) = next {
            let left = (next..closed).filter(|minute| exchange.is_there(*minute)).count();
            prop_assert_eq!(left, 0, "told up to {}, closed up to {}", next, closed);
        }
    }

    #[test]
    fn memory_is_bounded_whatever_the_exchange_says(
        told in prop::collection::vec((any::<i64>(), any::<bool>()), 1..300),
        far in 0..1_000_000_i64,
    ) {
        let mut series = CandleTracker::new(STEP, None);
        let mut events = Vec::new();
        series.heard(candle(0, 1), true, &mut events);
        for (at, is_closed) in told {
            series.heard(Candle { open_time: at, ..candle(0, 1) }, is_closed, &mut events);
        }
        for minute in far..far + 3 * 2_000 {
            series.heard(candle(minute, 1), true, &mut events);
        }
        prop_assert!(series.held.len() <= MAX_HELD + 1 && series.told.len() <= REMEMBERED);
    }
}
