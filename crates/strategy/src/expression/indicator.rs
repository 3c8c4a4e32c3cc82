//! The one place where the language meets the indicator catalogue.

use tradai_domain::CandleSeries;

use crate::indicators::{self, IndicatorError, IndicatorSpec, Inputs, Ohlcv};

/// Returns the indicator of a name.
pub(crate) fn find(name: &str) -> Option<&'static IndicatorSpec> {
    indicators::find(name)
}

/// Returns the names there are.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    indicators::catalogue().iter().map(|spec| spec.name)
}

/// Whether the indicator can be computed on any column in place of close.
pub(crate) fn takes_source(spec: &IndicatorSpec) -> bool {
    spec.inputs == Inputs::Series
}

/// Returns the columns of an indicator, one per output.
pub(super) fn compute(
    name: &'static str,
    params: &[u64],
    source: Option<&[f64]>,
    candles: &CandleSeries,
) -> Result<Vec<Vec<f64>>, IndicatorError> {
    let Some(spec) = find(name) else { return Ok(Vec::new()) };
    let ohlcv = Ohlcv {
        open: candles.open(),
        high: candles.high(),
        low: candles.low(),
        close: candles.close(),
        volume: candles.volume(),
    };
    spec.compute(&ohlcv, source, &numbers(params))
}

/// Returns how many candles pass before the indicator has a value.
pub(super) fn lookback(name: &str, params: &[u64]) -> usize {
    find(name).map_or(0, |spec| spec.lookback(&numbers(params)))
}

fn numbers(params: &[u64]) -> Vec<f64> {
    params.iter().map(|&bits| f64::from_bits(bits)).collect()
}
