//! The trades of a market against an exchange that is made up.

use proptest::prelude::*;

use super::*;
use crate::Decimal;
use crate::model::Side;

fn trade(id: u64) -> PublicTrade {
    let symbol = "BTC/USDT".parse().unwrap();
    PublicTrade {
        symbol,
        id,
        timestamp: i64::try_from(id).unwrap(),
        side: Side::Buy,
        price: Decimal::ONE,
        amount: Decimal::ONE,
    }
}

fn ids(events: &[TradeEvent]) -> Vec<(u64, u64)> {
    let span = |event: &TradeEvent| match event {
        TradeEvent::Trade(trade) => (trade.id, trade.id + 1),
        TradeEvent::Missing(from, until) => (*from, *until),
    };
    events.iter().map(span).collect()
}

#[test]
fn a_hole_is_filled_from_rest_or_told() {
    let (mut series, mut events) = (TradeTracker::default(), Vec::new());
    for id in [5, 6, 6, 9] {
        series.heard(trade(id), &mut events);
    }
    assert_eq!(series.wanted(), Some((7, 6)));
    series.answered(vec![trade(7)], 1_000, &mut events);
    for _ in 0..MAX_TRIES {
        assert_eq!(series.wanted(), Some((8, 7)));
        series.answered(Vec::new(), 1_000, &mut events);
    }
    assert_eq!(ids(&events), [(5, 6), (6, 7), (7, 8), (8, 9), (9, 10)]);
    assert_eq!(events[3], TradeEvent::Missing(8, 9));
    assert!(series.is_settled());
}

#[test]
fn after_an_outage_rest_comes_first_in_a_quiet_market_too() {
    let (mut series, mut events) = (TradeTracker::default(), Vec::new());
    series.heard(trade(5), &mut events);
    series.recover();
    assert_eq!(series.wanted(), Some((6, 5)));
    series.heard(trade(8), &mut events);
    assert_eq!(events.len(), 1);
    series.answered(vec![trade(6), trade(7)], 1_000, &mut events);
    assert_eq!(ids(&events).last(), Some(&(8, 9)));
    series.recover();
    series.answered(Vec::new(), 1_000, &mut events);
    assert!(series.is_settled(), "nothing may have been traded");
}

#[test]
fn a_hole_too_long_to_fill_is_told_at_once() {
    let (mut series, mut events) = (TradeTracker::default(), Vec::new());
    series.heard(trade(1), &mut events);
    series.heard(trade(1_000_000), &mut events);
    assert_eq!(ids(&events), [(1, 2), (2, 1_000_000), (1_000_000, 1_000_001)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_trade_is_told_once_in_order(
        fates in prop::collection::vec((0..10_u8, 1..6_u64), 1..400),
    ) {
        let (mut series, mut events) = (TradeTracker::default(), Vec::new());
        let (mut newest, mut late) = (0_u64, Vec::new());
        for (fate, by) in fates {
            match fate {
                0 => newest += by,
                1 => late.push(newest),
                2 => late.drain(..).for_each(|id| series.heard(trade(id), &mut events)),
                3 => { newest += by; series.recover(); }
                4 | 5 => {
                    if let Some((from, _)) = series.wanted() {
                        let rows: Vec<_> = (from..=newest).take(3).map(trade).collect();
                        series.answered(rows, 3, &mut events);
                    }
                }
                _ => { newest += 1; series.heard(trade(newest), &mut events); }
            }
        }
        for _ in 0..10_000 {
            let Some((from, _)) = series.wanted() else { break };
            let rows: Vec<_> = (from..=newest).take(3).map(trade).collect();
            series.answered(rows, 3, &mut events);
        }
        prop_assert!(series.is_settled());
        let told = ids(&events);
        prop_assert!(told.windows(2).all(|pair| pair[0].1 == pair[1].0), "{:?}", told);
        prop_assert!(events.iter().all(|event| matches!(event, TradeEvent::Trade(_))), "REST has them all");
    }
}
