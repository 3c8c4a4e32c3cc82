//! All indicators, by name.

use super::spec::IndicatorSpec;
use super::{
    adx, aroon, atr, bbands, cci, dema, directional_index, ema, linearreg, macd, max_min, mfi, mom, natr,
    obv, roc, rsi, sar, sma, stddev, stoch, stochrsi, tema, trange, trix, ultosc, willr, wma,
};

static CATALOGUE: [IndicatorSpec; 31] = [
    adx::SPEC,
    aroon::SPEC,
    atr::SPEC,
    bbands::SPEC,
    cci::SPEC,
    dema::SPEC,
    ema::SPEC,
    linearreg::SPEC,
    macd::SPEC,
    max_min::MAX_SPEC,
    mfi::SPEC,
    max_min::MIN_SPEC,
    directional_index::MINUS_SPEC,
    mom::SPEC,
    natr::SPEC,
    obv::SPEC,
    directional_index::PLUS_SPEC,
    roc::SPEC,
    rsi::SPEC,
    sar::SPEC,
    sma::SPEC,
    stddev::SPEC,
    stoch::SPEC,
    stoch::FAST_SPEC,
    stochrsi::SPEC,
    tema::SPEC,
    trange::SPEC,
    trix::SPEC,
    ultosc::SPEC,
    willr::SPEC,
    wma::SPEC,
];

/// Returns every indicator, sorted by name.
#[must_use]
pub fn catalogue() -> &'static [IndicatorSpec] {
    &CATALOGUE
}

/// Returns the indicator with TA-Lib's lower-case `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static IndicatorSpec> {
    CATALOGUE.binary_search_by(|spec| spec.name.cmp(name)).ok().map(|index| &CATALOGUE[index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::{Bar, Ohlcv};

    #[test]
    fn names_are_sorted_unique_and_found() {
        assert!(catalogue().windows(2).all(|pair| pair[0].name < pair[1].name));
        for spec in catalogue() {
            assert_eq!(find(spec.name).map(|found| found.name), Some(spec.name));
        }
        assert!(find("EMA").is_none() && find("").is_none());
    }

    #[test]
    fn defaults_are_allowed_and_lookback_counts_the_leading_nan() {
        let wave: Vec<f64> = (0..200).map(|row| 100.0 + (f64::from(row) / 3.0).sin()).collect();
        let candles = Ohlcv { open: &wave, high: &wave, low: &wave, close: &wave, volume: &wave };
        for spec in catalogue() {
            let defaults: Vec<f64> = spec.params.iter().map(|param| param.default).collect();
            let outputs = spec.compute(&candles, None, &defaults).unwrap();
            assert_eq!(outputs.len(), spec.outputs.len(), "{}", spec.name);
            for output in &outputs {
                let leading = output.iter().take_while(|value| value.is_nan()).count();
                assert_eq!(leading, spec.lookback(&defaults), "{}", spec.name);
                assert!(output[leading..].iter().all(|value| value.is_finite()), "{}", spec.name);
            }
        }
    }

    #[test]
    fn input_shorter_than_the_lookback_is_all_nan_and_empty_input_gives_empty_output() {
        let bar = Bar { open: 1.0, high: 2.0, low: 0.5, close: 1.5, volume: 3.0 };
        for spec in catalogue() {
            let defaults: Vec<f64> = spec.params.iter().map(|param| param.default).collect();
            let rows = spec.lookback(&defaults);
            let (high, low, close, volume) =
                (vec![bar.high; rows], vec![bar.low; rows], vec![bar.close; rows], vec![bar.volume; rows]);
            let candles = Ohlcv { open: &close, high: &high, low: &low, close: &close, volume: &volume };
            for output in spec.compute(&candles, None, &defaults).unwrap() {
                assert_eq!(output.len(), rows);
                assert!(output.iter().all(|value| value.is_nan()), "{}", spec.name);
            }
        }
    }
}
