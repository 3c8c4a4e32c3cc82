//! From a strategy to a report in one line.

use crate::program::Place;

#[test]
fn a_name_is_enough() {
    let place = Place::new().with_candles();
    let job = place.run("--json backtest quick EmaCross BTC/USDT --days 30").ok().json();
    // The newest candle is of 2023-02-28.
    assert_eq!(job["backtest_start"], "2023-01-29 00:00:00");
    let folder = place.path().join(job["folder"].as_str().unwrap());
    assert!(folder.join("report.html").is_file());
    let by_hand = "--json backtest run EmaCross --pairs BTC/USDT --timerange 2023-01-29-";
    let by_hand = place.run(by_hand).ok().json();
    assert_eq!(job["statistics"]["profit_total_abs"], by_hand["statistics"]["profit_total_abs"]);
    place.run("verify latest").ok();

    let all = place.run("backtest quick EmaCross").ok().out;
    assert!(all.starts_with("BTC/USDT, ETH/USDT, 5m candles from 2022-11-30 on\n"), "{all}");
    assert!(all.lines().last().unwrap().starts_with("Report: "), "{all}");
    let longer = place.run("--json backtest quick EmaCross BTC/USDT --timeframe 1h").ok().json();
    assert_eq!(longer["timeframe"], "1h");
}

#[test]
fn what_is_missing_is_named_with_the_next_step() {
    let place = Place::new();
    for (line, code, hint) in [
        ("backtest quick EmaCross", 2, "`tradai data sample`"),
        ("backtest quick EmaCross BTC/USDT", 3, "`tradai data import`"),
        (
            "--exchange binance backtest quick EmaCross BTC/USDT",
            3,
            "tradai data sync --exchange binance --symbols BTC/USDT --timeframe 5m --start YYYY-MM-DD",
        ),
        ("backtest quick EmaCross BTCUSDT", 2, "BASE/QUOTE"),
        ("backtest quick EmaCross --days 0", 2, "--days"),
        ("backtest quick Nobody", 3, "EmaCross"),
    ] {
        let answer = place.run(line);
        assert_eq!(answer.code, code, "{line}: {}{}", answer.out, answer.err);
        assert!(answer.err.contains(hint), "{line}: {}", answer.err);
    }
}

#[test]
fn candles_of_the_demo_are_pointed_to() {
    let place = Place::new();
    place.file("tradai-data/demo/store/series", "");
    for line in
        ["backtest quick EmaCross", "backtest run EmaCross --pairs BTC/USDT", "data list", "data coverage"]
    {
        let answer = place.run(line);
        let said = answer.out + &answer.err;
        assert!(said.contains("--data-dir tradai-data/demo"), "{line}: {said}");
    }
    let other = place.run("data list --exchange binance").ok().out;
    assert!(other.contains("tradai data sync --exchange binance"), "{other}");
}

#[test]
fn a_strategy_is_tested_by_its_own_command_too() {
    let place = Place::new().with_candles();
    let asked = "EmaCross --pairs BTC/USDT --timerange 20230110-20230220";
    let [one, other] = ["strategy backtest", "backtest run"]
        .map(|command| place.run(&format!("--json {command} {asked}")).ok().json());
    assert_eq!(one["statistics"]["profit_total_abs"], other["statistics"]["profit_total_abs"]);
    assert!(one["statistics"]["total_trades"].as_u64().unwrap() > 0);
}
