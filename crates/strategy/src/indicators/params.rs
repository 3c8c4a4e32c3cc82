//! Numeric parameters: what an indicator takes, and reading the values given.

/// Longest period TA-Lib accepts.
const MAX_PERIOD: f64 = 100_000.0;

/// Largest real parameter TA-Lib accepts.
const MAX_REAL: f64 = 3e37;

/// One numeric parameter of an indicator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParamSpec {
    /// TA-Lib's name, such as `timeperiod`.
    pub name: &'static str,
    /// TA-Lib's default.
    pub default: f64,
    /// Smallest allowed value.
    pub min: f64,
    /// Largest allowed value.
    pub max: f64,
    /// Whether only whole numbers are allowed.
    pub integer: bool,
}

impl ParamSpec {
    pub(super) const fn period(name: &'static str, default: f64, min: f64) -> Self {
        Self { name, default, min, max: MAX_PERIOD, integer: true }
    }

    pub(super) const fn real(name: &'static str, default: f64) -> Self {
        Self { name, default, min: -MAX_REAL, max: MAX_REAL, integer: false }
    }

    pub(super) const fn non_negative(name: &'static str, default: f64) -> Self {
        Self { name, default, min: 0.0, max: MAX_REAL, integer: false }
    }

    /// Whether `value` is in range, and whole where it must be. NaN is not.
    #[must_use]
    pub fn allows(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value) && (!self.integer || value.fract() == 0.0)
    }
}

/// Parameter values that their [`ParamSpec`]s allow, in the same order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a>(&'a [f64]);

impl<'a> Params<'a> {
    /// Wraps values that were checked against their specs.
    pub(super) fn checked(values: &'a [f64]) -> Self {
        Self(values)
    }

    /// The whole number at `index`.
    pub(super) fn period(&self, index: usize) -> usize {
        // Exact: a period is whole and at most `MAX_PERIOD`.
        self.0[index] as usize
    }

    /// The real number at `index`.
    pub(super) fn real(&self, index: usize) -> f64 {
        self.0[index]
    }
}

/// A number of rows as a divisor or weight. Exact below 2^53.
#[inline]
pub(super) fn count(rows: usize) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_values_in_range_pass_as_a_period() {
        let period = ParamSpec::period("timeperiod", 14.0, 2.0);
        assert!(period.allows(2.0) && period.allows(100_000.0));
        for value in [1.0, 2.5, 100_001.0, -3.0, f64::NAN, f64::INFINITY] {
            assert!(!period.allows(value), "{value}");
        }
        assert!(ParamSpec::real("nbdev", 1.0).allows(-2.5));
        assert!(!ParamSpec::non_negative("maximum", 0.2).allows(-0.1));
    }
}
