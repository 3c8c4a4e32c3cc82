//! How a column of values is best kept in Parquet: told from the values themselves, so that the same values are
//! always kept the same way.

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;

use super::decimal::{power_of_ten, to_integer};

/// What the store's files are made for. Either way a value comes back bit for bit, and any Parquet reader reads
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// To be read: doubles, which every program decodes at full speed.
    #[default]
    F64,
    /// To be kept: columns whose every value is a decimal number become decimals, at less than half the size.
    /// Programs other than ours see decimals there, and take longer to read them.
    Compact,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::F64, Self::Compact];

    /// Returns the name that manifests and settings use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::Compact => "compact",
        }
    }

    /// Returns the profile of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }
}

/// The form of a column of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColumnForm {
    pub(crate) values: Values,
    pub(crate) compression: Compression,
}

/// What stands for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// The double itself.
    Doubles,
    /// The double's number in a list of all that occur.
    Listed,
    /// The integer that is 10^`scale` times the double.
    Decimals { scale: u32 },
}

impl ColumnForm {
    /// Returns the form that a profile has for a column.
    pub(crate) fn choose(profile: Profile, values: &[f64]) -> Result<Self, ParquetError> {
        let (values, compression) = match profile {
            // Lists and differences are packed tightly already: LZ4 or zstd would take a few per cent off, and
            // make reading 15 to 40 % slower.
            Profile::F64 if is_repetitive(values) => (Values::Listed, Compression::UNCOMPRESSED),
            Profile::F64 => (Values::Doubles, Compression::LZ4_RAW),
            Profile::Compact => match scale_of(values) {
                Some(scale) => (Values::Decimals { scale }, Compression::UNCOMPRESSED),
                None => (Values::Doubles, Compression::ZSTD(ZstdLevel::try_new(1)?)),
            },
        };
        Ok(Self { values, compression })
    }

    /// Returns the form that other programs like best.
    pub(crate) fn for_export() -> Self {
        Self { values: Values::Doubles, compression: Compression::ZSTD(ZstdLevel::default()) }
    }
}

/// Rows for each distinct value from which on a list of the values is the smaller form: some 1.3 bytes of list
/// and 1.6 of number for each row, against the 3 that LZ4 makes of prices with few ticks.
const REPETITIVE: usize = 6;

/// Bits of the filter in [`is_repetitive`]: some times as many as a file's column has distinct values.
const FILTER_BITS: u32 = 17;

/// Returns whether a column has so few distinct values, by and large: different ones that meet in the filter
/// count once.
fn is_repetitive(values: &[f64]) -> bool {
    let limit = values.len() / REPETITIVE;
    let mut seen = vec![0_u64; 1 << (FILTER_BITS - 6)];
    let mut distinct = 0;
    for value in values {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the value.
        let hash = value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS);
        let (word, bit) = (&mut seen[(hash >> 6) as usize], 1 << (hash & 63));
        distinct += usize::from(*word & bit == 0);
        *word |= bit;
        if distinct > limit {
            return false;
        }
    }
    true
}

/// Digits after the point that decimals may have.
const MAX_SCALE: u32 = 15;

/// Values tried before all of them are.
const SAMPLE: usize = 16;

/// Returns the least number of digits after the point that every value does with, or `None` when some value is
/// no decimal.
fn scale_of(values: &[f64]) -> Option<u32> {
    let step = (values.len() / SAMPLE).max(1);
    let sample_fits = |scale| values.iter().step_by(step).all(|&value| is_decimal(value, scale));
    let all_fit = |scale| values.iter().all(|&value| is_decimal(value, scale));
    // What a few values need, all need: that leaves few scales to try on all.
    let least = (0..=MAX_SCALE).find(|&scale| sample_fits(scale))?;
    (least..=MAX_SCALE).find(|&scale| all_fit(scale))
}

fn is_decimal(value: f64, scale: u32) -> bool {
    power_of_ten(scale).is_some_and(|power| to_integer(value, power).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_digits_that_lose_nothing() {
        let cents: Vec<f64> = (0..1_000).map(|at| f64::from(at) / 100.0).collect();
        assert_eq!(scale_of(&cents), Some(2));
        assert_eq!(scale_of(&[1.0, 2.0]), Some(0));
        assert_eq!(scale_of(&[1.0, 2.5, 0.000_000_01]), Some(8));
        for odd in [f64::NAN, f64::INFINITY, -0.0, 1.0 / 3.0, 1e300] {
            let mut values = cents.clone();
            values[501] = odd;
            assert_eq!(scale_of(&values), None, "{odd}");
        }
    }

    #[test]
    fn few_values_are_listed() {
        let repetitive: Vec<f64> = (0..40_000).map(|at| f64::from(at % 6_000)).collect();
        let various: Vec<f64> = (0..40_000).map(|at| f64::from(at % 8_000) + 0.1).collect();
        assert!(is_repetitive(&repetitive) && is_repetitive(&[f64::NAN; 8]));
        assert!(!is_repetitive(&various) && !is_repetitive(&[1.0]));
    }
}
