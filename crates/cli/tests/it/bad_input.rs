//! Bad input: what is fed, and what comes back. The table is the test.

use crate::program::Place;

const CSV: &str = "timestamp,open,high,low,close,volume\n";

fn csv(rows: &str) -> String {
    format!("{CSV}{rows}")
}

/// A command line, the exit code, and what the answer must say.
pub(crate) type Case<'a> = (&'a str, i32, &'a [&'a str]);

pub(crate) fn check(place: &Place, cases: &[Case<'_>]) {
    for (line, code, says) in cases {
        let answer = place.run(line);
        let text = format!("{}{}", answer.out, answer.err);
        println!("tradai {line}\n  -> {} {}", answer.code, text.lines().next().unwrap_or_default());
        assert_eq!(answer.code, *code, "tradai {line}: {text}");
        for part in *says {
            assert!(text.contains(part), "tradai {line}: `{part}` is missing in: {text}");
        }
        assert!(!text.contains("panicked"), "tradai {line}: {text}");
    }
}

#[test]
fn candle_files() {
    let place = Place::new();
    place.file("torn/BTC_USDT-5m.parquet", b"PAR1 and then nothing");
    place.file("empty/BTC_USDT-5m.parquet", b"");
    place.file("columns/BTC_USDT-5m.csv", "time,price\n0,1\n");
    place.file("nan/BTC_USDT-5m.csv", csv("1672531200000,1,2,1,NaN,5\n1672531500000,1,2,1,1,5\n"));
    place.file("twice/BTC_USDT-5m.csv", csv("0,1,2,1,1,5\n0,1,2,1,1,5\n"));
    place.file("order/BTC_USDT-5m.csv", csv("300000,1,2,1,1,5\n0,1,2,1,1,5\n"));
    place.file("high/BTC_USDT-5m.csv", csv("0,1,0.5,1,1,5\n300000,1,2,1,1,5\n"));
    place.file("gap/BTC_USDT-5m.csv", csv("1672531200000,1,2,1,1,5\n1672532700000,1,2,1,1,5\n"));
    place.file("text/BTC_USDT-5m.csv", csv("0,one,2,1,1,5\n"));
    place.file("name/whatever.csv", csv("0,1,2,1,1,5\n"));
    check(
        &place,
        &[
            ("data import torn", 2, &["BTC_USDT-5m.parquet"]),
            ("data import empty", 2, &["BTC_USDT-5m.parquet"]),
            ("data import columns", 2, &["BTC_USDT-5m.csv", "open"]),
            ("data import nan", 2, &["row 0", "close", "--drop"]),
            ("data import twice", 2, &["row 1", "repeats"]),
            ("data import order", 2, &["row 1", "earlier"]),
            ("data import high", 2, &["row 0", "high 0.5 is below low 1"]),
            ("data import text", 2, &["BTC_USDT-5m.csv", "open"]),
            ("data import name/whatever.csv", 2, &["--symbol"]),
            ("data import nothing-here", 3, &["nothing-here"]),
            ("data import gap", 0, &["4 candles are missing"]),
            ("data import nan --drop --replace", 0, &["1 rows"]),
            ("data show BTC/USDT 7m", 2, &["7m", "5m"]),
            ("data show BTCUSDT 5m", 2, &["BASE/QUOTE"]),
            ("data show ETH/USDT 5m", 3, &["ETH/USDT"]),
        ],
    );
}

#[test]
fn settings() {
    let place = Place::new().with_candles();
    place.file("unknown.json", r#"{"stoplos": -0.1}"#);
    place.file("impossible.json", r#"{"stoploss": 0.5, "tradable_balance_ratio": 3}"#);
    place.file("refused.json", r#"{"position_stacking": true, "margin_mode": "cross"}"#);
    place.file("broken.json", "{\"stoploss\": ");
    check(
        &place,
        &[
            ("backtest run EmaCros", 3, &["EmaCross"]),
            ("backtest run EmaCross -c unknown.json", 2, &["stoplos", "allowed are"]),
            (
                "backtest run EmaCross -c impossible.json",
                2,
                &["stoploss: is 0.5", "tradable_balance_ratio: is 3"],
            ),
            ("backtest run EmaCross -c refused.json", 2, &["position_stacking: is refused", "cross"]),
            ("backtest run EmaCross -c broken.json", 2, &["broken.json"]),
            ("backtest run EmaCross -c missing.json", 3, &["missing.json"]),
            ("backtest run EmaCross --timeframe 7m", 2, &["timeframe", "7m"]),
            ("backtest run EmaCross --timerange 2023", 2, &["timerange", "START-END"]),
            ("backtest run EmaCross --timerange 20200101-20200201", 3, &["BTC/USDT", "2020-02-01"]),
            ("backtest run EmaCross --pairs DOGE/USDT", 3, &["DOGE/USDT", "data import"]),
            ("backtest run EmaCross --pairs BTC/EUR", 2, &["BTC/EUR", "USDT"]),
            ("backtest run EmaCross --param fast=9999", 2, &["fast", "5 to 30"]),
            ("backtest run EmaCross --param quick=9", 2, &["quick"]),
            ("backtest run EmaCross --fee 7", 2, &["fee: is 7"]),
            (
                "backtest run EmaCross --set protections=[{\"method\":\"Hope\"}]",
                2,
                &["protections[0].method", "Hope"],
            ),
            (
                "backtest run EmaCross --set startup_candle_count=9223372036854775807",
                2,
                &["startup_candle_count"],
            ),
            (
                "backtest run EmaCross --set exchange={\"pair_blacklist\":[\"ETH/.*\"]}",
                2,
                &["exchange.pair_blacklist"],
            ),
            ("backtest run FuturesLongShort", 2, &["futures"]),
            ("verify 0123", 3, &["0123"]),
            ("backtest show latest", 3, &["backtest list"]),
        ],
    );
    assert!(!place.path().join("tradai-data/jobs").exists(), "nothing half done is left");
}

#[test]
fn absurd_numbers() {
    let place = Place::new();
    let row = |minutes: i64, price: f64| {
        let time = 1_672_531_200_000 + minutes * 60_000;
        format!("{time},{price},{},{},{price},5\n", price * 1.000_1, price * 0.999_9)
    };
    let tiny: String =
        (0..600).map(|step| row(step * 5, 1.300_123_456_789e-10 + step as f64 * 1e-14)).collect();
    place.file("tiny/BTC_USDT-5m.csv", csv(&tiny));
    let apart = format!("{}{}", row(0, 1.0), row(150_000_000, 1.0));
    place.file("apart/ETH_USDT-1m.csv", csv(&apart));
    let dca = "strategy: {name: Out, version: \"1\", entry_point: declarative, timeframe: 5m}\n\
               settings: {minimal_roi: {\"0\": 1}, stoploss: -0.1, position_adjustment_enable: true}\n\
               signals:\n  entry:\n    - when: close > 0\nhooks:\n  adjust_trade_position:\n    \
               - {when: \"true\", stake: \"-1e308\"}\n";
    place.file("out.yaml", dca);
    check(&place, &[("data import tiny", 0, &["600 rows"]), ("backtest run EmaCross", 0, &["Report"])]);
    check(
        &place,
        &[("data import apart", 0, &[]), ("backtest run EmaCross --timeframe 1m", 5, &["20000000 candles"])],
    );
    let sane = Place::new().with_candles();
    sane.file("out.yaml", dca);
    check(&sane, &[("backtest run out.yaml --pairs BTC/USDT", 0, &["Report"])]);
}

#[test]
fn strategy_files() {
    let place = Place::new().with_candles();
    let good = "strategy: {name: X, version: \"1\", entry_point: declarative, timeframe: 5m}\n\
                settings: {minimal_roi: {\"0\": 1}, stoploss: -0.1}\nsignals:\n  indicators:\n    \
                rsi: {indicator: rsi, timeperiod: 14}\n  entry:\n    - when: ";
    place.file("column.yaml", format!("{good}rsj < 30\n"));
    place.file("ahead.yaml", format!("{good}prev(close, -1) > close\n"));
    place.file("type.yaml", format!("{good}rsi + 1\n"));
    place.file("syntax.yaml", format!("{good}rsi < (30\n"));
    place.file("key.yaml", format!("{good}rsi < 30\n      tagg: x\n"));
    place.file("period.yaml", good.replace("timeperiod: 14", "timeperiod: -3") + "rsi < 30\n");
    place.file("yaml.yaml", "strategy: [1, 2\n");
    check(
        &place,
        &[
            ("strategy validate column.yaml", 2, &["column.yaml", "7", "rsj", "rsi"]),
            ("strategy validate ahead.yaml", 2, &["ahead.yaml", "prev"]),
            ("strategy validate type.yaml", 2, &["type.yaml"]),
            ("strategy validate syntax.yaml", 2, &["syntax.yaml"]),
            ("strategy validate key.yaml", 2, &["tagg", "tag"]),
            ("strategy validate period.yaml", 2, &["timeperiod", "-3"]),
            ("strategy validate yaml.yaml", 2, &["yaml.yaml"]),
            ("backtest run column.yaml", 2, &["rsj"]),
        ],
    );
}

#[test]
fn a_damaged_store_gives_no_number() {
    let place = Place::new().with_candles();
    let data = place.path().join("tradai-data/store/ohlcv/sym");
    let symbol = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().contains("BTC_USDT_5m"));
    let folder = symbol.unwrap().join("d");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    check(
        &place,
        &[("backtest run EmaCross", 5, &["BTC/USDT", &name]), ("data show BTC/USDT 5m", 5, &[&name])],
    );
    std::fs::remove_file(&file).unwrap();
    check(&place, &[("backtest run EmaCross", 5, &["BTC/USDT", &name])]);
}

#[test]
fn replay_files() {
    let place = Place::new();
    place.file("settings.json", r#"{"timeframe": "5m", "stoploss": -0.1, "pair_whitelist": ["BTC/USDT"], "callbacks": ["custom_stoploss"]}"#);
    place.file(
        "plain.json",
        r#"{"timeframe": "5m", "stoploss": -0.1, "pair_whitelist": ["BTC/USDT"], "dataset": "none"}"#,
    );
    place.file("signals.parquet", b"nothing");
    place.file("markets.json", "{}");
    place.file("candles/a__BTC_USDT-5m.parquet", b"nothing");
    let rest = "--signals signals.parquet --candles candles --markets markets.json --out out";
    check(
        &place,
        &[
            (
                &format!("backtest replay --settings settings.json {rest}"),
                2,
                &["callbacks", "custom_stoploss"],
            ),
            (&format!("backtest replay --settings plain.json {rest}"), 2, &["signals.parquet"]),
            (&format!("backtest replay --settings nowhere.json {rest}"), 3, &["nowhere.json"]),
        ],
    );
    assert!(!place.path().join("out").exists());
}
