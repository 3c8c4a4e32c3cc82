//! Printing: tables, JSON, times and sizes.

use serde_json::{Value, json};
use tradai_domain::{CandleSeries, SeriesKey, format_utc};
use tradai_timeseries::SeriesInfo;

use super::series::key_of;
pub(super) use crate::output::{print, print_json};

/// The label of made-up candles.
pub(super) const SYNTHETIC: &str = "SYNTHETIC";

/// Lays rows out in columns; those named in `right` are aligned to the right.
pub(super) fn table(header: &[&str], right: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let titles: Vec<String> = header.iter().map(|title| (*title).to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for ((cell, &width), title) in row.iter().zip(&widths).zip(header) {
            if right.contains(title) {
                line.push_str(&format!("{cell:>width$}  "));
            } else {
                line.push_str(&format!("{cell:<width$}  "));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Writes a size as people read it.
pub(super) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let bytes_f = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes_f / 1e6),
        _ => format!("{:.1} GB", bytes_f / 1e9),
    }
}

/// Writes "1 file", "2 files".
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Writes "3 (17 candles)", or "0".
pub(super) fn gaps(info: &SeriesInfo) -> String {
    let missing: u64 = info.gaps.iter().map(|gap| gap.missing).sum();
    if missing == 0 { "0".to_owned() } else { format!("{} ({missing} candles)", info.gaps.len()) }
}

/// Returns symbol, timeframe and kind as JSON members.
pub(super) fn key_json(key: &SeriesKey) -> Value {
    json!({ "symbol": key.symbol, "timeframe": key.timeframe, "kind": key.kind })
}

/// Returns the series that the store calls `BTC_USDT_1h` as JSON members.
pub(super) fn store_symbol_json(store_symbol: &str) -> Value {
    key_of(store_symbol).map_or_else(|| json!({ "series": store_symbol }), |key| key_json(&key))
}

/// Writes the series that the store calls `BTC_USDT_1h`.
pub(super) fn series_name(store_symbol: &str) -> String {
    key_of(store_symbol).map_or_else(|| store_symbol.to_owned(), |key| key.to_string())
}

/// Returns what is known of a series.
pub(super) fn info_json(info: &SeriesInfo) -> Value {
    let mut value = key_json(&info.key);
    value["version"] = json!(info.version);
    value["committed"] = json!(format_utc(info.committed));
    value["from"] = json!(info.span.map(|span| format_utc(span.0)));
    value["to"] = json!(info.span.map(|span| format_utc(span.1)));
    value["rows"] = json!(info.rows);
    value["bytes"] = json!(info.bytes);
    value["synthetic"] = json!(info.synthetic);
    value["gaps"] = info
        .gaps
        .iter()
        .map(|gap| json!({ "start": format_utc(gap.start), "missing": gap.missing }))
        .collect();
    value["data_hash"] = json!(info.data_hash);
    value["metadata"] = json!(info.metadata);
    value
}

/// Returns candles as `[ms, open, high, low, close, volume]`.
pub(super) fn candles_json(series: &CandleSeries) -> Value {
    (0..series.len())
        .map(|row| {
            json!([
                series.open_time()[row],
                series.open()[row],
                series.high()[row],
                series.low()[row],
                series.close()[row],
                series.volume()[row],
            ])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "10".to_owned()], vec!["bcd".to_owned(), "9".to_owned()]];
        assert_eq!(table(&["name", "rows"], &["rows"], &rows), "name  rows\na       10\nbcd      9\n");
    }

    #[test]
    fn sizes() {
        assert_eq!([size(999), size(1_500), size(41_805_021)], ["999 B", "1.5 kB", "41.8 MB"]);
    }
}
