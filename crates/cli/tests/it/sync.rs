//! Collecting from the sandbox exchange: `tradai data sync`, `data check-freshness`, `demo --exchange`.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bad_input::check;
use crate::program::Place;
use crate::sandbox::Running;

/// A sandbox with the candles that the place has stored. It stands still late in February 2023, a minute after a
/// candle has closed: what has closed this very moment nobody can prove who is a round trip away.
fn sandbox(place: &Place, more: &str) -> Running {
    let arguments =
        "--stored --symbols BTC/USDT,ETH/USDT --timeframe 5m --pace stepped --start 2023-02-28T00:01:00Z";
    Running::start(place, &format!("{arguments} {more}"))
}

fn sync(place: &Place, sandbox: &Running, more: &str) -> crate::program::Answer {
    place.run(&format!("--json --exchange sandbox data sync --url {} {more}", sandbox.url()))
}

fn rows(answer: &Value) -> u64 {
    answer["rows_synced"].as_u64().unwrap()
}

#[test]
fn what_is_collected_is_what_the_exchange_has() {
    let place = Place::new().with_candles();
    let sandbox = sandbox(&place, "");
    let request = "--symbols BTC/USDT --timeframe 5m --start 2023-01-01";
    let first = sync(&place, &sandbox, request).ok().json();
    assert_eq!(rows(&first), 58 * 288);
    assert_eq!(rows(&sync(&place, &sandbox, request).ok().json()), 0, "nothing is missing");
    let range = "--range 20230101-20230228";
    place.run(&format!("data export BTC/USDT 5m {range} --to stored.csv")).ok();
    place.run(&format!("--exchange sandbox data export BTC/USDT 5m {range} --to collected.csv")).ok();
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    assert_eq!(read("stored.csv"), read("collected.csv"));
    // A backtest on them says where they are from, so that it is verified on the same.
    let jobs = "--exchange sandbox backtest run EmaCross --pairs BTC/USDT";
    place.run(jobs).ok();
    place.run("verify latest").ok();
}

#[test]
fn what_the_exchange_does_not_have_is_asked_for_once_and_told() {
    let place = Place::new().with_candles();
    place.run("data delete BTC/USDT 5m --range 20230110-20230112 --yes").ok();
    let sandbox = sandbox(&place, "");
    let request = "--symbols BTC/USDT --timeframe 5m --start 2023-01-01 --end 2023-02-28";
    let first = sync(&place, &sandbox, request).ok().json();
    assert_eq!((rows(&first), first["series"][0]["candles_absent"].as_u64()), (56 * 288, Some(2 * 288)));
    let asked = || sandbox.get("/_sandbox/log").to_string().matches("/api/v3/klines").count();
    let before = asked();
    sync(&place, &sandbox, request).ok();
    assert_eq!(asked(), before, "it has said so");
    let gaps = place.run("--json --exchange sandbox data gaps BTC/USDT 5m").ok().json();
    let told: Vec<_> =
        gaps["gaps"].as_array().unwrap().iter().map(|gap| &gap["absent_at_exchange"]).collect();
    assert_eq!(told, [&Value::Bool(true)]);
    sync(&place, &sandbox, &format!("{request} --recheck")).ok();
    assert!(asked() > before);
}

#[test]
fn one_unknown_market_stops_no_other() {
    let place = Place::new().with_candles();
    let sandbox = sandbox(&place, "");
    let answer = sync(&place, &sandbox, "--symbols NOPE/USDT,ETH/USDT --timeframe 1h --start 2023-02-01");
    assert_eq!(answer.code, 3, "{}", answer.err);
    let result = answer.json();
    assert_eq!((result["symbols_synced"].as_u64(), rows(&result)), (Some(1), 27 * 24));
    assert_eq!(result["series"][0]["error"]["kind"], "not_found");
    assert_eq!(result["series"][1]["state"], "done");
}

