//! Decimal arithmetic as Freqtrade does it: on the shortest decimal text of a float.

use ethnum::I256;

/// Decimals kept by a division (CCXT's `Precise`).
const DIVISION_DECIMALS: i32 = 18;

/// A decimal number: `integer · 10^-decimals`.
///
/// Freqtrade computes money with CCXT's `Precise` on `str(float)`; sums and products are exact, divisions are cut
/// after 18 decimals. Doing the same keeps amounts and prices on the same side of every rounding step. 77 digits
/// fit; a product that would need more loses its last digits, far below anything a float can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precise {
    integer: I256,
    decimals: i32,
}

impl Precise {
    pub(crate) const ZERO: Self = Self { integer: I256::ZERO, decimals: 0 };

    /// Returns the number that the shortest decimal text of `value` spells. Not-a-number and infinities, which
    /// checked candles cannot bring in, become 0.
    pub(crate) fn new(value: f64) -> Self {
        if let Some((integer, decimals)) = short_decimal(value) {
            return Self { integer: I256::from(integer), decimals };
        }
        Self::from_text(value)
    }

    #[cold]
    fn from_text(value: f64) -> Self {
        if !value.is_finite() {
            return Self::ZERO;
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
        let integer: i64 = digits.parse().unwrap_or_default();
        let exponent: i32 = exponent.parse().unwrap_or_default();
        Self {
            integer: I256::from(integer),
            decimals: i32::try_from(fraction).unwrap_or_default() - exponent,
        }
    }

    /// Returns the nearest float.
    pub(crate) fn to_f64(self) -> f64 {
        let Ok(small) = i128::try_from(self.integer) else { return self.through_text() };
        if let Some(value) = exact_quotient(small, self.decimals) {
            return value;
        }
        let (reduced, decimals) = without_zeros(small, self.decimals);
        exact_quotient(reduced, decimals).unwrap_or_else(|| parse(&format!("{reduced}e{}", -decimals)))
    }

    #[cold]
    fn through_text(self) -> f64 {
        parse(&format!("{}e{}", self.integer, -self.decimals))
    }

    pub(crate) fn is_zero(self) -> bool {
        self.integer == I256::ZERO
    }

    /// Quotient cut (towards zero) after 18 decimals; 0 when `other` is 0.
    pub(crate) fn div(self, other: Self) -> Self {
        if other.is_zero() {
            return Self::ZERO;
        }
        let distance = DIVISION_DECIMALS - self.decimals + other.decimals;
        let numerator = scaled(self.integer, distance);
        Self { integer: numerator / other.integer, decimals: DIVISION_DECIMALS }
    }

    /// Remainder of two numbers that are not negative; 0 when `other` is 0.
    pub(crate) fn rem(self, other: Self) -> Self {
        if other.is_zero() {
            return Self::ZERO;
        }
        let (one, two, decimals) = self.aligned(other);
        Self { integer: one % two, decimals }
    }

    fn aligned(self, other: Self) -> (I256, I256, i32) {
        let decimals = self.decimals.max(other.decimals);
        let one = scaled(self.integer, decimals - self.decimals);
        let two = scaled(other.integer, decimals - other.decimals);
        (one, two, decimals)
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
        if let (Ok(one), Ok(two)) = (i128::try_from(self.integer), i128::try_from(other.integer))
            && let Some(product) = one.checked_mul(two)
        {
            return Self { integer: I256::from(product), decimals };
        }
        match self.integer.checked_mul(other.integer) {
            Some(integer) => Self { integer, decimals },
            None => Self::new(self.to_f64() * other.to_f64()),
        }
    }
}

impl std::ops::Add for Precise {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (one, two, decimals) = self.aligned(other);
        Self { integer: one + two, decimals }
    }
}

impl std::ops::Sub for Precise {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let (one, two, decimals) = self.aligned(other);
        Self { integer: one - two, decimals }
    }
}

impl std::ops::Neg for Precise {
    type Output = Self;

    fn neg(self) -> Self {
        Self { integer: -self.integer, decimals: self.decimals }
    }
}

/// Powers of ten that a float holds exactly.
pub(crate) const POW10: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A float as `integer · 10^-decimals` with at most 15 digits, if it has such a form.
///
/// Decimals of up to 15 digits map to distinct floats, so a match *is* the shortest text (with zeros at the end).
fn short_decimal(value: f64) -> Option<(i64, i32)> {
    for decimals in [2_usize, 8, 12] {
        let scaled = value * POW10[decimals];
        let rounded = scaled.round();
        if rounded.abs() >= 1e15 {
            return None;
        }
        if rounded / POW10[decimals] == value {
            return Some((rounded as i64, i32::try_from(decimals).unwrap_or_default()));
        }
    }
    None
}

/// `integer / 10^decimals` where one float division rounds correctly.
fn exact_quotient(integer: i128, decimals: i32) -> Option<f64> {
    let exact = integer.unsigned_abs() <= 1 << 53;
    let power = POW10.get(usize::try_from(decimals).ok()?)?;
    exact.then(|| integer as f64 / power)
}

fn without_zeros(mut integer: i128, mut decimals: i32) -> (i128, i32) {
    while integer != 0 && decimals > 0 && integer % 10 == 0 {
        integer /= 10;
        decimals -= 1;
    }
    (integer, decimals)
}

fn scaled(integer: I256, by: i32) -> I256 {
    let power = I256::new(10).checked_pow(by.unsigned_abs()).unwrap_or(I256::MAX);
    if by >= 0 { integer.saturating_mul(power) } else { integer.div_euclid(power) }
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
        assert_eq!(third, Precise { integer: I256::new(333_333_333_333_333_333), decimals: 18 });
        assert_eq!(third.to_f64(), 0.333_333_333_333_333_3);
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
        fn any_finite_float(value in proptest::num::f64::NORMAL) {
            prop_assume!(value.abs() < 1e30 && value.abs() > 1e-30);
            prop_assert_eq!(Precise::new(value).to_f64(), value);
        }
    }
}
