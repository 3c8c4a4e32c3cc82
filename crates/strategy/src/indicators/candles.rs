//! The candle columns and rows indicators read.

/// Borrowed OHLCV columns of one length, oldest row first.
///
/// Prices are in the quote asset, `volume` in the base asset.
#[derive(Debug, Clone, Copy)]
pub struct Ohlcv<'a> {
    /// First price of each candle.
    pub open: &'a [f64],
    /// Highest price of each candle.
    pub high: &'a [f64],
    /// Lowest price of each candle.
    pub low: &'a [f64],
    /// Last price of each candle.
    pub close: &'a [f64],
    /// Traded amount of each candle.
    pub volume: &'a [f64],
}

/// One row of candle columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded amount.
    pub volume: f64,
}

/// A candle column some indicator reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    High,
    Low,
    Close,
    Volume,
}

impl<'a> Ohlcv<'a> {
    pub(super) fn column(&self, column: Column) -> &'a [f64] {
        match column {
            Column::High => self.high,
            Column::Low => self.low,
            Column::Close => self.close,
            Column::Volume => self.volume,
        }
    }
}

impl Bar {
    pub(super) fn value(&self, column: Column) -> f64 {
        match column {
            Column::High => self.high,
            Column::Low => self.low,
            Column::Close => self.close,
            Column::Volume => self.volume,
        }
    }
}
