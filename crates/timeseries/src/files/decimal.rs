//! Doubles as decimals: integers and a power of ten to divide by.

/// Integers below this are exact doubles, and have at most 16 digits.
const MAX_INTEGER: u64 = 1 << 53;

/// Returns 10^scale up to 18 digits, or `None`. Powers of ten up to 10^22 are exact doubles.
pub(crate) fn power_of_ten(scale: u32) -> Option<f64> {
    (scale <= 18).then(|| nearest_f64(10_i64.pow(scale)))
}

/// Returns the double nearest to a decimal: a true division rounds once.
pub(crate) fn to_double(integer: i64, power: f64) -> f64 {
    nearest_f64(integer) / power
}

/// Returns the integer from which [`to_double`] makes this very double, bit for bit. NaN, infinities, -0.0 and
/// numbers that need more digits have none.
#[expect(clippy::cast_possible_truncation, reason = "whatever is cut off shows when it is turned back")]
pub(crate) fn to_integer(value: f64, power: f64) -> Option<i64> {
    let integer = (value * power).round() as i64;
    let is_same = to_double(integer, power).to_bits() == value.to_bits();
    (is_same && integer.unsigned_abs() < MAX_INTEGER).then_some(integer)
}

#[expect(clippy::cast_precision_loss, reason = "rounding to the nearest double is what is asked for")]
fn nearest_f64(integer: i64) -> f64 {
    integer as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_no_decimal() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0 / 3.0, 9_007_199_254_740_992.0] {
            assert_eq!(to_integer(value, 100.0), None, "{value}");
        }
        assert_eq!(to_integer(0.29, 100.0), Some(29));
        assert_eq!(to_integer(-30_000.01, 100.0), Some(-3_000_001));
        assert_eq!((power_of_ten(0), power_of_ten(18), power_of_ten(19)), (Some(1.0), Some(1e18), None));
    }

    proptest! {
        #[test]
        fn an_integer_is_a_promise(bits: u64, scale in 0_u32..=18) {
            let (value, power) = (f64::from_bits(bits), power_of_ten(scale).unwrap());
            if let Some(integer) = to_integer(value, power) {
                prop_assert_eq!(to_double(integer, power).to_bits(), bits);
            }
        }

        #[test]
        fn exchange_prices_have_one(ticks in 0_i64..1_000_000_000_000, scale in 0_u32..=8) {
            let power = power_of_ten(scale).unwrap();
            prop_assert_eq!(to_integer(to_double(ticks, power), power), Some(ticks));
        }
    }
}
