//! One stream of candles, from subscription over silence to REST and back.

use super::*;
use crate::ErrorClass;

const MINUTE: Millis = 60_000;
const NAME: &str = "btcusdt@kline_1m";

fn candle(minute: i64) -> Candle {
    let open_time = minute * MINUTE;
    Candle { open_time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: Some(1.0) }
}

fn kline(minute: i64, is_closed: bool) -> Told {
    Told::Kline { candle: candle(minute), is_closed }
}

fn names(items: &[FeedItem]) -> Vec<String> {
    let name = |item: &FeedItem| match item {
        FeedItem::Candle { candle, .. } => (candle.open_time / MINUTE).to_string(),
        FeedItem::Live { .. } => "live".to_owned(),
        FeedItem::Stale { silent_for, .. } => format!("stale {}", silent_for.as_secs()),
        other => format!("{other:?}"),
    };
    items.iter().map(name).collect()
}

/// A tracker of one stream that is carried, live and has told minute 9; and what it tells from then on.
fn live() -> (Tracker, Vec<FeedItem>) {
    let mut tracker = Tracker::new(Duration::from_secs(25));
    let mut items = Vec::new();
    let stream = Stream::Candles { symbol: "BTC/USDT".parse().unwrap(), timeframe: Timeframe::M1 };
    tracker.add(NAME.to_owned(), stream.into(), 9 * MINUTE);
    assert!(tracker.questions(9 * MINUTE).is_empty(), "not before the socket brings it");
    tracker.carried(&[NAME.to_owned()], 9 * MINUTE, &mut items);
    answer(&mut tracker, 9 * MINUTE, &[7, 8, 9], &mut items);
    tracker.heard(NAME, kline(9, true), 10 * MINUTE, &mut items);
    assert_eq!(names(&items), ["live", "9"]);
    (tracker, Vec::new())
}

fn ask(tracker: &mut Tracker, now: Millis) -> Question {
    tracker.questions(now).pop().expect("something is asked")
}

fn answer(tracker: &mut Tracker, now: Millis, minutes: &[i64], items: &mut Vec<FeedItem>) {
    let question = ask(tracker, now);
    let rows = minutes.iter().map(|minute| candle(*minute)).collect();
    tracker.answered(&question, Ok(Answer::Candles(rows)), now, items);
}

#[test]
fn a_stream_that_falls_silent_is_stale_and_rest_goes_on_in_its_stead() {
    let (mut tracker, mut items) = live();
    tracker.find_stale(12 * MINUTE - 1, &mut items);
    assert!(items.is_empty() && tracker.next_due() == Some(12 * MINUTE));
    tracker.find_stale(12 * MINUTE, &mut items);
    answer(&mut tracker, 12 * MINUTE, &[9, 10, 11, 12], &mut items);
    assert_eq!(names(&items), ["stale 120", "10", "11"], "not live: REST is late and its last candle forms");
    assert!(tracker.take_behind() && !tracker.take_behind(), "the socket should have brought them");
    items.clear();
    tracker.find_stale(14 * MINUTE, &mut items);
    answer(&mut tracker, 14 * MINUTE, &[11, 12, 13, 14], &mut items);
    tracker.heard(NAME, kline(14, false), 14 * MINUTE, &mut items);
    assert_eq!(names(&items), ["12", "13", "live"], "told stale once");
}

#[test]
fn a_stream_is_live_again_once_what_was_missed_is_told() {
    let (mut tracker, mut items) = live();
    tracker.lost(&[NAME.to_owned()]);
    assert_eq!(tracker.next_due(), None, "nobody to ask for while there is no socket");
    tracker.carried(&[NAME.to_owned()], 15 * MINUTE, &mut items);
    tracker.heard(NAME, kline(14, true), 15 * MINUTE, &mut items);
    assert!(items.is_empty());
    answer(&mut tracker, 15 * MINUTE, &[9, 10, 11, 12, 13, 14, 15], &mut items);
    assert_eq!(names(&items), ["10", "11", "12", "13", "14", "live"]);
}

#[test]
fn what_rest_cannot_answer_is_asked_again_after_pauses_that_double() {
    let (mut tracker, mut items) = live();
    tracker.heard(NAME, kline(11, false), 11 * MINUTE, &mut items);
    let mut now = 11 * MINUTE;
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let question = ask(&mut tracker, now);
        assert!(tracker.questions(now).is_empty(), "one question at a time");
        let failed = Error::new(ErrorClass::NetworkError, "gone");
        tracker.answered(&question, Err(failed), now, &mut items);
        let due = tracker.entries[NAME].ask_due;
        pauses.push(due - now);
        now = due;
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    answer(&mut tracker, now, &[9, 10, 11], &mut items);
    assert_eq!(names(&items), ["10"]);
}

#[test]
fn an_answer_to_who_has_left_is_nobodys() {
    let (mut tracker, mut items) = live();
    tracker.heard(NAME, kline(11, false), 11 * MINUTE, &mut items);
    let question = ask(&mut tracker, 11 * MINUTE);
    tracker.remove(NAME);
    let stream = Stream::Candles { symbol: "BTC/USDT".parse().unwrap(), timeframe: Timeframe::M1 };
    tracker.add(NAME.to_owned(), stream.into(), 11 * MINUTE);
    let rows = vec![candle(9), candle(10), candle(11)];
    tracker.answered(&question, Ok(Answer::Candles(rows)), 11 * MINUTE, &mut items);
    assert!(items.is_empty());
}
