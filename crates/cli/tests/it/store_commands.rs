//! `tradai data` for the store's own upkeep, as a user runs it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::bad_input::check;
use crate::program::Place;

/// Returns the objects of a folder of BTC/USDT 5m, in order of name.
fn objects(place: &Place, folder: &str) -> Vec<PathBuf> {
    let folder = place.path().join("tradai-data/store/ohlcv/sym/BTC_USDT_5m").join(folder);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// Two versions of BTC/USDT 5m: January and February of 2023, then March.
fn with_two_versions() -> Place {
    let place = Place::new().with_candles();
    place.run("data sample --symbols BTC/USDT --timeframes 5m --start 2023-03-01 --end 2023-04-01").ok();
    place
}

fn field(rows: &Value, name: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[test]
fn versions_say_what_made_them_and_who_holds_them() {
    let place = with_two_versions();
    place.run("data snapshot create march").ok();
    place.run("data delete BTC/USDT 5m --range 20230201-20230301 --yes").ok();
    place.run("data restore BTC/USDT 5m --version 1").ok();
    let versions = place.run("--json data versions BTC/USDT 5m").ok().json();
    assert_eq!(versions["symbol"], "BTC/USDT");
    let versions = &versions["versions"];
    assert_eq!(field(versions, "version"), [1, 2, 3, 4]);
    assert_eq!(field(versions, "op"), ["append", "append", "replace_range", "restore"]);
    assert_eq!(field(versions, "rows"), [16_992, 25_920, 17_856, 16_992]);
    assert_eq!(field(versions, "snapshots"), [json!([]), json!(["march"]), json!([]), json!([])]);
    let table = place.run("data versions BTC/USDT 5m").ok().out;
    let second: Vec<&str> = table.lines().nth(3).unwrap().split_whitespace().collect();
    assert_eq!((second[0], &second[3..]), ("2", &["append", "25920", "march"][..]), "{table}");
}

#[test]
fn snapshots_hold_what_they_name() {
    let place = with_two_versions();
    assert!(place.run("data snapshot list").ok().out.contains("No snapshots yet"));
    let all = place.run("--json data snapshot create all --note quarter").ok().json();
    assert_eq!(all["series"].as_array().unwrap().len(), 4);
    assert_eq!(
        all["series"][1],
        json!({"symbol": "BTC/USDT", "timeframe": "5m", "kind": "spot", "version": 2})
    );
    let some = place.run("--json data snapshot create some BTC/USDT ETH/USDT --timeframe 1h").ok().json();
    assert_eq!(field(&some["series"], "timeframe"), ["1h", "1h"]);

    place.run("data delete BTC/USDT 5m --yes").ok();
    let shown = place.run("--json data show BTC/USDT 5m --as-of @all --tail 1").ok().json();
    assert_eq!((&shown["version"], &shown["rows"]), (&json!(2), &json!(25_920)));
    place.run("data export BTC/USDT 5m --as-of snapshot:all --to all.csv").ok();
    let list = place.run("--json data snapshot list").ok().json();
    assert_eq!(field(&list["snapshots"], "name"), ["all", "some"]);
    assert!(place.run("data snapshot list").ok().out.contains("quarter"));
    assert!(place.run("data snapshot show some").ok().out.contains("ETH/USDT 1h spot"));
    let deleted = place.run("--json data snapshot delete all").ok().json();
    assert_eq!(deleted, json!({"name": "all", "deleted": true}));
    check(
        &place,
        &[
            ("data show BTC/USDT 5m --as-of @all", 3, &["no snapshot `all`", "some"]),
            ("data show BTC/USDT 5m --as-of @some", 3, &["`some` holds no BTC/USDT 5m spot"]),
            ("data show BTC/USDT 5m --as-of @", 2, &["--as-of", "@NAME"]),
            ("data show BTC/USDT 5m --as-of yesterday", 2, &["--as-of", "version number", "@SNAPSHOT"]),
            ("data snapshot create some", 4, &["`some` already", "another name"]),
            ("data snapshot create x DOGE/USDT", 3, &["DOGE/USDT", "data list"]),
            ("data snapshot create x --timeframe 1w", 3, &["data list"]),
            ("data snapshot create x --timeframe 7m", 2, &["7m", "5m"]),
            ("data snapshot show nope", 3, &["`nope`", "some"]),
            ("data snapshot delete nope", 3, &["`nope`", "some"]),
        ],
    );
    assert_eq!(place.run("--json data snapshot list").ok().json()["snapshots"][0]["name"], "some");
}

#[test]
fn deleting_asks_and_can_be_undone() {
    let place = Place::new().with_candles();
    check(
        &place,
        &[
            ("data delete BTC/USDT 5m", 2, &["--yes"]),
            ("data delete BTC/USDT 5m --range 20230201-20230202", 2, &["--yes"]),
            ("data delete DOGE/USDT 5m --yes", 3, &["DOGE/USDT 5m"]),
            ("data delete BTC/USDT 5m --range 2023 --yes", 2, &["--range", "START-END"]),
        ],
    );
    let deleted = place.run("--json data delete BTC/USDT 5m --range 20230201-20230202 --yes").ok().json();
    assert_eq!(
        (&deleted["deleted"], &deleted["rows"], &deleted["version"]),
        (&json!(288), &json!(16_704), &json!(2))
    );
    let again = place.run("--json data delete BTC/USDT 5m --range 20230201-20230202 --yes").ok().json();
    assert_eq!((&again["changed"], &again["version"]), (&json!(false), &json!(2)));

    let whole = place.run("data delete BTC/USDT 5m --yes").ok().out;
    assert!(whole.contains("16704 candles deleted in version 3"), "{whole}");
    check(&place, &[("data show BTC/USDT 5m", 3, &["no BTC/USDT 5m spot candles"])]);
    assert!(!place.run("data list").ok().out.contains("BTC/USDT   5m"));
    run_advice(&place, &whole);
    assert_eq!(place.run("--json data show BTC/USDT 5m").ok().json()["rows"], 16_704);
    let restored = place.run("--json data restore BTC/USDT 5m --version 1").ok().json();
    assert_eq!(
        (&restored["version"], &restored["changed"], &restored["rows"]),
        (&json!(5), &json!(true), &json!(16_992))
    );
    let again = place.run("data restore BTC/USDT 5m --version 1").ok().out;
    assert!(again.contains("nothing was changed"), "{again}");
    check(
        &place,
        &[
            ("data restore BTC/USDT 5m --version 9", 3, &["no version 9", "1-5"]),
            ("data restore BTC/USDT 5m --version 0", 3, &["no version 0", "1-5"]),
            ("data restore BTC/USDT 5m --version 3", 2, &["version 3", "deletion"]),
            ("data restore BTC/USDT 5m", 2, &["--version"]),
            ("data restore DOGE/USDT 5m --version 1", 3, &["DOGE/USDT 5m", "data list"]),
            ("data versions DOGE/USDT 5m", 3, &["DOGE/USDT 5m", "data list"]),
        ],
    );
}

/// Runs the command that a text advises between backticks.
fn run_advice(place: &Place, text: &str) {
    let command = text.split('`').nth(1).unwrap().strip_prefix("tradai ").unwrap();
    place.run(command).ok();
}

#[test]
fn damage_is_found_and_mended_as_advised() {
    let place = with_two_versions();
    place.run("data snapshot create all").ok();
    let checked = place.run("--json data fsck").ok().json();
    assert_eq!(
        (&checked["worst"], &checked["symbols"], &checked["versions"]),
        (&json!(null), &json!(4), &json!(5))
    );
    assert!(place.run("data fsck").ok().out.contains("all intact"));

    // March came with version 2: the file that is not in version 1.
    let files = objects(&place, "d");
    assert_eq!(files.len(), 2);
    let age = |path: &PathBuf| std::fs::metadata(path).unwrap().modified().unwrap();
    damage(files.iter().max_by_key(|path| age(path)).unwrap());
    assert_eq!(place.run("data show BTC/USDT 5m").code, 5);
    let found = place.run("--json data fsck");
    assert_eq!(found.code, 5);
    let found = found.json();
    assert_eq!(
        (&found["worst"], field(&found["findings"], "severity")[0].clone()),
        (&json!("damage"), json!("damage"))
    );
    let finding = &found["findings"][0];
    assert_eq!((&finding["symbol"], &finding["timeframe"]), (&json!("BTC/USDT"), &json!("5m")));
    let text = place.run("data fsck");
    assert_eq!(text.code, 5);
    assert!(text.out.starts_with("damage  BTC/USDT 5m spot: ohlcv/sym/BTC_USDT_5m/d/"), "{}", text.out);

    run_advice(&place, finding["advice"].as_str().unwrap());
    assert_eq!(place.run("--json data show BTC/USDT 5m").ok().json()["rows"], 16_992);
    place.run("data sample --symbols BTC/USDT --timeframes 5m --start 2023-03-01 --end 2023-04-01").ok();
    let mended = place.run("--json data fsck").ok().json();
    assert_eq!(mended["worst"], "warning");
    assert!(mended["findings"].as_array().unwrap().iter().all(|finding| finding["severity"] == "warning"));
    assert_eq!(place.run("--json data show BTC/USDT 5m").ok().json()["rows"], 25_920);
}

#[test]
fn what_cannot_be_restored_can_be_replaced() {
    let place = Place::new().with_candles();
    place.run("data export BTC/USDT 5m --to BTC_USDT-5m.parquet").ok();
    damage(&objects(&place, "d")[0]);
    let found = place.run("data fsck");
    assert_eq!((found.code, found.out.contains("data import --replace")), (5, true), "{}", found.out);
    place.run("data import --replace BTC_USDT-5m.parquet").ok();
    assert_eq!(place.run("--json data fsck").ok().json()["worst"], "warning");
    assert_eq!(place.run("--json data show BTC/USDT 5m").ok().json()["rows"], 16_992);
}

#[test]
fn the_same_import_replaces_what_was_damaged_since() {
    let place = Place::new();
    place.file("BTC_USDT-5m.csv", "timestamp,open,high,low,close,volume\n0,1,2,1,1,1\n300,1,2,1,1,1\n");
    place.run("data import --replace BTC_USDT-5m.csv").ok();
    assert!(place.run("data import --replace BTC_USDT-5m.csv").ok().out.contains("was there already"));
    damage(&objects(&place, "d")[0]);
    let found = place.run("data fsck");
    assert_eq!((found.code, found.out.contains("data import --replace")), (5, true), "{}", found.out);
    let said = place.run("data import --replace BTC_USDT-5m.csv").ok().out;
    assert!(said.contains("stored as version 2"), "{said}");
    assert_eq!(place.run("--json data fsck").ok().json()["worst"], "warning");
    assert_eq!(place.run("--json data show BTC/USDT 5m").ok().json()["rows"], 2);
}

#[test]
fn a_damaged_snapshot_is_a_warning() {
    let place = Place::new().with_candles();
    place.run("data snapshot create one").ok();
    damage(&place.path().join("tradai-data/store/ohlcv/snap/one/00000000000000000001.json"));
    check(&place, &[("data show BTC/USDT 5m --as-of @one", 5, &["snap/one/00000000000000000001.json"])]);
    let found = place.run("--json data fsck").ok().json();
    assert_eq!(field(&found["findings"], "severity"), ["warning"]);
    run_advice(&place, found["findings"][0]["advice"].as_str().unwrap());
    assert_eq!(place.run("--json data fsck").ok().json()["worst"], json!(null));
}

#[test]
fn pruning_releases_waits_and_deletes() {
    let place = with_two_versions();
    place.run("data snapshot create first BTC/USDT --timeframe 1h").ok();
    // A file that no version names, as a writer leaves that died two days ago.
    let lost = objects(&place, "d")[0].with_file_name("2023-01-0123456789abcdef.parquet");
    std::fs::write(&lost, [0; 1_000]).unwrap();
    let two_days = Duration::from_secs(2 * 86_400);
    std::fs::File::options().write(true).open(&lost).unwrap().set_modified(days_ago(two_days)).unwrap();

    let dry = place.run("--json data prune --keep-versions 1 --dry-run").ok().json();
    assert_eq!((dry["dry_run"].clone(), lost.exists()), (json!(true), true));
    let fives = |pruning: &Value| {
        let series = pruning["series"].as_array().unwrap();
        series.iter().find(|s| s["symbol"] == "BTC/USDT" && s["timeframe"] == "5m").unwrap().clone()
    };
    let counts = |pruned: &Value| {
        ["released", "versions_deleted", "versions_waiting", "files_deleted", "bytes_deleted"]
            .map(|name| pruned[name].as_u64().unwrap())
    };
    assert_eq!(counts(&fives(&dry)), [1, 0, 1, 1, 1_000]);
    place.run("data show BTC/USDT 5m --as-of 1").ok();

    let text = place.run("data prune BTC/USDT 5m --keep-versions 1").ok().out;
    assert!(text.contains("0 versions and 1 file (1.0 kB) of 1 series deleted"), "{text}");
    assert!(
        text.contains("1 version and 0 files wait: the first prune in 24 h or later deletes them"),
        "{text}"
    );
    assert!(!lost.exists());
    check(&place, &[("data show BTC/USDT 5m --as-of 1", 3, &["no version 1", "readable versions: 2"])]);
    assert_eq!(place.run("--json data show BTC/USDT 5m").ok().json()["rows"], 25_920);
    assert_eq!(counts(&fives(&place.run("--json data prune --keep-days 30").ok().json())), [1, 0, 1, 0, 0]);
    assert_eq!(place.run("--json data fsck").ok().json()["worst"], json!(null));

    check(
        &place,
        &[
            ("data prune", 2, &["--keep-versions", "--keep-days"]),
            ("--json data prune", 2, &["--keep-versions"]),
            ("data prune --keep-versions 0", 2, &["--keep-versions", "from 1"]),
            ("data prune --keep-days -3", 2, &["-3"]),
            ("data prune --keep-days soon", 2, &["--keep-days", "whole number"]),
            ("data prune --keep-versions 1 --grace-hours 0", 2, &["--grace-hours", "from 1"]),
            ("data prune BTC/USDT --keep-versions 1", 2, &["TIMEFRAME"]),
            ("data prune DOGE/USDT 5m --keep-versions 1", 3, &["DOGE/USDT 5m"]),
        ],
    );
}

#[expect(clippy::disallowed_methods, reason = "the program reads the real clock")]
fn days_ago(age: Duration) -> SystemTime {
    SystemTime::now() - age
}

#[test]
fn coverage_and_gaps_agree() {
    let place = Place::new().with_candles();
    place.run("data sample --symbols BTC/USDT:USDT --timeframes 1h --start 2023-01-01 --end 2023-03-01").ok();
    place.run("data delete BTC/USDT 5m --range 20230110-20230111 --yes").ok();
    let all = place.run("--json data coverage").ok().json();
    let percents = field(&all["series"], "percent");
    assert_eq!(percents.len(), 7);
    let fives = &all["series"][1];
    assert_eq!(
        (&fives["expected"], &fives["missing"], &fives["gaps"]),
        (&json!(16_992), &json!(288), &json!(1))
    );
    assert_eq!(
        (&fives["first"], &fives["last"]),
        (&json!("2023-01-01 00:00:00"), &json!("2023-02-28 23:55:00"))
    );
    assert!((percents[1].as_f64().unwrap() - 98.305_084).abs() < 1e-6);
    let funding = all["series"].as_array().unwrap().iter().find(|series| series["kind"] == "funding_rate");
    assert_eq!(funding.unwrap()["percent"], json!(null));

    let table = place.run("data coverage BTC/USDT 5m").ok().out;
    assert!(table.contains("98.30 %") && table.contains("███▅▇██"), "{table}");
    let wide = place.run("--json data coverage BTC/USDT 5m --range 20221222-20230311").ok().json();
    assert_eq!(
        (&wide["series"][0]["expected"], &wide["series"][0]["missing"]),
        (&json!(22_752), &json!(6_048))
    );
    let gaps = place.run("--json data gaps BTC/USDT 5m --range 20221222-20230311").ok().json();
    assert_eq!(gaps["missing"], 6_048);
    let gap = |start: &str, end: &str, missing: u64| json!({"start": start, "end": end, "missing": missing, "absent_at_exchange": false});
    assert_eq!(
        gaps["gaps"],
        json!([
            gap("2022-12-22 00:00:00", "2023-01-01 00:00:00", 2_880),
            gap("2023-01-10 00:00:00", "2023-01-11 00:00:00", 288),
            gap("2023-03-01 00:00:00", "2023-03-11 00:00:00", 2_880),
        ])
    );
    let before = place.run("data gaps BTC/USDT 5m --as-of 1").ok().out;
    assert!(before.contains("gaps: 0; 16992 of 16992 candles are there"), "{before}");
    check(
        &place,
        &[
            ("data gaps BTC/USDT 5m", 0, &["2023-01-10 00:00:00  2023-01-11 00:00:00      288"]),
            ("data gaps DOGE/USDT 5m", 3, &["DOGE/USDT 5m"]),
            ("data gaps BTC/USDT:USDT 1h --kind funding_rate", 2, &["no grid"]),
            ("data coverage BTC/USDT 5m", 0, &["SYNTHETIC"]),
            ("--data-dir empty data coverage", 0, &["No candles yet"]),
            ("data coverage BTC/USDT 5m --range 20300101-", 0, &["-"]),
            ("data gaps BTC/USDT 5m --range 20300101-", 0, &["nothing to cover"]),
            ("data coverage DOGE/USDT 5m", 3, &["DOGE/USDT 5m"]),
            ("data coverage BTC/USDT", 2, &["TIMEFRAME"]),
            ("data coverage --range 2023", 2, &["START-END"]),
        ],
    );
}

#[test]
fn coverage_of_a_version_leaves_out_series_without_it() {
    let place = with_two_versions();
    let found = place.run("--json data coverage --as-of 2").ok().json();
    assert_eq!(field(&found["series"], "timeframe"), ["5m"]);
    assert_eq!(field(&found["series"], "version"), [2]);
    assert_eq!(
        field(&place.run("--json data coverage --as-of 1").ok().json()["series"], "version"),
        [1, 1, 1, 1]
    );
    check(&place, &[("data coverage BTC/USDT 1h --as-of 2", 3, &["no version 2"])]);
}

#[test]
fn both_ends_are_shown_of_a_series_whose_middle_is_damaged() {
    let place = Place::new();
    place.run("data sample --symbols BTC/USDT --timeframes 5m --start 2022-01-01 --end 2023-07-01").ok();
    damage(&objects(&place, "d")[1]);
    let shown = place.run("--json data show BTC/USDT 5m --head 2 --tail 1").ok().json();
    let times: Vec<Value> = shown["candles"].as_array().unwrap().iter().map(|row| row[0].clone()).collect();
    assert_eq!(times, [1_640_995_200_000_i64, 1_640_995_500_000, 1_688_169_300_000]);
    assert_eq!(shown["rows_in_range"], 157_248);
    assert_eq!(place.run("data show BTC/USDT 5m --range 20220101-").code, 5);
}

#[test]
fn resampled_candles_are_those_of_the_longer_timeframe() {
    let place = Place::new().with_candles();
    let candles = |line: &str| place.run(&format!("--json data {line}")).ok().json()["candles"].clone();
    let stored = candles("show BTC/USDT 1h --head 99999");
    assert_eq!(candles("show BTC/USDT 5m --resample 1h --head 99999"), stored);
    // A range that begins and ends within hours has the hours that open in it.
    let part = candles("show BTC/USDT 5m --resample 1h --head 9 --range 1672534900-1672542100");
    assert_eq!(part.as_array().unwrap(), &stored.as_array().unwrap()[2..4]);
}

#[test]
fn resampling_says_what_the_candles_lack() {
    let place = Place::new().with_candles();
    place.run("data delete BTC/USDT 5m --range 1672540200-1672544700 --yes").ok();
    place.run("data delete BTC/USDT 5m --range 1677626700-1677628800 --yes").ok();
    let shown = place.run("--json data show BTC/USDT 5m --resample 1h --tail 1").ok().json();
    assert_eq!(
        shown["resample"],
        json!({
            "timeframe": "1h",
            "rows": 1_415,
            "incomplete": [
                {"open_time": "2023-01-01 02:00:00", "found": 6, "expected": 12},
                {"open_time": "2023-01-01 03:00:00", "found": 3, "expected": 12},
            ],
            "left_out": "2023-02-28 23:00:00",
        })
    );
    // The same hours where the range ends in the hole: they are over, since later candles are there.
    let part =
        place.run("--json data show BTC/USDT 5m --resample 1h --range 20230101-1672541000").ok().json();
    assert_eq!((&part["rows_in_range"], &part["resample"]["left_out"]), (&json!(3), &json!(null)));

    let text = place.run("data export BTC/USDT 5m --resample 4h --to out/BTC_USDT-4h.parquet").ok().out;
    assert!(text.contains("353 SYNTHETIC candles of BTC/USDT 4h spot written to"), "{text}");
    assert!(text.contains("2023-01-01 00:00:00 (33 of 48)") && text.contains("is left out"), "{text}");
    place.run("data import out").ok();
    assert_eq!(place.run("--json data show BTC/USDT 4h").ok().json()["synthetic"], true);
    check(
        &place,
        &[
            ("data show BTC/USDT 1h --resample 5m", 2, &["1h candles cannot become 5m", "2h, 4h"]),
            ("data show BTC/USDT 5m --resample 7m", 2, &["7m", "15m"]),
            ("data export BTC/USDT 1h --resample 90m --to x.csv", 2, &["90m"]),
        ],
    );
}

#[test]
fn mark_prices_can_be_resampled_and_funding_rates_cannot() {
    let place = Place::new();
    place.run("data sample --symbols BTC/USDT:USDT --timeframes 1h --start 2023-01-01 --end 2023-01-03").ok();
    let mark = place.run("--json data show BTC/USDT:USDT 1h --kind mark --resample 1d").ok().json();
    assert_eq!((&mark["rows_in_range"], &mark["candles"][0][5]), (&json!(2), &json!(0.0)));
    check(
        &place,
        &[(
            "data show BTC/USDT:USDT 1h --kind funding_rate --resample 8h",
            2,
            &["funding rates cannot be resampled"],
        )],
    );
}

/// The blocks of shell commands in the guide, one after the other, as a user types them.
#[cfg(unix)]
#[test]
fn the_guide_does_what_it_says() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/data.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let blocks: Vec<&str> =
        guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 7);

    let maker = Place::new();
    maker.run("data sample --symbols BTC/USDT --timeframes 5m --start 2024-01-01 --end 2024-07-01").ok();
    maker.run("data export BTC/USDT 5m --to candles.csv").ok();
    let candles = std::fs::read(maker.path().join("candles.csv")).unwrap();
    let place = Place::new();
    place.file("freqtrade/user_data/data/binance/BTC_USDT-5m.csv", candles);
    let program = Path::new(env!("CARGO_BIN_EXE_tradai")).parent().unwrap();
    for block in blocks {
        let output = std::process::Command::new("/bin/sh")
            .args(["-e", "-c", block])
            .current_dir(place.path())
            .env("HOME", place.path())
            .env("PATH", program)
            .env_remove("TRADAI_DATA_DIR")
            .env_remove("TRADAI_STORE")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{said}");
    }
    assert_eq!(place.run("--json data show BTC/USDT 5m").ok().json()["version"], 3);
}
