//! Decimals in and out of text, the way the exchange writes them.

use rust_decimal::{Decimal, RoundingStrategy};

/// Decimal places that every amount of the exchange has at most.
pub(crate) const PLACES: u32 = 8;

/// Largest number that a client may send: products of two such fit in a decimal.
const MAX: Decimal = Decimal::from_parts(1_316_134_912, 2_328, 0, false, 0);

/// Returns the decimal that a candle's float stands for: its shortest text, to eight places.
pub(crate) fn from_f64(value: f64) -> Decimal {
    let exact: Decimal = format!("{value}").parse().unwrap_or_default();
    exact.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// Returns the count of 1e-8 that a candle's float stands for; `None` where only its text tells. Tapes of millions
/// of candles are made by this, as [`from_f64`] writes and parses each number.
///
/// Decimals of fifteen digits at most are told apart by floats, so that the one of eight places that comes out as
/// this float is its shortest text.
#[expect(clippy::cast_precision_loss, reason = "counts below 1e15 are floats exactly")]
pub(crate) fn exact_e8(value: f64) -> Option<i64> {
    let count = (value * 1e8).round() as i64;
    (count.unsigned_abs() < 1_000_000_000_000_000 && count as f64 / 1e8 == value).then_some(count)
}

/// Returns a count of 1e-8 as a decimal.
pub(crate) fn from_e8(value: i64) -> Decimal {
    Decimal::new(value, PLACES).normalize()
}

/// Returns a decimal as a count of 1e-8, cut off; saturates.
pub(crate) fn to_e8(value: Decimal) -> i64 {
    let mut scaled = value.trunc_with_scale(PLACES);
    scaled.rescale(PLACES);
    i64::try_from(scaled.mantissa()).unwrap_or(if value.is_sign_negative() { i64::MIN } else { i64::MAX })
}

/// Parses what a client sends: digits with at most one point. No sign, exponent, blank or separator.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    let plain = !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // Text of more digits than fit must not be rounded quietly.
    let exact = if plain { Decimal::from_str_exact(text).ok() } else { None };
    exact.filter(|value| *value <= MAX)
}

/// Writes a decimal with exactly `places` digits after the point, cut off.
pub(crate) fn fixed(value: Decimal, places: u32) -> String {
    let mut value = value.trunc_with_scale(places);
    value.rescale(places);
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    value.to_string()
}

/// Writes a decimal without trailing zeros.
pub(crate) fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Returns a price times a quantity, cut to eight places.
pub(crate) fn cost(price: Decimal, quantity: Decimal) -> Decimal {
    (price * quantity).trunc_with_scale(PLACES)
}

/// Returns whether a value is a whole number of steps above `from`; a step of zero allows everything.
pub(crate) fn on_grid(value: Decimal, from: Decimal, step: Decimal) -> bool {
    step.is_zero() || ((value - from) % step).is_zero()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_round_trips() {
        assert_eq!(fixed(from_f64(0.1), 8), "0.10000000");
        assert_eq!(plain(from_f64(29123.45)), "29123.45");
        assert_eq!(from_e8(to_e8(from_f64(1.5))), Decimal::new(15, 1));
        assert_eq!(fixed(Decimal::new(-1, 9), 2), "0.00");
        for text in ["", "-1", "1e5", " 1", "1,0", "1.2.3", "9".repeat(41).as_str()] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(MAX, Decimal::from(10_000_000_000_000_i64));
        assert_eq!(parse("10000000000001"), None);
        assert_eq!(parse("0.0010"), Some(Decimal::new(1, 3)));
    }
    proptest! {
        #[test]
        fn the_quick_count_is_that_of_the_text(count in -999_999_999_999_999_i64..=999_999_999_999_999) {
            let value = count as f64 / 1e8;
            prop_assert_eq!(exact_e8(value), Some(count));
            prop_assert_eq!(to_e8(from_f64(value)), count);
        }

        #[test]
        fn whatever_the_text_has_more_of_is_left_to_it(bits in any::<u64>(), digits in any::<i32>(), places in 0..16) {
            for value in [f64::from_bits(bits), f64::from(digits) / 10_f64.powi(places)] {
                if let Some(count) = exact_e8(value) {
                    prop_assert_eq!(count, to_e8(from_f64(value)), "{}", value);
                    prop_assert_eq!(from_e8(count), from_f64(value), "{}", value);
                }
            }
        }
    }
}
