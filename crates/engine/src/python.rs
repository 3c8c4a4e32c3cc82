//! Texts as Python writes them, where results are compared with Freqtrade's.

/// Returns Python's `repr` of a float: the shortest digits, with an exponent below 1e-4 and from 1e16.
pub(crate) fn float_repr(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::float_repr;

    #[test]
    fn as_python() {
        for (value, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-0.05, "-0.05"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e16, "1e+16"),
        ] {
            assert_eq!(float_repr(value), text);
        }
    }
}
