//! Indicators against TA-Lib's output, and streams against batches.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failure is a panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tradai_strategy::indicators::{Bar, IndicatorSpec, Ohlcv, catalogue, find};

/// Columns of a file by name.
type Columns = BTreeMap<String, Vec<f64>>;

/// Column of the goldens, indicator, parameters, index of the output.
type Golden = (&'static str, &'static str, &'static [f64], usize);

const GOLDENS: [Golden; 49] = [
    ("ema_5", "ema", &[5.0], 0),
    ("ema_9", "ema", &[9.0], 0),
    ("ema_12", "ema", &[12.0], 0),
    ("ema_21", "ema", &[21.0], 0),
    ("ema_50", "ema", &[50.0], 0),
    ("ema_200", "ema", &[200.0], 0),
    ("sma_5", "sma", &[5.0], 0),
    ("sma_20", "sma", &[20.0], 0),
    ("sma_50", "sma", &[50.0], 0),
    ("sma_200", "sma", &[200.0], 0),
    ("rsi_7", "rsi", &[7.0], 0),
    ("rsi_14", "rsi", &[14.0], 0),
    ("rsi_21", "rsi", &[21.0], 0),
    ("macd", "macd", &[12.0, 26.0, 9.0], 0),
    ("macdsignal", "macd", &[12.0, 26.0, 9.0], 1),
    ("macdhist", "macd", &[12.0, 26.0, 9.0], 2),
    ("bb_upper_20_2", "bbands", &[20.0, 2.0, 2.0], 0),
    ("bb_middle_20_2", "bbands", &[20.0, 2.0, 2.0], 1),
    ("bb_lower_20_2", "bbands", &[20.0, 2.0, 2.0], 2),
    ("atr_14", "atr", &[14.0], 0),
    ("natr_14", "natr", &[14.0], 0),
    ("trange", "trange", &[], 0),
    ("adx_14", "adx", &[14.0], 0),
    ("plus_di_14", "plus_di", &[14.0], 0),
    ("minus_di_14", "minus_di", &[14.0], 0),
    ("cci_20", "cci", &[20.0], 0),
    ("mfi_14", "mfi", &[14.0], 0),
    ("slowk_14_3", "stoch", &[14.0, 3.0, 3.0], 0),
    ("slowd_3", "stoch", &[14.0, 3.0, 3.0], 1),
    ("fastk_5", "stochf", &[5.0, 3.0], 0),
    ("fastd_3", "stochf", &[5.0, 3.0], 1),
    ("stochrsi_k", "stochrsi", &[14.0, 5.0, 3.0], 0),
    ("stochrsi_d", "stochrsi", &[14.0, 5.0, 3.0], 1),
    ("obv", "obv", &[], 0),
    ("roc_12", "roc", &[12.0], 0),
    ("mom_10", "mom", &[10.0], 0),
    ("willr_14", "willr", &[14.0], 0),
    ("wma_10", "wma", &[10.0], 0),
    ("dema_20", "dema", &[20.0], 0),
    ("tema_20", "tema", &[20.0], 0),
    ("stddev_20", "stddev", &[20.0, 1.0], 0),
    ("sar", "sar", &[0.02, 0.2], 0),
    ("aroon_dn_14", "aroon", &[14.0], 0),
    ("aroon_up_14", "aroon", &[14.0], 1),
    ("trix_15", "trix", &[15.0], 0),
    ("ultosc", "ultosc", &[7.0, 14.0, 28.0], 0),
    ("linreg_14", "linearreg", &[14.0], 0),
    ("max_20", "max", &[20.0], 0),
    ("min_20", "min", &[20.0], 0),
];

#[test]
fn goldens_of_recorded_candles_are_matched() {
    let folder = shared_folder().join("golden/indicators");
    if !folder.is_dir() {
        println!("skipped: no {}", folder.display());
        return;
    }
    for file in ["btc_fut_15m_8000.parquet", "eth_spot_5m_gap_edge.parquet"] {
        check_goldens(file, &read_parquet(&folder.join(file)));
    }
}

#[test]
fn goldens_of_flat_and_volumeless_candles_are_matched() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/indicators_small.csv");
    check_goldens("indicators_small.csv", &read_csv(&file));
}

#[test]
fn streams_give_the_bits_of_the_batch() {
    let small = [2.0, 3.0, 2.0];
    let large = [40.0, 7.0, 13.0];
    for seed in 1..=20 {
        let columns = random_candles(seed, 400);
        for spec in catalogue() {
            let defaults: Vec<f64> = spec.params.iter().map(|param| param.default).collect();
            check_stream(spec, &columns, &defaults);
            check_stream(spec, &columns, &small[..spec.params.len()]);
            check_stream(spec, &columns, &large[..spec.params.len()]);
        }
    }
}

