//! Decimal arithmetic as Freqtrade does it: on the shortest decimal text of a float.

use ethnum::I256;

/// Decimals kept by a division (CCXT's `Precise`).
const DIVISION_DECIMALS: i32 = 18;

/// A decimal number: `integer · 10^-decimals`.
///
/// Freqtrade computes money with CCXT's `Precise` on `str(float)`; sums and products are exact, divisions are cut
/// after 18 decimals. Doing the same keeps amounts and prices on the same side of every rounding step. 38 digits
/// are kept; what would need more loses its last digits, far below anything a float can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precise {
    integer: i128,
    decimals: i32,
}

impl Precise {
    pub(crate) const ZERO: Self = Self { integer: 0, decimals: 0 };

    /// Returns the number that the shortest decimal text of `value` spells. Not-a-number and infinities, which
    /// checked candles cannot bring in, become 0.
    pub(crate) fn new(value: f64) -> Self {
        match short_decimal(value) {
            Some((integer, decimals)) => {
                let (integer, decimals) = shortened(integer, decimals);
                Self { integer: i128::from(integer), decimals }
            }
            None => Self::from_text(value),
        }
    }

    fn from_text(value: f64) -> Self {
        if !value.is_finite() {
            return Self::ZERO;
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
        let integer: i128 = digits.parse().unwrap_or_default();
        let exponent: i32 = exponent.parse().unwrap_or_default();
        Self { integer, decimals: i32::try_from(fraction).unwrap_or_default() - exponent }
    }

    /// Returns the nearest float.
    pub(crate) fn to_f64(self) -> f64 {
        if let Some(value) = exact_quotient(self.integer, self.decimals) {
            return value;
        }
        let (reduced, decimals) = without_zeros(self.integer, self.decimals);
        exact_quotient(reduced, decimals).unwrap_or_else(|| parse(&format!("{reduced}e{}", -decimals)))
    }

    pub(crate) fn is_zero(self) -> bool {
        self.integer == 0
    }

    /// Quotient cut (towards zero) after 18 decimals; 0 when `other` is 0.
    pub(crate) fn div(self, other: Self) -> Self {
        if other.is_zero() {
            return Self::ZERO;
        }
        let distance = DIVISION_DECIMALS - self.decimals + other.decimals;
        match scaled(self.integer, distance) {
            Some(numerator) => {
                Self { integer: divided(numerator, other.integer), decimals: DIVISION_DECIMALS }
            }
            None => {
                let numerator = scaled_wide(I256::from(self.integer), distance);
                // Not even 77 digits are enough: no money is that large.
                let numerator = numerator.unwrap_or_else(|| scaled_wide(I256::ONE, 70).unwrap_or(I256::MAX));
                Self::narrowed(numerator / I256::from(other.integer), DIVISION_DECIMALS)
            }
        }
    }

    /// Remainder of two numbers that are not negative; 0 when `other` is 0.
    pub(crate) fn rem(self, other: Self) -> Self {
        if other.is_zero() {
            return Self::ZERO;
        }
        let (one, two, decimals) = self.aligned(other);
        // Numbers too far apart to meet leave nothing to speak of.
        let integer = if two == 0 || two == i128::MAX { 0 } else { remainder(one, two) };
        Self { integer, decimals }
    }

    /// Both integers at the larger number of decimals.
    fn aligned(self, other: Self) -> (i128, i128, i32) {
        if self.decimals == other.decimals {
            return (self.integer, other.integer, self.decimals);
        }
        let decimals = self.decimals.max(other.decimals);
        let at = |number: Self| scaled(number.integer, decimals - number.decimals);
        match (at(self), at(other)) {
            (Some(one), Some(two)) => (one, two, decimals),
            // One is beyond 38 digits next to the other: meet at the most decimals that both have room for.
            _ => {
                let fewer = self.decimals.min(other.decimals);
                let fitting = |decimals: i32| {
                    let at = |number: Self| scaled(number.integer, decimals - number.decimals);
                    Some((at(self)?, at(other)?, decimals))
                };
                (fewer..decimals).rev().find_map(fitting).unwrap_or((i128::MAX, i128::MAX, fewer))
            }
        }
    }

    /// Drops last digits until the number fits.
    fn narrowed(mut integer: I256, mut decimals: i32) -> Self {
        loop {
            if let Ok(integer) = i128::try_from(integer) {
                return Self { integer, decimals };
            }
            integer /= I256::new(10);
            decimals -= 1;
        }
    }

    /// Orders two numbers.
    pub(crate) fn cmp(self, other: Self) -> std::cmp::Ordering {
        let (one, two, _) = self.aligned(other);
        one.cmp(&two)
    }
}

impl std::ops::Mul for Precise {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let decimals = self.decimals + other.decimals;
        match self.integer.checked_mul(other.integer) {
            Some(integer) => Self { integer, decimals },
            None => Self::narrowed(I256::from(self.integer) * I256::from(other.integer), decimals),
        }
    }
}

