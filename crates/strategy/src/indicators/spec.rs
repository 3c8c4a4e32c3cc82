//! One entry of the catalogue: what an indicator takes and gives, and running it by that description.

use super::candles::{Bar, Column, Ohlcv};
use super::error::IndicatorError;
use super::kernel::{Indicator, batch, is_complete};
use super::params::{ParamSpec, Params};

/// Which columns an indicator reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Inputs {
    /// Any one column; close unless the caller names another source.
    Series,
    /// Close and volume.
    CloseVolume,
    /// High and low.
    HighLow,
    /// High, low and close.
    HighLowClose,
    /// High, low, close and volume.
    HighLowCloseVolume,
}

impl Inputs {
    /// Returns the names of the columns.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Series => &["close"],
            Self::CloseVolume => &["close", "volume"],
            Self::HighLow => &["high", "low"],
            Self::HighLowClose => &["high", "low", "close"],
            Self::HighLowCloseVolume => &["high", "low", "close", "volume"],
        }
    }

    fn columns(self) -> &'static [Column] {
        use Column::{Close, High, Low, Volume};
        match self {
            Self::Series => &[Close],
            Self::CloseVolume => &[Close, Volume],
            Self::HighLow => &[High, Low],
            Self::HighLowClose => &[High, Low, Close],
            Self::HighLowCloseVolume => &[High, Low, Close, Volume],
        }
    }
}

/// An indicator fed one row at a time, with the same bits as the batch form.
pub trait Stream: Send {
    /// Takes the next row and writes one value per output into `out`, NaN while there is too little
    /// history. Indicators of one series read `bar.close`. Slots of `out` past the indicator's outputs
    /// are left alone.
    fn push(&mut self, bar: Bar, out: &mut [f64]);
}

/// Description of one indicator.
#[derive(Debug, Clone, Copy)]
pub struct IndicatorSpec {
    /// TA-Lib's name in lower case.
    pub name: &'static str,
    /// Columns it reads.
    pub inputs: Inputs,
    /// Parameters, in the order they are passed.
    pub params: &'static [ParamSpec],
    /// Names of the output columns; `value` when there is one.
    pub outputs: &'static [&'static str],
    /// One line for people.
    pub summary: &'static str,
    pub(super) program: Program,
}

impl IndicatorSpec {
    /// Returns the number of leading NaN rows on input without NaN.
    ///
    /// A missing or disallowed parameter counts as its default.
    #[must_use]
    pub fn lookback(&self, params: &[f64]) -> usize {
        let given = |index: usize, spec: &ParamSpec| params.get(index).copied().filter(|&v| spec.allows(v));
        let usable: Vec<f64> =
            self.params.iter().enumerate().map(|(i, spec)| given(i, spec).unwrap_or(spec.default)).collect();
        (self.program.lookback)(Params::checked(&usable))
    }

    /// Returns one column per output, in the order of `outputs`, each as long as `candles.close`.
    ///
    /// `source` is read instead of close by indicators of one series.
    ///
    /// # Errors
    /// [`IndicatorError::ParamCount`] and [`IndicatorError::InvalidParam`] for parameters the specs do
    /// not allow, [`IndicatorError::SourceNotAccepted`] for a source given to an indicator of candle
    /// columns, [`IndicatorError::LengthMismatch`] when a column it reads differs in length from close.
    pub fn compute(
        &self,
        candles: &Ohlcv<'_>,
        source: Option<&[f64]>,
        params: &[f64],
    ) -> Result<Vec<Vec<f64>>, IndicatorError> {
        let params = self.check(params)?;
        let columns = self.columns(candles, source)?;
        Ok((self.program.compute)(&columns, params))
    }

    /// Returns a stream that has seen no rows.
    ///
    /// # Errors
    /// [`IndicatorError::ParamCount`] and [`IndicatorError::InvalidParam`] as for
    /// [`compute`](Self::compute).
    pub fn stream(&self, params: &[f64]) -> Result<Box<dyn Stream>, IndicatorError> {
        let params = self.check(params)?;
        Ok((self.program.stream)(self.inputs.columns(), params))
    }

    fn check<'p>(&self, params: &'p [f64]) -> Result<Params<'p>, IndicatorError> {
        let (expected, given) = (self.params.len(), params.len());
        if given != expected {
            return Err(IndicatorError::ParamCount { indicator: self.name, expected, given });
        }
        for (spec, &value) in self.params.iter().zip(params) {
            if !spec.allows(value) {
                let ParamSpec { name: param, min, max, integer, .. } = *spec;
                let indicator = self.name;
                return Err(IndicatorError::InvalidParam { indicator, param, value, min, max, integer });
            }
        }
        Ok(Params::checked(params))
    }

    fn columns<'c>(
        &self,
        candles: &Ohlcv<'c>,
        source: Option<&'c [f64]>,
    ) -> Result<Vec<&'c [f64]>, IndicatorError> {
        let columns: Vec<&[f64]> = match source {
            Some(source) if self.inputs == Inputs::Series => vec![source],
            Some(_) => return Err(IndicatorError::SourceNotAccepted { indicator: self.name }),
            None => self.inputs.columns().iter().map(|&column| candles.column(column)).collect(),
        };
        let expected = candles.close.len();
        match columns.iter().map(|column| column.len()).find(|&rows| rows != expected) {
            Some(given) => Err(IndicatorError::LengthMismatch { indicator: self.name, expected, given }),
            None => Ok(columns),
        }
    }
}