fn shared_folder() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    std::env::var_os("TRADAI_SHARED").map_or_else(|| default.into(), PathBuf::from)
}

/// Checks all goldens of a file, batch against file and stream against batch.
fn check_goldens(file: &str, columns: &Columns) {
    let mut failures = Vec::new();
    let mut same_bits = 0;
    for (column, indicator, params, output) in GOLDENS {
        let spec = find(indicator).unwrap();
        let actual = spec.compute(&candles(columns), None, params).unwrap().swap_remove(output);
        let expected = &columns[column];
        same_bits += usize::from(actual.iter().zip(expected).all(|(a, e)| is_same(*a, *e)));
        if let Some(row) = first_difference(&actual, expected) {
            failures.push(format!("{column} row {row}: {} for {}", actual[row], expected[row]));
        }
        check_stream(spec, columns, params);
    }
    let equal = GOLDENS.len() - failures.len();
    println!("{file}: {equal} of {} equal to 1e-9, {same_bits} bit for bit", GOLDENS.len());
    assert!(failures.is_empty(), "{file}: {failures:#?}");
}

/// The first row where one column is NaN and the other is not, or which differs by more than 1e-9 of the
/// expected value.
fn first_difference(actual: &[f64], expected: &[f64]) -> Option<usize> {
    assert_eq!(actual.len(), expected.len());
    actual.iter().zip(expected).position(|(&a, &e)| {
        let is_close = (a - e).abs() <= 1e-9 * e.abs();
        !(is_close || a.is_nan() && e.is_nan())
    })
}

/// Equality of bits, except that NaN equals NaN and zero equals minus zero.
fn is_same(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

fn check_stream(spec: &IndicatorSpec, columns: &Columns, params: &[f64]) {
    let candles = candles(columns);
    let batch = spec.compute(&candles, None, params).unwrap();
    let mut stream = spec.stream(params).unwrap();
    let mut out = vec![0.0; batch.len()];
    for row in 0..candles.close.len() {
        stream.push(bar(&candles, row), &mut out);
        for (column, &value) in batch.iter().zip(&out) {
            let same = value.to_bits() == column[row].to_bits() || value.is_nan() && column[row].is_nan();
            assert!(same, "{} {params:?} row {row}: {value} for {}", spec.name, column[row]);
        }
    }
}

fn candles(columns: &Columns) -> Ohlcv<'_> {
    Ohlcv {
        open: &columns["open"],
        high: &columns["high"],
        low: &columns["low"],
        close: &columns["close"],
        volume: &columns["volume"],
    }
}

fn bar(candles: &Ohlcv<'_>, row: usize) -> Bar {
    Bar {
        open: candles.open[row],
        high: candles.high[row],
        low: candles.low[row],
        close: candles.close[row],
        volume: candles.volume[row],
    }
}

fn read_parquet(file: &Path) -> Columns {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap();
    let mut columns = Columns::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            if let Some(array) = array.as_primitive_opt::<Float64Type>() {
                let values = array.iter().map(|value| value.unwrap_or(f64::NAN));
                columns.entry(field.name().clone()).or_default().extend(values);
            }
        }
    }
    columns
}

fn read_csv(file: &Path) -> Columns {
    let text = std::fs::read_to_string(file).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let mut values = vec![Vec::new(); header.split(',').count()];
    for row in rows.lines() {
        for (column, value) in values.iter_mut().zip(row.split(',')) {
            column.push(value.parse().unwrap());
        }
    }
    header.split(',').map(str::to_owned).zip(values).collect()
}

/// A random walk with flat stretches, rows without volume and a NaN start.
fn random_candles(seed: u64, rows: usize) -> Columns {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut values = vec![Vec::new(); 5];
    let mut close = 10f64.powf(random.next() * 12.0 - 6.0);
    for row in 0..rows {
        let open = close;
        let is_flat = (row / 37) % 3 == 1;
        let spread = if is_flat { 0.0 } else { close * 0.01 * random.next() };
        close += spread * (random.next() - 0.5);
        let volume = if is_flat || random.next() < 0.1 { 0.0 } else { random.next() * 100.0 };
        let bar = [open, open.max(close) + spread, open.min(close) - spread, close, volume];
        for (column, value) in values.iter_mut().zip(bar) {
            column.push(if row < 5 { f64::NAN } else { value });
        }
    }
    ["open", "high", "low", "close", "volume"].map(str::to_owned).into_iter().zip(values).collect()
}

/// Xorshift numbers from zero to one.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from((self.0 >> 32) as u32) / f64::from(u32::MAX)
    }
}