impl std::ops::Add for Precise {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (one, two, decimals) = self.aligned(other);
        match one.checked_add(two) {
            Some(integer) => Self { integer, decimals },
            None => Self { integer: one / 10 + two / 10, decimals: decimals - 1 },
        }
    }
}

impl std::ops::Sub for Precise {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let (one, two, decimals) = self.aligned(other);
        match one.checked_sub(two) {
            Some(integer) => Self { integer, decimals },
            None => Self { integer: one / 10 - two / 10, decimals: decimals - 1 },
        }
    }
}

/// Powers of ten that a float holds exactly.
pub(crate) const POW10: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Powers of ten that fit 128 bits.
const INTEGER_POW10: [i128; 39] = {
    let mut powers = [1_i128; 39];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// The nearest whole number of a magnitude below 2^52, a half away from zero. (The library's `round` is a call on
/// plain x86-64.)
pub(crate) fn nearest(value: f64) -> f64 {
    let magnitude = (value.abs() + 0.5) as i64 as f64;
    if value < 0.0 { -magnitude } else { magnitude }
}

/// A float as `integer · 10^-decimals` with at most 15 digits, if it has such a form.
///
/// Decimals of up to 15 digits map to distinct floats, so a match *is* the shortest text (with zeros at the end).
fn short_decimal(value: f64) -> Option<(i64, i32)> {
    // Eight decimals hold nearly every price and amount; zeros are taken off afterwards.
    for decimals in [8_usize, 2, 12] {
        let rounded = nearest(value * POW10[decimals]);
        if rounded.abs() < 1e15 && rounded / POW10[decimals] == value {
            return Some((rounded as i64, i32::try_from(decimals).unwrap_or_default()));
        }
    }
    None
}

/// `integer / 10^decimals` where one float division rounds correctly.
fn exact_quotient(integer: i128, decimals: i32) -> Option<f64> {
    let exact = integer.unsigned_abs() <= 1 << 53;
    let power = POW10.get(usize::try_from(decimals).ok()?)?;
    // A 64-bit conversion is one instruction, a 128-bit one is a call.
    exact.then(|| integer as i64 as f64 / power)
}

/// The same number without zeros at the end, as far as 64 bits and decimals above 0 allow.
fn shortened(mut integer: i64, mut decimals: i32) -> (i64, i32) {
    for (power, zeros) in [(100_000_000, 8), (10_000, 4), (100, 2), (10, 1)] {
        if decimals >= zeros && integer % power == 0 {
            integer /= power;
            decimals -= zeros;
        }
    }
    (integer, decimals)
}

fn without_zeros(mut integer: i128, mut decimals: i32) -> (i128, i32) {
    while i64::try_from(integer).is_err() && decimals > 0 && integer % 10 == 0 {
        integer /= 10;
        decimals -= 1;
    }
    match i64::try_from(integer) {
        Ok(small) => {
            let (small, decimals) = shortened(small, decimals);
            (i128::from(small), decimals)
        }
        Err(_) => (integer, decimals),
    }
}

/// `integer · 10^by`, cut downwards when `by` is negative; `None` beyond 128 bits.
fn scaled(integer: i128, by: i32) -> Option<i128> {
    let power = INTEGER_POW10.get(by.unsigned_abs() as usize)?;
    if by >= 0 { integer.checked_mul(*power) } else { Some(integer.div_euclid(*power)) }
}

fn scaled_wide(integer: I256, by: i32) -> Option<I256> {
    let power = I256::new(10).checked_pow(by.unsigned_abs());
    match power {
        Some(power) if by >= 0 => integer.checked_mul(power),
        Some(power) => Some(integer.div_euclid(power)),
        None if by >= 0 => None,
        None => Some(I256::ZERO),
    }
}

/// `one / two`, in 64 bits where both fit.
fn divided(one: i128, two: i128) -> i128 {
    match (i64::try_from(one), i64::try_from(two)) {
        (Ok(one), Ok(two)) => i128::from(one.wrapping_div(two)),
        _ => one / two,
    }
}

/// `one % two`, in 64 bits where both fit.
fn remainder(one: i128, two: i128) -> i128 {
    match (i64::try_from(one), i64::try_from(two)) {
        (Ok(one), Ok(two)) => i128::from(one.wrapping_rem(two)),
        _ => one % two,
    }
}

fn parse(text: &str) -> f64 {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn freqtrades_partial_exit() {
        // From the study: 136.08 / 3 = 45.36000000000001 in floats; half of that stake of an amount of 0.04.
        let stake = 136.08 / 3.0;
        let amount = Precise::new(stake / 2.0) * Precise::new(0.04);
        let amount = amount.div(Precise::new(stake)).to_f64();
        assert!(amount <= 0.02, "{amount}");
    }

    #[test]
    fn division_is_cut_after_18_decimals() {
        let third = Precise::new(1.0).div(Precise::new(3.0));
        assert_eq!(third, Precise { integer: 333_333_333_333_333_333, decimals: 18 });
        assert_eq!(third.to_f64(), 0.333_333_333_333_333_3);
    }

    #[test]
    fn sums_keep_the_digits_that_fit() {
        // 36 decimals next to 5,000.00 do not fit 38 digits; cutting both to two decimals would lose 0.0056.
        let small = Precise { integer: 1_234_567_890_123_456_789_012_345_678_901_234_567, decimals: 36 };
        let sum = small + Precise::new(5_000.0);
        assert_eq!(sum.to_f64(), 5_001.234_567_890_124);
        assert_eq!((sum - Precise::new(5_000.0)).to_f64(), 1.234_567_890_123_456_8);
        // 88.35… and 111.82… fit with 36 decimals, their sum does not.
        let (one, two) = (Precise { integer: 88 * INTEGER_POW10[36], decimals: 36 }, Precise::new(111.818));
        assert_eq!((one + two).to_f64(), 199.818);
        assert_eq!((Precise::ZERO - one - two).to_f64(), -199.818);
    }

    #[test]
    fn absurd_sizes_do_not_panic() {
        for value in [1e308, -1e308, 1e-300, f64::MIN_POSITIVE, 0.0] {
            for other in [1e308, 1e-5, 1e-300, 0.04] {
                let (one, two) = (Precise::new(value), Precise::new(other));
                let _sum = (one + two) - two;
                let _rest = (one * two).div(two).rem(two).to_f64();
                let _rest = one.div(two).rem(Precise::new(0.001)).to_f64();
            }
        }
    }

    #[test]
    fn remainders() {
        assert_eq!(Precise::new(0.12345).rem(Precise::new(0.01)).to_f64(), 0.00345);
        assert!(Precise::new(1e-5).rem(Precise::new(1e-6)).is_zero());
    }

    proptest! {
        #[test]
        fn round_trip(value in -1e12_f64..1e12) {
            prop_assert_eq!(Precise::new(value).to_f64(), value);
        }

        #[test]
        fn short_decimals_round_trip(integer in -1_000_000_000_000_i64..1_000_000_000_000, decimals in 0_usize..13) {
            let value = integer as f64 / POW10[decimals];
            prop_assert_eq!(Precise::new(value).to_f64(), value);
            let product = Precise::new(value) * Precise::new(1.0);
            prop_assert_eq!(product.to_f64(), value);
        }

        #[test]
        fn any_size(mantissa in -1e3_f64..1e3, exponent in -20_i32..20) {
            let value = mantissa * 10_f64.powi(exponent);
            prop_assert_eq!(Precise::new(value).to_f64(), value);
        }
    }
}
