//! Why the registry refuses a call.

use std::error::Error;
use std::fmt;

/// A refused call of [`IndicatorSpec::compute`](super::IndicatorSpec::compute) or
/// [`IndicatorSpec::stream`](super::IndicatorSpec::stream).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum IndicatorError {
    /// The indicator takes another number of parameters.
    ParamCount {
        /// Name of the indicator.
        indicator: &'static str,
        /// Number of parameters it takes.
        expected: usize,
        /// Number of parameters given.
        given: usize,
    },
    /// A parameter is outside its range, not finite, or not whole where it must be.
    InvalidParam {
        /// Name of the indicator.
        indicator: &'static str,
        /// Name of the parameter.
        param: &'static str,
        /// The value given.
        value: f64,
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
        /// Whether only whole numbers are allowed.
        integer: bool,
    },
    /// A source column was given to an indicator that reads fixed candle columns.
    SourceNotAccepted {
        /// Name of the indicator.
        indicator: &'static str,
    },
    /// The columns to be read differ in length.
    LengthMismatch {
        /// Name of the indicator.
        indicator: &'static str,
        /// Rows of the candles' close column.
        expected: usize,
        /// Rows of the column that differs.
        given: usize,
    },
}

impl fmt::Display for IndicatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ParamCount { indicator, expected, given } => {
                write!(f, "{indicator} takes {expected} parameters, {given} given")
            }
            Self::InvalidParam { indicator, param, value, min, max, integer: true } => {
                write!(f, "{indicator}: {param} must be a whole number from {min} to {max}, not {value}")
            }
            // `{:?}` keeps bounds such as 3e37 short.
            Self::InvalidParam { indicator, param, value, min, max, integer: false } => {
                write!(f, "{indicator}: {param} must be from {min:?} to {max:?}, not {value:?}")
            }
            Self::SourceNotAccepted { indicator } => {
                write!(f, "{indicator} reads candle columns and takes no source")
            }
            Self::LengthMismatch { indicator, expected, given } => {
                write!(f, "{indicator}: a column has {given} rows where the candles have {expected}")
            }
        }
    }
}

impl Error for IndicatorError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_parameter_is_named_with_its_range() {
        let whole = IndicatorError::InvalidParam {
            indicator: "rsi",
            param: "timeperiod",
            value: 1.0,
            min: 2.0,
            max: 100_000.0,
            integer: true,
        };
        assert_eq!(whole.to_string(), "rsi: timeperiod must be a whole number from 2 to 100000, not 1");
        let real = IndicatorError::InvalidParam {
            indicator: "sar",
            param: "maximum",
            value: -0.5,
            min: 0.0,
            max: 3e37,
            integer: false,
        };
        assert_eq!(real.to_string(), "sar: maximum must be from 0.0 to 3e37, not -0.5");
    }
}
