//! Candle arrays: the hot path. Read straight from the bytes, nothing in between.

use tradai_domain::Millis;

use crate::model::Candle;
use crate::{Error, Scanner};

/// The columns beyond which no exchange writes.
const MAX_COLUMNS: usize = 32;

/// Reads `[[time, open, high, low, close, ..., volume, ...], ...]`, whose values are numbers or strings.
/// `volume` is the column of the volume, counted from 0. The candles come back sorted by time, one per time.
///
/// # Errors
/// `BadResponse` when the bytes are anything else, or hold two candles of one time that differ.
pub fn parse_candles(bytes: &[u8], volume: usize) -> Result<Vec<Candle>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::bad_response("candles are no UTF-8"))?;
    let mut scanner = Scanner::new(text);
    let candles = rows(&mut scanner, volume)?;
    scanner.end()?;
    sorted(candles)
}

/// Reads the array of candles at a path of object members, such as `result`, `list`.
///
/// # Errors
/// As [`parse_candles`]; also when the path leads nowhere.
pub fn parse_candles_at(bytes: &[u8], path: &[&str], volume: usize) -> Result<Vec<Candle>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::bad_response("candles are no UTF-8"))?;
    let mut scanner = Scanner::new(text);
    for name in path {
        enter(&mut scanner, name)?;
    }
    sorted(rows(&mut scanner, volume)?)
}

/// Moves to the value of a member of the object that comes next.
fn enter(scanner: &mut Scanner<'_>, name: &str) -> Result<(), Error> {
    scanner.expect(b'{')?;
    loop {
        if scanner.key()? == name {
            return Ok(());
        }
        scanner.skip(1)?;
        scanner.expect(b',')?;
    }
}

fn rows(scanner: &mut Scanner<'_>, volume: usize) -> Result<Vec<Candle>, Error> {
    let mut candles = Vec::new();
    scanner.expect(b'[')?;
    if scanner.take(b']') {
        return Ok(candles);
    }
    loop {
        candles.push(row(scanner, volume)?);
        if !scanner.take(b',') {
            break;
        }
    }
    scanner.expect(b']')?;
    Ok(candles)
}

fn row(scanner: &mut Scanner<'_>, volume: usize) -> Result<Candle, Error> {
    scanner.expect(b'[')?;
    let open_time = time(scanner.scalar()?)?;
    let mut prices = [0.0; 4];
    for price in &mut prices {
        scanner.expect(b',')?;
        *price = number(scanner)?;
    }
    let mut traded = None;
    let mut column = 5;
    while scanner.take(b',') {
        if column == volume {
            traded = Some(number(scanner)?);
        } else {
            scanner.skip(1)?;
        }
        column += 1;
        if column > MAX_COLUMNS {
            return Err(Error::bad_response("a candle has too many columns"));
        }
    }
    scanner.expect(b']')?;
    let [open, high, low, close] = prices;
    // Mark and index prices have five columns and no volume.
    if traded.is_none() && column > 5 {
        return Err(Error::bad_response("a candle has no volume"));
    }
    Ok(Candle { open_time, open, high, low, close, volume: traded })
}

fn time(text: &str) -> Result<Millis, Error> {
    text.parse().map_err(|_| Error::bad_response("a candle has no time"))
}

/// Reads a decimal number to the nearest float: the bits that reading its text in any other way would give.
#[inline]
fn number(scanner: &mut Scanner<'_>) -> Result<f64, Error> {
    if let Some((value, length)) = short_decimal(scanner.rest()) {
        scanner.advance(length);
        return Ok(value);
    }
    long_decimal(scanner.scalar()?)
}

