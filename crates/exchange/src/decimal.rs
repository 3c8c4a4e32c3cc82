//! Exact decimals for prices, amounts and costs.
//!
//! Ours rather than a crate's because of the range: products of wire numbers need more than the 28 digits of
//! `rust_decimal` (7 of the base vectors do not fit it), and `bigdecimal` allocates per number and lets a
//! hostile exponent ask for gigabytes. Here a number is 38 digits wide, at most 38 of them after the point,
//! `Copy`, and every operation is checked. Intermediate results are 256 bits wide.
//!
//! Invariant: a value is stored in lowest terms (no trailing zero after the point), so equal numbers are
//! equal field by field.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use ethnum::I256;
use serde::{Serialize, Serializer};

/// The most digits after the point; what lies beyond is dropped on parsing.
pub const MAX_SCALE: u32 = 38;

/// A decimal number of up to 38 digits: `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// The text is no decimal number that fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 38 digits")]
pub struct DecimalError;

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// Returns `mantissa / 10^scale`; `None` when `scale` exceeds [`MAX_SCALE`].
    #[must_use]
    pub fn new(mantissa: i128, scale: u32) -> Option<Self> {
        (scale <= MAX_SCALE).then(|| Self { mantissa, scale }.reduced())
    }

    /// Returns the power of ten with this exponent, `-38..=38`.
    #[must_use]
    pub fn power_of_ten(exponent: i32) -> Option<Self> {
        let size = exponent.unsigned_abs();
        if exponent < 0 { Self::new(1, size) } else { Some(Self { mantissa: ten_to(size)?, scale: 0 }) }
    }

    /// Returns whether the number is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Returns whether the number is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Returns whether the number is above zero.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    /// Returns the digits after the point that the number needs.
    #[must_use]
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// Returns the digits of the number without its point; always positive.
    #[must_use]
    pub fn digits(self) -> u32 {
        self.mantissa.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)
    }

    /// Returns the number without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self { mantissa: self.mantissa.saturating_abs(), scale: self.scale }
    }

    /// Returns the number with the other sign.
    #[must_use]
    pub fn negate(self) -> Self {
        Self { mantissa: self.mantissa.saturating_neg(), scale: self.scale }
    }

    /// Returns the sum; `None` when it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        if let Some(sum) =
            self.narrow_at(scale).zip(other.narrow_at(scale)).and_then(|(a, b)| a.checked_add(b))
        {
            return Some(Self { mantissa: sum, scale }.reduced());
        }
        fit(self.wide_at(scale)?.checked_add(other.wide_at(scale)?)?, scale)
    }

    /// Returns the difference; `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(other.negate())
    }

    /// Returns the product; digits after the point that do not fit are dropped.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let scale = self.scale + other.scale;
        match self.mantissa.checked_mul(other.mantissa) {
            Some(mantissa) if scale <= MAX_SCALE => Some(Self { mantissa, scale }.reduced()),
            _ => fit(I256::from(self.mantissa).checked_mul(I256::from(other.mantissa))?, scale),
        }
    }

    /// Returns the quotient with at most `places` digits after the point, truncated towards zero; `None` for
    /// a division by zero and for what does not fit.
    #[must_use]
    pub fn div(self, other: Self, places: u32) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let shift = places.checked_add(other.scale)?;
        let narrow =
            shift.checked_sub(self.scale).and_then(ten_to).and_then(|ten| self.mantissa.checked_mul(ten));
        if let Some(numerator) = narrow.filter(|_| places <= MAX_SCALE) {
            return Some(Self { mantissa: numerator.checked_div(other.mantissa)?, scale: places }.reduced());
        }
        let (numerator, denominator) = if shift >= self.scale {
            (I256::from(self.mantissa).checked_mul(wide_ten_to(shift - self.scale)?)?, other.mantissa.into())
        } else {
            let scaled = I256::from(other.mantissa).checked_mul(wide_ten_to(self.scale - shift)?)?;
            (self.mantissa.into(), scaled)
        };
        fit(numerator.checked_div(denominator)?, places)
    }

    /// Returns what is left after dividing, with the sign of the divisor; `None` for a division by zero.
    #[must_use]
    pub fn modulo(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let scale = self.scale.max(other.scale);
        if let Some((a, b)) = self.narrow_at(scale).zip(other.narrow_at(scale)) {
            let rest = a.checked_rem(b)?;
            let differs = rest != 0 && (rest < 0) != (b < 0);
            return Some(Self { mantissa: if differs { rest + b } else { rest }, scale }.reduced());
        }
        let (a, b) = (self.wide_at(scale)?, other.wide_at(scale)?);
        let rest = a.checked_rem(b)?;
        let differs = rest != 0 && (rest < 0) != (b < 0);
        fit(if differs { rest.checked_add(b)? } else { rest }, scale)
    }

    /// Returns the number cut to `places` digits after the point, towards zero.
    #[must_use]
    pub fn truncated(self, places: u32) -> Self {
        if self.scale <= places {
            return self;
        }
        let cut = ten_to(self.scale - places).map_or(0, |power| self.mantissa / power);
        Self { mantissa: cut, scale: places }.reduced()
    }

    /// Returns the number rounded to `places` digits after the point, halves away from zero.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        let cut = self.truncated(places);
        let Some(rest) = self.checked_sub(cut) else { return cut };
        let half = Self { mantissa: 5, scale: places + 1 };
        if rest.abs() < half {
            return cut;
        }
        let step = Self { mantissa: self.mantissa.signum(), scale: places };
        cut.checked_add(step).unwrap_or(cut)
    }

    /// Returns the nearest binary float; for statistics and candles only.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Returns the whole part when it fits an `i64`.
    #[must_use]
    pub fn to_i64(self) -> Option<i64> {
        i64::try_from(self.truncated(0).mantissa).ok()
    }

    /// Returns the mantissa at a larger scale where it fits: the common case, and much the faster one.
    fn narrow_at(self, scale: u32) -> Option<i128> {
        self.mantissa.checked_mul(ten_to(scale - self.scale)?)
    }

    fn wide_at(self, scale: u32) -> Option<I256> {
        I256::from(self.mantissa).checked_mul(wide_ten_to(scale - self.scale)?)
    }

    fn reduced(mut self) -> Self {
        if self.mantissa == 0 {
            return Self::ZERO;
        }
        // Division of 64 bits is one instruction, of 128 a call.
        if let Ok(mut short) = i64::try_from(self.mantissa) {
            while self.scale > 0 && short % 10 == 0 {
                short /= 10;
                self.scale -= 1;
            }
            self.mantissa = short.into();
            return self;
        }
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }
}