/// One column per output.
type Outputs = Vec<Vec<f64>>;

/// The code behind a spec, with the indicator's type erased once per call rather than once per row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    lookback: fn(Params<'_>) -> usize,
    compute: fn(&[&[f64]], Params<'_>) -> Outputs,
    stream: fn(&'static [Column], Params<'_>) -> Box<dyn Stream>,
}

impl Program {
    /// The program of indicator `I`. `IN` equals the number of columns of the spec's inputs.
    pub(super) const fn of<const IN: usize, const OUT: usize, I: Indicator<IN, OUT>>() -> Self {
        Self { lookback: I::lookback, compute: compute::<IN, OUT, I>, stream: stream::<IN, OUT, I> }
    }
}

fn compute<const IN: usize, const OUT: usize, I: Indicator<IN, OUT>>(
    columns: &[&[f64]],
    params: Params<'_>,
) -> Outputs {
    let columns: [&[f64]; IN] = std::array::from_fn(|index| columns[index]);
    batch(columns, &[], || I::from_params(params)).into()
}

fn stream<const IN: usize, const OUT: usize, I: Indicator<IN, OUT>>(
    columns: &'static [Column],
    params: Params<'_>,
) -> Box<dyn Stream> {
    let columns: [Column; IN] = std::array::from_fn(|index| columns[index]);
    Box::new(RowStream::<IN, OUT, I> { kernel: I::from_params(params), columns, begun: false })
}

/// A kernel that picks its inputs out of bars.
struct RowStream<const IN: usize, const OUT: usize, I> {
    kernel: I,
    columns: [Column; IN],
    /// Whether a complete row was seen.
    begun: bool,
}

impl<const IN: usize, const OUT: usize, I: Indicator<IN, OUT>> Stream for RowStream<IN, OUT, I> {
    fn push(&mut self, bar: Bar, out: &mut [f64]) {
        let row = self.columns.map(|column| bar.value(column));
        self.begun = self.begun || is_complete(&row);
        let values = if self.begun { self.kernel.next(row) } else { None };
        for (slot, value) in out.iter_mut().zip(values.unwrap_or([f64::NAN; OUT])) {
            *slot = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::indicators::{IndicatorError, Ohlcv, find};

    const CLOSE: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

    fn candles(volume: &[f64]) -> Ohlcv<'_> {
        Ohlcv { open: &CLOSE, high: &CLOSE, low: &CLOSE, close: &CLOSE, volume }
    }

    #[test]
    fn a_source_replaces_close_for_indicators_of_one_series() {
        let sma = find("sma").unwrap();
        let source = [10.0, 20.0, 30.0, 40.0];
        assert_eq!(sma.compute(&candles(&CLOSE), None, &[2.0]).unwrap()[0][1..], [1.5, 2.5, 3.5]);
        assert_eq!(sma.compute(&candles(&CLOSE), Some(&source), &[2.0]).unwrap()[0][1..], [15.0, 25.0, 35.0]);
    }

    #[test]
    fn wrong_calls_are_refused() {
        let rsi = find("rsi").unwrap();
        let invalid = |params: &[f64]| rsi.compute(&candles(&CLOSE), None, params).unwrap_err();
        assert_eq!(invalid(&[]), IndicatorError::ParamCount { indicator: "rsi", expected: 1, given: 0 });
        assert!(matches!(invalid(&[1.0]), IndicatorError::InvalidParam { param: "timeperiod", .. }));
        assert!(rsi.stream(&[14.5]).is_err());

        let obv = find("obv").unwrap();
        let short = obv.compute(&candles(&CLOSE[..2]), None, &[]).unwrap_err();
        assert_eq!(short, IndicatorError::LengthMismatch { indicator: "obv", expected: 4, given: 2 });
        let source = obv.compute(&candles(&CLOSE), Some(&CLOSE), &[]).unwrap_err();
        assert_eq!(source, IndicatorError::SourceNotAccepted { indicator: "obv" });
    }

    #[test]
    fn lookback_reads_unusable_parameters_as_defaults() {
        let macd = find("macd").unwrap();
        assert_eq!(macd.lookback(&[12.0, 26.0, 9.0]), 33);
        assert_eq!(macd.lookback(&[]), 33);
        assert_eq!(macd.lookback(&[12.0, 30.0, -1.0]), 37);
    }
}