/// Reads `"123.45"`, in quotes, where digits and places are few enough that one division gives the nearest float:
/// both sides are exact up to 2^53 and 10^22, and IEEE division rounds correctly. Also returns how many bytes it
/// took. `None` for everything else, be it a number or not.
#[inline]
fn short_decimal(text: &[u8]) -> Option<(f64, usize)> {
    const POWERS: [f64; 17] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];
    // A quote, at most 16 digits and a point, a quote.
    let text = text.get(..text.len().min(19))?;
    let (quote, digits) = text.split_first()?;
    if *quote != b'"' {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut point = None;
    let mut end = None;
    for (index, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
        } else if *byte == b'.' && point.is_none() && index > 0 {
            point = Some(index);
        } else if *byte == b'"' {
            end = Some(index);
            break;
        } else {
            return None;
        }
    }
    let end = end?;
    let places = point.map_or(0, |point| end - point - 1);
    if end == 0 || (point.is_some() && places == 0) || mantissa > 1 << 53 {
        return None;
    }
    // Below 2^53, checked above: the conversion is exact.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    let exact = mantissa as f64;
    Some((exact / POWERS.get(places)?, end + 2))
}

fn long_decimal(text: &str) -> Result<f64, Error> {
    let plausible = text.bytes().all(|byte| byte.is_ascii_digit() || b".-+eE".contains(&byte));
    let value = text.parse::<f64>().ok().filter(|value| plausible && value.is_finite());
    value.ok_or_else(|| Error::bad_response("a candle holds what is no number"))
}

fn sorted(mut candles: Vec<Candle>) -> Result<Vec<Candle>, Error> {
    let ascending = candles.windows(2).all(|pair| pair[0].open_time < pair[1].open_time);
    if ascending {
        return Ok(candles);
    }
    if candles.windows(2).all(|pair| pair[0].open_time > pair[1].open_time) {
        candles.reverse();
        return Ok(candles);
    }
    candles.sort_by_key(|candle| candle.open_time);
    candles.dedup();
    match candles.windows(2).find(|pair| pair[0].open_time == pair[1].open_time) {
        Some(pair) => {
            Err(Error::bad_response(format!("the reply has two different candles of {}", pair[0].open_time)))
        }
        None => Ok(candles),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn newest_first_and_doubled_rows_come_out_in_order() {
        let rows = br#"[[3,"2","2","2","2","2"],[1,"1","1","1","1","1"],[3,"2","2","2","2","2"]]"#;
        let candles = parse_candles(rows, 5).unwrap();
        let seen: Vec<_> = candles.iter().map(|candle| (candle.open_time, candle.open)).collect();
        assert_eq!(seen, [(1, 1.0), (3, 2.0)]);
    }

    #[test]
    fn two_candles_of_one_time_that_differ_are_refused() {
        let rows = br#"[[3,"1","1","1","1","1"],[1,"1","1","1","1","1"],[3,"2","2","2","2","2"]]"#;
        let error = parse_candles(rows, 5).unwrap_err();
        assert_eq!(error.to_string(), "BadResponse: the reply has two different candles of 3");
    }

    #[test]
    fn candles_are_found_in_an_envelope() {
        let body =
            br#"{"code":"0","a":{"b":[1]},"result":{"x":"y","list":[["5","1","2","0.5","1.5","9","z"]]}}"#;
        let candles = parse_candles_at(body, &["result", "list"], 5).unwrap();
        assert_eq!((candles.len(), candles[0].volume), (1, Some(9.0)));
        assert!(parse_candles_at(body, &["result", "rows"], 5).is_err());
    }

    #[test]
    fn what_is_no_candle_is_refused() {
        for body in [
            "",
            "{}",
            "[1]",
            "[[]]",
            "[[1,2,3,4]]",
            "[[1,2,3,4,5,6]]x",
            r#"[[1,"x","1","1","1","1"]]"#,
            "[[1,1,1,1,1,1]",
            r#"[[1,"inf","1","1","1","1"]]"#,
            r#"[["","1","1","1","1","1"]]"#,
            r#"[[1,null,1,1,1,1]]"#,
            r#"[[1,"1e999","1","1","1","1"]]"#,
        ] {
            assert!(parse_candles(body.as_bytes(), 5).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn short_numbers_have_the_bits_of_the_standard_parser(whole in 0..1_000_000_000_u64, places in 0..1_000_000_u32) {
            for text in [format!("{whole}.{places}"), format!("{whole}"), format!("{whole}.{places:06}")] {
                let expected = text.parse::<f64>().unwrap().to_bits();
                for written in [format!("\"{text}\""), text] {
                    prop_assert_eq!(number(&mut Scanner::new(&written)).unwrap().to_bits(), expected);
                }
            }
        }
    }
}
