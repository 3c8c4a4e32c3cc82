//! Binary floats as text.

/// Returns the shortest decimal text that reads back as `value`, without an exponent: `1e-18` becomes
/// `0.000000000000000001`. `None` for what is no number.
///
/// For numbers that come from a binary float anyway (a strategy's price); what exchanges send is never one.
#[must_use]
pub fn number_to_string(value: f64) -> Option<String> {
    value.is_finite().then(|| if value == 0.0 { "0".to_owned() } else { value.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_exponent_and_no_stray_digits() {
        assert_eq!(number_to_string(-7.9e-7).as_deref(), Some("-0.00000079"));
        assert_eq!(number_to_string(1e21).as_deref(), Some("1000000000000000000000"));
        assert_eq!(number_to_string(-0.0).as_deref(), Some("0"));
        assert_eq!(number_to_string(f64::NAN), None);
    }
}