fn ten_to(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

fn wide_ten_to(exponent: u32) -> Option<I256> {
    I256::new(10).checked_pow(exponent)
}

/// Narrows a wide number, dropping digits after the point until it fits.
fn fit(mut wide: I256, mut scale: u32) -> Option<Decimal> {
    while scale > MAX_SCALE || (scale > 0 && i128::try_from(wide).is_err()) {
        wide /= 10;
        scale -= 1;
    }
    Some(Decimal { mantissa: i128::try_from(wide).ok()?, scale }.reduced())
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let scale = self.scale.max(other.scale);
        if let Some((a, b)) = self.narrow_at(scale).zip(other.narrow_at(scale)) {
            return a.cmp(&b);
        }
        // 38 digits at most on either side, shifted by 38 at most: 256 bits always hold them.
        self.wide_at(scale).cmp(&other.wide_at(scale))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self { mantissa: whole.into(), scale: 0 }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Parses `-12.50`, `.5`, `5.` and `1.2e-7`. Whole digits beyond 38 are refused, digits after the point
    /// beyond what fits are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (text, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().map_err(|_| DecimalError)?),
            None => (text, 0),
        };
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(DecimalError);
        }
        let number = if exponent == 0 { plain(whole, fraction) } else { shifted(whole, fraction, exponent) };
        let number = number.ok_or(DecimalError)?;
        Ok(if negative { number.negate() } else { number })
    }
}

/// Reads digits without a sign or an exponent.
fn plain(whole: &str, fraction: &str) -> Option<Decimal> {
    let mantissa = append_digits(0, whole.bytes())?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let room = 38_usize.saturating_sub(whole.trim_start_matches('0').len());
    let kept = &fraction.as_bytes()[..fraction.len().min(room)];
    let mantissa = append_digits(mantissa, kept.iter().copied())?;
    Some(Decimal { mantissa, scale: u32::try_from(kept.len()).ok()? }.reduced())
}

/// Reads digits and moves the point by `exponent`.
fn shifted(whole: &str, fraction: &str, exponent: i32) -> Option<Decimal> {
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    if digits.bytes().all(|byte| byte == b'0') {
        return Some(Decimal::ZERO);
    }
    // Beyond this the number is either zero or too large, and padding it would cost memory.
    if !(-80..=80).contains(&point) {
        return (point < 0 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(Decimal::ZERO);
    }
    let point = usize::try_from(point.max(0)).ok()?;
    let before = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let zeros = usize::try_from((-before).max(0)).ok()?;
    let padded = format!("{}{digits}", "0".repeat(zeros));
    if padded.len() <= point {
        return plain(&format!("{padded}{}", "0".repeat(point - padded.len())), "");
    }
    plain(padded.get(..point)?, padded.get(point..)?)
}

fn append_digits(start: i128, digits: impl Iterator<Item = u8>) -> Option<i128> {
    let mut mantissa = start;
    // Up to 18 digits fit 64 bits: collect them there, and widen a chunk at a time.
    let (mut chunk, mut length) = (0_u64, 0);
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        chunk = chunk * 10 + u64::from(byte - b'0');
        length += 1;
        if length == 18 {
            mantissa = mantissa.checked_mul(ten_to(length)?)?.checked_add(chunk.into())?;
            (chunk, length) = (0, 0);
        }
    }
    mantissa.checked_mul(ten_to(length)?)?.checked_add(chunk.into())
}

