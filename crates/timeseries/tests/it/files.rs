//! Candle files: round trips, other programs' habits, hostile contents.

use std::path::PathBuf;

use proptest::prelude::*;
use tradai_domain::{CandleKind, TimeRange, Timeframe};
use tradai_timeseries::files::{read_candles, read_parquet, write_candles};
use tradai_timeseries::{parse_file_name, read_parquet_candles};

use crate::support::{HOUR, JUNE, candles};

const ENDINGS: [&str; 6] = ["parquet", "feather", "csv", "json", "csv.gz", "json.gz"];

fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// Reads text as a file of that name and returns its error, without the folder.
fn error(name: &str, bytes: &[u8]) -> String {
    let (dir, path) = file(name, bytes);
    let error = read_candles(&path).expect_err("a refused file");
    let source = std::error::Error::source(&error).map(|e| format!(": {e}")).unwrap_or_default();
    format!("{error}{source}").replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn every_format_gives_back_what_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let series = candles(JUNE, HOUR, 0..1_000, 1.0 / 3.0);
    for ending in ENDINGS {
        let path = dir.path().join(format!("BTC_USDT-1h.{ending}"));
        write_candles(&path, &series, false).unwrap();
        let raw = read_candles(&path).unwrap();
        assert!(!raw.synthetic, "{ending}");
        assert_eq!(raw.into_series().unwrap(), series, "{ending}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), ENDINGS.len(), "no part files stay");
}

#[test]
fn made_up_candles_stay_labelled_where_a_file_has_room_for_it() {
    let dir = tempfile::tempdir().unwrap();
    for ending in ["parquet", "feather"] {
        let path = dir.path().join(format!("x.{ending}"));
        write_candles(&path, &candles(JUNE, HOUR, 0..3, 0.0), true).unwrap();
        assert!(read_candles(&path).unwrap().synthetic, "{ending}");
    }
}

#[test]
fn parquet_ranges() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let series = candles(JUNE, 60_000, 0..100_000, 0.0);
    write_candles(&path, &series, false).unwrap();
    for (start, end) in [(0, 10), (32_767, 32_769), (40_000, 99_999), (99_999, 200_000), (200_000, 300_000)] {
        let range = TimeRange::new(JUNE + start * 60_000, JUNE + end * 60_000);
        let read = read_parquet_candles(&path, range).unwrap();
        assert_eq!(read, series.slice(series.rows_in(range)), "{start}..{end}");
    }
}

#[test]
fn csv_as_others_write_it() {
    let expected = [(1_502_942_400_000, [4261.48, 4313.62, 4261.32, 4308.83, 47.181009])];
    for (name, text) in [
        (
            "binance, ms",
            "1502942400000,4261.48,4313.62,4261.32,4308.83,47.181009,1502945999999,0,171,0,0,0\n",
        ),
        (
            "binance, us",
            "1502942400000000,4261.48,4313.62,4261.32,4308.83,47.181009,1502945999999999,0,1,0,0,0",
        ),
        (
            "seconds",
            "time,open,high,low,close,volume\n1502942400,4261.48,4313.62,4261.32,4308.83,47.181009\n",
        ),
        (
            "pandas",
            ",date,open,high,low,close,volume\n0,2017-08-17 04:00:00+00:00,4261.48,4313.62,4261.32,4308.83,47.181009\n",
        ),
        (
            "semicolons, quotes, BOM, CRLF, other order",
            "\u{feff}\"Date\";\"Volume\";\"Open\";\"High\";\"Low\";\"Close\"\r\n\
             2017-08-17T04:00:00Z;47.181009;4261.48;4313.62;4261.32;4308.83\r\n\r\n",
        ),
    ] {
        let (_dir, path) = file("x.csv", text.as_bytes());
        let raw = read_candles(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let rows: Vec<_> = (0..raw.len())
            .map(|r| (raw.open_time[r], [raw.open[r], raw.high[r], raw.low[r], raw.close[r], raw.volume[r]]))
            .collect();
        assert_eq!(rows, expected, "{name}");
    }
}

#[test]
fn json_as_others_write_it() {
    for text in [
        "[[1502942400000, 1.5, 2, 1.0, 1.25, 3]]",
        "[[1502942400000,\"1.5\",\"2\",\"1.0\",\"1.25\",\"3\",1502945999999,\"0\",5,\"0\",\"0\",\"0\"]]",
        "[[1502942400, 1.5, 2, 1.0, 1.25, 3]]",
        "[[1.5029424e12, 1.5, 2, 1.0, 1.25, 3]]",
    ] {
        let (_dir, path) = file("x.json", text.as_bytes());
        let raw = read_candles(&path).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((raw.open_time[0], raw.open[0], raw.volume[0]), (1_502_942_400_000, 1.5, 3.0), "{text}");
    }
}

#[test]
fn refusals_name_file_column_row_and_what_is_allowed() {
    let cases: &[(&str, &[u8], &str)] = &[
        (
            "x.txt",
            b"",
            "x.txt: unknown ending; candles are read from .parquet, .feather, .csv, .csv.gz, .json and .json.gz",
        ),
        (
            "x.csv",
            b"",
            "x.csv: no column `timestamp`; needed are timestamp (or date), open, high, low, close, \
          volume; found an empty file",
        ),
        (
            "x.csv",
            b"date,open,high,low,volume\n",
            "x.csv: no column `close`; needed are timestamp (or date), open, high, low, close, volume; \
             found date, open, high, low, volume",
        ),
        (
            "x.csv",
            b"date,open,high,low,close,volume\n2024-01-01,1,1,1,1,1\n2024-01-02,1,1,one,1,1\n",
            "x.csv: row 1: column `low` is `one`; allowed is a number",
        ),
        (
            "x.csv",
            b"date,open,high,low,close,volume\nyesterday,1,1,1,1,1\n",
            "x.csv: row 0: column `date` is `yesterday`; allowed is an integer of seconds to nanoseconds, \
             2024-01-31, 2024-01-31T12:00:00Z",
        ),
        (
            "x.csv",
            b"1502942400000,1,1,1,1,1\n1502942460000,1,1\n",
            "x.csv: row 1 has 3 fields where 6 are expected",
        ),
        (
            "x.csv",
            b"1502942400000,1,\xff\xfe,1,1,1\n",
            "x.csv: row 0: column `high` is `\u{fffd}`; allowed is a number",
        ),
        ("x.json", b"[[1,2,3]]", "x.json: row 0 has 3 fields where 6 are expected"),
        // Nothing after the first row that is none is looked at, however much that may be.
        ("x.json", b"[[1,2,3,4,5,6],[1,2,3],and so on", "x.json: row 1 has 3 fields where 6 are expected"),
        (
            "x.json",
            b"[[null,2,3,4,5,6]]",
            "x.json: row 0: column `timestamp` is null; allowed is an integer of seconds to nanoseconds",
        ),
        (
            "x.json",
            b"[[1502942400000,2,3,4,\"five\",6]]",
            "x.json: row 0: column `close` is `five`; allowed is a number",
        ),
        (
            "x.json",
            b"{\"a\":1}",
            "x.json is not a readable candle JSON file: invalid type: map, expected a sequence at line 1 column 0",
        ),
        (
            "x.feather",
            b"hello",
            "x.feather is not a readable feather file: it does not end like an Arrow file",
        ),
        ("x.feather", b"ARROW1", "x.feather is not a readable feather file: it is cut short"),
    ];
    for (name, bytes, message) in cases {
        assert_eq!(error(name, bytes), *message);
    }
    assert!(error("x.parquet", b"PAR1").starts_with("x.parquet is not a readable Parquet file"));
    assert!(error("x.json.gz", b"no gzip").starts_with("x.json.gz is not a readable gzip file"));
}

#[test]
fn deep_json_is_refused() {
    let deep = "[".repeat(200_000);
    assert!(error("x.json", deep.as_bytes()).starts_with("x.json is not a readable candle JSON file"));
}

/// Writes a new file: cutting an old one to length makes some file systems flush it, thousands of times here.
fn replace(path: &std::path::Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_file_is_an_error_or_other_numbers_but_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let series = candles(JUNE, HOUR, 0..100, 0.0);
    for ending in ["parquet", "feather", "json.gz"] {
        let path = dir.path().join(format!("x.{ending}"));
        write_candles(&path, &series, false).unwrap();
        let original = std::fs::read(&path).unwrap();
        // Structure stands at both ends of the binary formats; the middle is candles.
        let ends = (0..original.len()).filter(|at| *at < 64 || original.len() - at < 800 || at % 199 == 0);
        for at in ends {
            for mask in [0x01, 0x80] {
                let mut bytes = original.clone();
                bytes[at] ^= mask;
                replace(&path, &bytes);
                drop(read_candles(&path));
            }
        }
        for end in (0..original.len()).step_by(61) {
            replace(&path, &original[..end]);
            drop(read_candles(&path));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        ending in proptest::sample::select(&ENDINGS[..]),
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let (_dir, path) = file(&format!("x.{ending}"), &bytes);
        drop(read_candles(&path));
    }

    #[test]
    fn no_text_makes_a_reader_panic(
        ending in proptest::sample::select(&["csv", "json"][..]),
        text in "[0-9,\\[\\]\\n.e\":+a-dT-]{0,200}",
    ) {
        let (_dir, path) = file(&format!("x.{ending}"), text.as_bytes());
        drop(read_candles(&path));
    }
}

#[test]
fn real_candles() {
    let manifest = env!("CARGO_MANIFEST_DIR");
    let shared = std::env::var("TRADAI_SHARED").unwrap_or_else(|_| format!("{manifest}/../../../shared"));
    let dir = PathBuf::from(shared).join("data/market");
    let Ok(entries) = std::fs::read_dir(&dir) else {
        println!("skipped: no real candles below {}", dir.display());
        return;
    };
    let mut checked = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let Some((_, key)) = parse_file_name(path.to_str().unwrap()) else { continue };
        let raw = read_parquet(&path, TimeRange::ALL).unwrap();
        let clean = raw.clean(key.timeframe, key.kind, Default::default()).unwrap();
        assert!(!clean.series.is_empty());
        if path.ends_with("spot5m_2022_23__BTC_USDT-5m.parquet") {
            assert_eq!((clean.series.len(), clean.faults.len()), (114_032, 1));
            assert_eq!(key.timeframe, Timeframe::M5);
        }
        if key.kind == CandleKind::FundingRate {
            assert!(clean.series.open().iter().all(|rate| rate.abs() < 0.05));
        }
        checked += 1;
    }
    assert!(checked > 0);
}
