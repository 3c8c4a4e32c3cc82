//! TA-Lib's ideas of a value too small to divide by.

/// Size below which TA-Lib treats a value without unit as zero, and a difference relative to what was
/// subtracted.
const EPSILON: f64 = 1e-14;

/// Whether `value` counts as zero. For values without a unit only: in the unit of a price the bound would
/// flatten cheap instruments. NaN does not count as zero.
#[inline]
pub(super) fn is_zero(value: f64) -> bool {
    -EPSILON < value && value < EPSILON
}

/// Whether the difference `value` is within rounding of zero, `scale` being the size of what was
/// subtracted. NaN does not count as zero.
#[inline]
pub(super) fn is_zero_scaled(value: f64, scale: f64) -> bool {
    value.abs() <= EPSILON * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_bound_is_open_and_nan_is_not_zero() {
        assert!(is_zero(0.0) && is_zero(9.9e-15) && is_zero(-9.9e-15));
        assert!(!is_zero(1e-14) && !is_zero(-1e-14) && !is_zero(f64::NAN));
    }

    #[test]
    fn the_scaled_bound_follows_the_operands() {
        assert!(is_zero_scaled(1e-10, 1e5) && !is_zero_scaled(1e-10, 1.0));
        assert!(is_zero_scaled(0.0, 0.0) && !is_zero_scaled(f64::NAN, 1.0));
    }
}
