//! Rounding to what an exchange takes.

use crate::Decimal;

/// Which way to round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Towards zero: amounts and costs.
    Truncate,
    /// To the nearest, halves away from zero: prices.
    Round,
}

/// What a precision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counting {
    /// Digits after the point.
    DecimalPlaces,
    /// Digits from the first that is not zero.
    SignificantDigits,
    /// A step: results are its multiples.
    TickSize,
}

/// Whether zeros at the end are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Padding {
    /// As few digits as it takes.
    None,
    /// As many digits as the precision says.
    Zeros,
}

/// Rounds `value` to `precision` and writes it without an exponent. A result of zero has no sign.
///
/// `None` when the precision makes no sense (a step that is not positive, a fraction of digits).
#[must_use]
pub fn decimal_to_precision(
    value: Decimal,
    rounding: Rounding,
    precision: Decimal,
    counting: Counting,
    padding: Padding,
) -> Option<String> {
    let (rounded, places) = match counting {
        Counting::TickSize => {
            if !precision.is_positive() {
                return None;
            }
            (to_step(value, rounding, precision)?, precision.scale())
        }
        Counting::DecimalPlaces => {
            let places = whole(precision)?;
            (to_places(value, rounding, places)?, u32::try_from(places.max(0)).ok()?)
        }
        Counting::SignificantDigits => to_digits(value, rounding, whole(precision)?)?,
    };
    let places = usize::try_from(places).ok()?;
    Some(match padding {
        Padding::Zeros => format!("{rounded:.places$}"),
        Padding::None => rounded.to_string(),
    })
}

fn whole(precision: Decimal) -> Option<i32> {
    if precision.scale() == 0 { i32::try_from(precision.to_i64()?).ok() } else { None }
}

/// Rounds to a multiple of `step`.
fn to_step(value: Decimal, rounding: Rounding, step: Decimal) -> Option<Decimal> {
    let rest = value.abs().modulo(step)?;
    let below = value.abs().checked_sub(rest)?;
    let up = rounding == Rounding::Round && rest.checked_add(rest)? >= step;
    let result = if up { below.checked_add(step)? } else { below };
    Some(if value.is_negative() { result.negate() } else { result })
}

/// Rounds to digits after the point; negative counts round before it.
fn to_places(value: Decimal, rounding: Rounding, places: i32) -> Option<Decimal> {
    match u32::try_from(places) {
        Ok(places) => Some(match rounding {
            Rounding::Truncate => value.truncated(places),
            Rounding::Round => value.rounded(places),
        }),
        Err(_) => to_step(value, rounding, Decimal::power_of_ten(-places)?),
    }
}

/// Rounds to significant digits; also returns how many of them stand after the point.
fn to_digits(value: Decimal, rounding: Rounding, digits: i32) -> Option<(Decimal, u32)> {
    if digits <= 0 || value.is_zero() {
        return Some((Decimal::ZERO, 0));
    }
    let leading = leading_place(value)?;
    let places = digits - leading;
    let rounded = to_places(value, rounding, places)?;
    // Rounding 0.0996 up to two digits carries: 0.10 needs one place less.
    let carried = i32::from(leading_place(rounded)? > leading && !rounded.is_zero());
    Some((rounded, u32::try_from((places - carried).max(0)).ok()?))
}

/// Returns where the first digit stands: 1 for `7`, 2 for `70`, 0 for `0.7`.
fn leading_place(value: Decimal) -> Option<i32> {
    Some(i32::try_from(value.digits()).ok()? - i32::try_from(value.scale()).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(value: &str, rounding: Rounding, step: &str) -> String {
        let (value, step) = (value.parse().unwrap(), step.parse().unwrap());
        decimal_to_precision(value, rounding, step, Counting::TickSize, Padding::None).unwrap()
    }

    #[test]
    fn amounts_truncate_and_prices_round() {
        assert_eq!(step("0.0123456789", Rounding::Truncate, "0.000001"), "0.012345");
        assert_eq!(step("7.9", Rounding::Truncate, "1"), "7");
        assert_eq!(step("30000.135", Rounding::Round, "0.01"), "30000.14");
        assert_eq!(step("30000.25", Rounding::Round, "0.1"), "30000.3");
        assert_eq!(step("-0.0004", Rounding::Truncate, "0.001"), "0");
    }

    #[test]
    fn a_step_of_zero_is_none() {
        let zero = Decimal::ZERO;
        assert_eq!(
            decimal_to_precision(zero, Rounding::Round, zero, Counting::TickSize, Padding::None),
            None
        );
    }

    proptest! {
        #[test]
        fn results_are_multiples_and_close(value in -1_000_000_000_000_i64..1_000_000_000_000, tick in 1..1_000_000_i64) {
            let (value, tick) = (Decimal::new(value.into(), 6).unwrap(), Decimal::new(tick.into(), 5).unwrap());
            for rounding in [Rounding::Truncate, Rounding::Round] {
                let text = decimal_to_precision(value, rounding, tick, Counting::TickSize, Padding::None).unwrap();
                let result: Decimal = text.parse().unwrap();
                prop_assert!(result.modulo(tick).unwrap().is_zero());
                prop_assert!(value.checked_sub(result).unwrap().abs() < tick);
            }
        }
    }
}