#[test]
fn what_is_newer_is_collected_without_naming_it() {
    let place = Place::new().with_candles();
    let sandbox = sandbox(&place, "");
    for (symbol, end) in [("BTC/USDT", "2023-01-10"), ("ETH/USDT", "2023-01-20")] {
        let request = format!("--symbols {symbol} --timeframe 1h --start 2023-01-01 --end {end}");
        sync(&place, &sandbox, &request).ok();
    }
    let newer = sync(&place, &sandbox, "--incremental --timeframe 1h").ok().json();
    assert_eq!(rows(&newer), (58 - 9) * 24 + (58 - 19) * 24);
    let stale = place
        .run("--json --exchange sandbox data check-freshness --symbols BTC/USDT,SOL/USDT --timeframe 1h");
    assert_eq!(stale.code, 1);
    let statuses: Vec<_> =
        stale.json()["series"].as_array().unwrap().iter().map(|s| s["status"].clone()).collect();
    assert_eq!(statuses, ["stale", "missing"]);
    let lenient = "--exchange sandbox data check-freshness --timeframe 1h --max-lag 1000000";
    place.run(lenient).ok();
}

#[test]
fn an_interrupted_sync_keeps_what_it_fetched() {
    let place = Place::new().with_candles();
    let slow = r#"[{"path": "/api/v3/klines", "skip": 3, "fault": {"kind": "delay", "ms": 3000, "when": "before"}}]"#;
    place.file("slow.json", slow);
    let sandbox = sandbox(&place, "--faults slow.json");
    let request = format!(
        "--json --exchange sandbox data sync --url {} --symbols BTC/USDT --timeframe 5m --start 2023-01-01",
        sandbox.url()
    );
    let child = Command::new(env!("CARGO_BIN_EXE_tradai"))
        .args(request.split_whitespace())
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Three pages come at once, the fourth takes its time.
    while sandbox.get("/_sandbox/log").to_string().matches("/api/v3/klines").count() < 4 {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = rows(&result);
    assert!(kept > 0 && kept < 58 * 288, "{result}");
    let listed = place.run("--json --exchange sandbox data list").ok().json();
    assert_eq!(listed["series"][0]["rows"], kept);
    drop(sandbox);
    let sandbox = self::sandbox(&place, "");
    let rest = sync(&place, &sandbox, "--symbols BTC/USDT --timeframe 5m --start 2023-01-01").ok().json();
    assert_eq!(rows(&rest) + kept, 58 * 288);
}

#[test]
fn the_demo_collects_from_a_sandbox_of_its_own() {
    let place = Place::new();
    let answer = place.run("--json --exchange sandbox demo").ok().json();
    assert!(answer["folder"].is_string());
    let listed = place.run("--json --data-dir tradai-data/demo --exchange sandbox data list").ok().json();
    assert_eq!(listed["series"].as_array().unwrap().len(), 9);
    place.run("--data-dir tradai-data/demo verify latest").ok();
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let place = Place::new();
    let base = "--symbols BTC/USDT --timeframe 1h";
    let line = |rest: &str| format!("data sync {base} {rest}");
    check(
        &place,
        &[
            (&line("--start 2024-01-01"), 2, &["--exchange is needed", "binance"]),
            (&line("--start 2024-01-01 --exchange mtgox"), 2, &["mtgox", "binance_futures", "sandbox"]),
            (&line("--start 2024-01-01 --exchange ../x"), 2, &["a-z"]),
            (&line("--exchange sandbox"), 2, &["--start"]),
            (&line("--start 2024-02-01 --end 2024-01-01 --exchange sandbox"), 2, &["--end", "not after"]),
            (&line("--start 2099-01-01 --exchange sandbox"), 2, &["--start", "future"]),
            (&line("--start 2024-01-01 --exchange sandbox --url x"), 2, &["URL"]),
            (&line("--start 2024-01-01 --exchange sandbox --price mark"), 2, &["--symbols[0]", "spot"]),
            (&line("--start 2024-01-01 --exchange sandbox --incremental --repair"), 2, &["--repair"]),
            (
                "data sync --symbols BTC/USDT --timeframe 7h --start 2024-01-01 --exchange sandbox",
                2,
                &["7h", "4h"],
            ),
            ("data check-freshness --symbols BTC/USDT", 2, &["--timeframe"]),
            ("demo --exchange binance_futures", 2, &["sandbox, binance and okx"]),
        ],
    );
}

#[test]
fn an_exchange_that_is_not_there_is_said_to_be_so() {
    let place = Place::new();
    let request = "data sync --symbols BTC/USDT --timeframe 1h --start 2024-01-01 --exchange sandbox";
    check(&place, &[(&format!("{request} --url http://127.0.0.1:1"), 6, &["sandbox", "tradai sandbox"])]);
}
