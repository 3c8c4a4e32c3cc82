//! TA-Lib's idea of a value too small to divide by.

/// Size below which TA-Lib treats a value as zero.
const EPSILON: f64 = 1e-14;

/// Whether `value` counts as zero. NaN does not.
#[inline]
pub(super) fn is_zero(value: f64) -> bool {
    -EPSILON < value && value < EPSILON
}

/// Whether `value` counts as zero or less. NaN does not.
#[inline]
pub(super) fn is_zero_or_negative(value: f64) -> bool {
    value < EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_open_and_nan_is_not_zero() {
        assert!(is_zero(0.0) && is_zero(9.9e-15) && is_zero(-9.9e-15));
        assert!(!is_zero(1e-14) && !is_zero(-1e-14) && !is_zero(f64::NAN));
        assert!(is_zero_or_negative(-1.0) && is_zero_or_negative(0.0));
        assert!(!is_zero_or_negative(1e-14) && !is_zero_or_negative(f64::NAN));
    }
}