impl fmt::Display for Decimal {
    /// Writes the number without an exponent and without trailing zeros; a precision pads with zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 && f.precision().is_none_or(|places| places == 0) {
            return write!(f, "{}", self.mantissa);
        }
        let scale = self.scale as usize;
        let mut buffer = [b'0'; DIGITS];
        let first = write_digits(&mut buffer, self.mantissa.unsigned_abs()).min(DIGITS - scale - 1);
        let digits = std::str::from_utf8(&buffer[first..]).map_err(|_| fmt::Error)?;
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if self.mantissa < 0 {
            f.write_str("-")?;
        }
        f.write_str(whole)?;
        let width = f.precision().unwrap_or(0).max(scale);
        if width == 0 {
            return Ok(());
        }
        f.write_str(".")?;
        f.write_str(fraction)?;
        (scale..width).try_for_each(|_| f.write_str("0"))
    }
}

/// Room for 39 digits of a mantissa, or one before the point and 38 behind it.
const DIGITS: usize = 40;

/// Writes digits to the end of a buffer; returns where they begin. 18 at a time: divisions of 128 bits are slow.
fn write_digits(buffer: &mut [u8; DIGITS], mut value: u128) -> usize {
    const CHUNK: u128 = 1_000_000_000_000_000_000;
    let mut at = DIGITS;
    loop {
        let (rest, chunk) = (value / CHUNK, value % CHUNK);
        // Below 10^18, which fits.
        let mut chunk = u64::try_from(chunk).unwrap_or(u64::MAX);
        let end = at;
        while chunk > 0 || (rest > 0 && end - at < 18) || at == DIGITS {
            at -= 1;
            buffer[at] = b'0' + u8::try_from(chunk % 10).unwrap_or(0);
            chunk /= 10;
        }
        if rest == 0 {
            return at;
        }
        value = rest;
    }
}

impl Serialize for Decimal {
    /// As text, so that no reader turns it into a binary float.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_exchanges_write() {
        for (text, shown) in [
            ("13500.00000000", "13500"),
            ("-0.00085", "-0.00085"),
            ("1e-12", "0.000000000001"),
            ("1.5E+3", "1500"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.0", "0"),
            ("0e999999999", "0"),
            ("1e-999999999", "0"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ] {
            assert_eq!(decimal(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number_or_too_large() {
        for text in ["", "-", ".", "1..2", "0x1", "NaN", "1e", "1e999999999", "1 ", "1_000", "--1"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError), "{text}");
        }
        assert!("9".repeat(40).parse::<Decimal>().is_err());
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!(decimal("30000.135").rounded(2), decimal("30000.14"));
        assert_eq!(decimal("-0.5").rounded(0), decimal("-1"));
        assert_eq!(decimal("0.49").rounded(0), Decimal::ZERO);
    }

    proptest! {
        #[test]
        fn text_round_trips(mantissa in any::<i64>(), scale in 0..=38_u32) {
            let number = Decimal::new(mantissa.into(), scale).unwrap();
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
        }

        #[test]
        fn sums_and_differences_are_inverse(a in any::<i64>(), b in any::<i64>(), s in 0..=18_u32, t in 0..=18_u32) {
            let (a, b) = (Decimal::new(a.into(), s).unwrap(), Decimal::new(b.into(), t).unwrap());
            prop_assert_eq!(a.checked_add(b).unwrap().checked_sub(b).unwrap(), a);
        }

        #[test]
        fn never_panics(text in "[-+0-9.eE]{0,60}") {
            if let Ok(number) = text.parse::<Decimal>() {
                prop_assert!(number.checked_mul(number).is_none_or(|square| !square.is_negative()));
                prop_assert!(number.rounded(3).scale() <= 3);
                prop_assert_eq!(number.div(number, 18).is_none(), number.is_zero());
                prop_assert!(number.modulo(Decimal::ONE).is_none_or(|rest| rest < Decimal::ONE));
                prop_assert!(number.to_string().len() < 80);
            }
        }
    }
}
