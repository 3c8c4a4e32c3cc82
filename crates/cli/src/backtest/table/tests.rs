use serde_json::{Map, Value, json};
use tradai_engine::{Counters, EquityCurve, Outcome};
use tradai_strategy::{Settings, Trade};

use super::*;

const DAY: i64 = 86_400_000;

fn settings() -> Settings {
    let Value::Object(map) = json!({
        "timeframe": "5m", "minimal_roi": {"0": 0.1}, "stoploss": -0.1, "stake_currency": "USDT",
        "stake_amount": 100.0, "max_open_trades": 2, "dry_run_wallet": 1_000.0,
        "pair_whitelist": ["BTC/USDT", "ETH/USDT"], "timerange": "20240101-20240201",
    }) else {
        unreachable!("an object was written")
    };
    Settings::merge(&[&map as &Map<String, Value>]).unwrap()
}

/// A trade that opens at `day` and closes 65 minutes later.
fn trade(id: u64, pair: &str, day: i64, profit: f64, tags: (&str, &str)) -> Trade {
    let open = 1_704_067_200_000 + day * DAY;
    Trade {
        id,
        pair: pair.parse().unwrap(),
        is_short: false,
        is_open: false,
        leverage: 1.0,
        stake_amount: 100.0,
        max_stake_amount: 100.0,
        amount: 1.0,
        amount_requested: 1.0,
        open_rate: 100.0,
        open_trade_value: 100.0,
        open_date: open,
        close_date: Some(open + 65 * 60_000),
        close_rate: Some(100.0 + profit),
        fee_open: 0.0,
        fee_close: 0.0,
        enter_tag: tags.0.to_owned(),
        exit_reason: tags.1.to_owned(),
        stop_loss: 90.0,
        stop_loss_pct: Some(-0.1),
        initial_stop_loss: 90.0,
        initial_stop_loss_pct: Some(-0.1),
        is_stop_loss_trailing: false,
        liquidation_price: None,
        max_rate: 110.0,
        min_rate: 90.0,
        funding_fees: 0.0,
        realized_profit: profit,
        close_profit_abs: Some(profit),
        close_profit: Some(profit / 100.0),
        orders: Vec::new(),
    }
}

fn statistics(trades: Vec<Trade>) -> Statistics {
    let profit: f64 = trades.iter().filter_map(|trade| trade.close_profit_abs).sum();
    let start = 1_704_067_200_000;
    let outcome = Outcome {
        trades,
        locks: Vec::new(),
        counters: Counters::default(),
        final_balance: 1_000.0 + profit,
        start,
        end: start + 31 * DAY,
        equity: EquityCurve { start, step_ms: DAY, values: vec![1_000.0, 990.0, 1_000.0 + profit] },
    };
    Statistics::new(&settings(), &[], &outcome)
}

fn sample() -> Statistics {
    statistics(vec![
        trade(1, "BTC/USDT", 0, 5.0, ("cross", "roi")),
        trade(2, "ETH/USDT", 1, -10.0, ("cross", "stop_loss")),
        trade(3, "BTC/USDT", 40, 3.2, ("\u{1b}[31mdip|", "force_exit")),
    ])
}

const EVERY: [Period; 5] = [Period::Day, Period::Week, Period::Month, Period::Year, Period::Weekday];

#[test]
fn every_table_is_there() {
    let text = render(&sample(), &settings(), &EVERY, 0);
    for heading in [
        "Results by pair",
        "Left open at the end",
        "Results by entry tag\n",
        "Results by exit reason",
        "Results by entry tag and exit reason",
        "Results by day",
        "Results by week ending",
        "Results by month",
        "Results by year",
        "Results by weekday",
        "Summary",
    ] {
        assert!(text.contains(heading), "{heading} is missing in\n{text}");
    }
    // Worked by hand: +5 and +3.2 on BTC, of a wallet of 1000; their mean ratio is 4.1 %.
    let row = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let cells: Vec<String> = row("| BTC/USDT").split('|').map(|cell| cell.trim().to_owned()).collect();
    assert_eq!(cells[1..8], ["BTC/USDT", "2", "4.10%", "8.200", "0.82%", "1:05", "2 / 0 / 0 100.0%"]);
    assert!(row("| 2024-02 ").contains("3.200"));
    assert!(text.trim_end().ends_with("market 0.00%"), "{text}");
    assert!(text.contains("3 trades, profit -1.800 USDT (-0.18%), 66.67% won"), "{text}");
}

#[test]
fn numbers_stand_right() {
    let text = render(&sample(), &settings(), &[], 0);
    let table: Vec<&str> = text.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    let ends = |line: &str, cell: &str| line.find(&format!("{cell} |")).map(|at| at + cell.len());
    assert_eq!(ends(table[0], "Trades"), ends(table[2], "2"), "{text}");
}

#[test]
fn tags_are_shown_not_obeyed() {
    let text = render(&sample(), &settings(), &[], 0);
    assert!(!text.contains('\u{1b}'));
    assert!(text.contains("\\u{1b}[31mdip/"));
}

#[test]
fn a_narrow_terminal_gets_narrow_tables() {
    for width in [60, 80, 120] {
        let text = render(&sample(), &settings(), &EVERY, width);
        let tables = text.lines().filter(|line| line.starts_with('|'));
        let widest = tables.map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width, "{widest} columns in {width}\n{text}");
    }
}

#[test]
fn without_trades_there_is_a_summary() {
    let text = render(&statistics(Vec::new()), &settings(), &EVERY, 100);
    assert!(!text.contains("Results by"));
    assert!(text.contains("| Sharpe ") && text.contains("n/a"));
    assert!(text.ends_with("No trade happened.\n"));
}

#[test]
fn comparing_reads_what_a_job_wrote() {
    let statistics = sample();
    let written = serde_json::to_value(&statistics).unwrap();
    let summary: StatisticsSummary = serde_json::from_value(written).unwrap();
    assert_eq!(summary, StatisticsSummary::from(&statistics));
    let text = compare(&[("one".to_owned(), summary), ("two\u{7}".to_owned(), summary)], 0);
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("two\\u{7}"), "{text}");
}
