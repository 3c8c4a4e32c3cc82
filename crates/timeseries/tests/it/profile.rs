//! Stores of the compact profile: smaller files, the same bits, and a choice that is made once.

use std::path::Path;

use proptest::prelude::*;
use tradai_domain::{CandleSeries, ErrorKind, TimeRange, Timeframe};
use tradai_timeseries::files::Profile;
use tradai_timeseries::{AsOf, CandleStore, Damage, Error, into_record_batch};

use crate::support::{HOUR, JUNE, key, local, memory};

const ROWS: i64 = 70_000;

/// Two files of candles: cents and thousandths, but thirds from row 50,000 on, where a file ends, in one column.
fn quoted() -> CandleSeries {
    let mut candles = CandleSeries::default();
    for row in 0..ROWS {
        let price = f64::from(i32::try_from(6_000_000 + row * 7_919 % 10_007).unwrap()) / 100.0;
        let volume = f64::from(i32::try_from(row * 31 % 9_973).unwrap()) / 1_000.0;
        let close = if row < 50_000 { price } else { price / 3.0 };
        candles.push(JUNE + row * HOUR, [price, price + 1.25, price - 0.75, close, volume]);
    }
    candles
}

fn bits(candles: &CandleSeries) -> Vec<[u64; 6]> {
    let columns = [candles.open(), candles.high(), candles.low(), candles.close(), candles.volume()];
    let row = |row: usize| {
        let [open, high, low, close, volume] = columns.map(|column| column[row].to_bits());
        [candles.open_time()[row].cast_unsigned(), open, high, low, close, volume]
    };
    (0..candles.len()).map(row).collect()
}

fn read(store: &CandleStore, range: TimeRange) -> CandleSeries {
    store.read(&key(Timeframe::H1), range, AsOf::Latest).unwrap().unwrap().series
}

fn description(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("ohlcv/lib.json")).unwrap()
}

#[test]
fn the_same_candles_in_fewer_bytes() {
    let (plain, compact) = (memory(), memory().with_profile(Profile::Compact));
    let (key, candles) = (key(Timeframe::H1), quoted());
    for store in [&plain, &compact] {
        store.write(&key, &candles, None).unwrap();
        for range in [
            TimeRange::ALL,
            TimeRange::new(JUNE + HOUR, JUNE + 2 * HOUR),
            TimeRange::new(JUNE + 8_191 * HOUR, JUNE + 69_999 * HOUR),
        ] {
            assert_eq!(bits(&read(store, range)), bits(&candles.slice(candles.rows_in(range))));
        }
    }
    let [plain, compact] = [plain, compact].map(|store| store.info(&key, AsOf::Latest).unwrap().unwrap());
    assert!(compact.bytes * 2 < plain.bytes, "{} {}", compact.bytes, plain.bytes);
    assert_eq!(compact.data_hash, plain.data_hash, "whatever the form, the same candles");
}

#[test]
fn columns_come_back_as_doubles() {
    let store = memory().with_profile(Profile::Compact);
    let (key, candles) = (key(Timeframe::H1), quoted());
    store.write(&key, &candles, None).unwrap();
    let found =
        store.read_columns(&key, TimeRange::ALL, AsOf::Latest, &["close", "volume"]).unwrap().unwrap();
    assert_eq!(found.batch, into_record_batch(candles).project(&[0, 4, 5]).unwrap());
}

#[test]
fn the_first_change_chooses_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let (key, candles) = (key(Timeframe::H1), quoted());
    let store = local(dir.path()).with_profile(Profile::Compact);
    store.append(&key, &candles.slice(0..100), None).unwrap();
    assert!(description(dir.path()).contains(r#""profile":"compact""#), "{}", description(dir.path()));

    let anyone = local(dir.path());
    anyone.append(&key, &candles.slice(100..60_000), None).unwrap();
    let compact = anyone.info(&key, AsOf::Latest).unwrap().unwrap().bytes;
    assert!(compact < 60_000 * 16, "{compact} bytes are no doubles");
    assert_eq!(bits(&read(&anyone, TimeRange::ALL)), bits(&candles.slice(0..60_000)));

    let other = local(dir.path()).with_profile(Profile::F64);
    let error = other.append(&key, &candles.slice(0..1), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store keeps candles as compact; asked for is f64, which only a new store can be made with"
    );
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(read(&other, TimeRange::ALL).len(), 60_000, "reading asks for no profile");
}

#[test]
fn a_profile_of_the_future_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    local(dir.path()).append(&key(Timeframe::H1), &quoted().slice(0..1), None).unwrap();
    let known = description(dir.path());
    assert!(known.contains(r#""profile":"f64""#), "{known}");
    std::fs::write(dir.path().join("ohlcv/lib.json"), known.replace("f64", "f16")).unwrap();
    let error = local(dir.path()).append(&key(Timeframe::H1), &quoted().slice(1..2), None).unwrap_err();
    let Error::Damaged { damage: Damage::Foreign(what), .. } = error else { panic!("{error}") };
    assert_eq!(what, "profile `f16`, which this program does not know");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bits_survive_changes(
        values in proptest::collection::vec(any::<u64>(), 5..200),
        ticks in proptest::collection::vec(-1_000_000_i32..1_000_000, 1..200),
        cut in 0_usize..40,
    ) {
        let store = memory().with_profile(Profile::Compact);
        let mut candles = CandleSeries::default();
        // Candles of any bits at all after candles of cents.
        let odd = values.chunks_exact(5).map(|row| std::array::from_fn(|at| f64::from_bits(row[at])));
        let cents = ticks.iter().map(|&tick| [f64::from(tick) / 100.0; 5]);
        for (hour, row) in (0..).zip(cents.chain(odd)) {
            candles.push(JUNE + hour * HOUR, row);
        }
        let cut = cut.min(candles.len());
        store.append(&key(Timeframe::H1), &candles.slice(cut..candles.len()), None).unwrap();
        store.upsert(&key(Timeframe::H1), &candles.slice(0..cut), None).unwrap();
        prop_assert_eq!(bits(&read(&store, TimeRange::ALL)), bits(&candles));
    }
}
