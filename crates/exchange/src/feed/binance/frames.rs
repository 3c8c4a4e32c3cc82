//! What comes over a socket, as bytes from outside.

use tradai_domain::Millis;

use crate::model::{Candle, Side};
use crate::{Decimal, Error, Json};

/// A message of the exchange.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    /// Data of a stream, under its name.
    Data { stream: String, told: Told },
    /// An answer to a message of ours; the error, if it is one.
    Answer { id: u64, error: Option<String> },
    /// The socket is about to end.
    Shutdown,
    /// Something that we did not ask for.
    Other,
}

/// Data of a stream, without its market.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Kline { candle: Candle, is_closed: bool },
    Trade { id: u64, timestamp: Millis, side: Side, price: Decimal, amount: Decimal },
    BookTicker { update_id: u64, bid: Decimal, bid_amount: Decimal, ask: Decimal, ask_amount: Decimal },
}

/// Reads a message.
///
/// # Errors
/// `BadResponse` when it is no JSON, or lacks what an event of its name has.
pub(crate) fn parse(text: &str) -> Result<Frame, Error> {
    let json = Json::parse(text.as_bytes())?;
    let event = if json.has("stream") { json.get("data") } else { &json };
    if event.has("id") && (event.has("result") || event.has("error") || event.has("code")) {
        return Ok(answer(event));
    }
    let told = match event.get("e").as_str() {
        Some("kline") => kline(event),
        Some("aggTrade") => trade(event),
        Some("bookTicker") => book_ticker(event),
        Some("serverShutdown") => return Ok(Frame::Shutdown),
        // Spot's best prices have no name.
        None if event.has("u") && event.has("B") => book_ticker(event),
        _ => return Ok(Frame::Other),
    };
    let (stream, told) = told.ok_or_else(|| Error::bad_response("an event lacks a field"))?;
    Ok(Frame::Data { stream, told })
}

fn answer(event: &Json<'_>) -> Frame {
    let Some(id) = id(event.get("id")) else { return Frame::Other };
    let error = event.get("error");
    let problem = if error.is_null() { event } else { error };
    let error = problem.get("code").as_str().map(|code| {
        let message = problem.get("msg").as_str().unwrap_or_default();
        format!("{code}: {}", message.chars().take(200).collect::<String>())
    });
    Frame::Answer { id, error }
}

fn kline(event: &Json<'_>) -> Option<(String, Told)> {
    let k = event.get("k");
    let candle = Candle {
        open_time: k.get("t").as_millis().filter(|at| *at >= 0)?,
        open: float(k.get("o"))?,
        high: float(k.get("h"))?,
        low: float(k.get("l"))?,
        close: float(k.get("c"))?,
        volume: Some(float(k.get("v"))?),
    };
    let stream = format!("{}@kline_{}", market(event)?, k.get("i").as_str()?);
    Some((stream, Told::Kline { candle, is_closed: k.get("x").as_bool()? }))
}

fn trade(event: &Json<'_>) -> Option<(String, Told)> {
    // The taker is the other one.
    let side = if event.get("m").as_bool()? { Side::Sell } else { Side::Buy };
    let told = Told::Trade {
        id: id(event.get("a"))?,
        timestamp: event.get("T").as_millis()?,
        side,
        price: event.get("p").as_decimal()?,
        amount: event.get("q").as_decimal()?,
    };
    Some((format!("{}@aggTrade", market(event)?), told))
}

fn book_ticker(event: &Json<'_>) -> Option<(String, Told)> {
    let told = Told::BookTicker {
        update_id: id(event.get("u"))?,
        bid: event.get("b").as_decimal()?,
        bid_amount: event.get("B").as_decimal()?,
        ask: event.get("a").as_decimal()?,
        ask_amount: event.get("A").as_decimal()?,
    };
    Some((format!("{}@bookTicker", market(event)?), told))
}

fn market(event: &Json<'_>) -> Option<String> {
    event.get("s").as_str().map(str::to_lowercase)
}

fn id(json: &Json<'_>) -> Option<u64> {
    json.as_i64().and_then(|id| u64::try_from(id).ok())
}

/// The nearest float, as candles from REST are read: the two can be compared.
fn float(json: &Json<'_>) -> Option<f64> {
    let text = json.as_str()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".-+eE".contains(&byte));
    text.parse().ok().filter(|value: &f64| is_plain && value.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KLINE: &str = r#"{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,
        "s":"BNBBTC","i":"1m","f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000",
        "n":100,"x":false,"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}"#;
    const TRADE: &str = r#"{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,
        "l":105,"T":1672515782136,"m":true,"M":true}"#;
    const TICKER: &str = r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#;

    #[test]
    fn the_documented_events_are_read() {
        let Frame::Data { stream, told: Told::Kline { candle, is_closed } } = parse(KLINE).unwrap() else {
            panic!()
        };
        assert_eq!((stream.as_str(), is_closed), ("bnbbtc@kline_1m", false));
        assert_eq!((candle.open, candle.close, candle.volume), (0.001, 0.002, Some(1_000.0)));
        let Frame::Data { stream, told: Told::Trade { id, side, .. } } = parse(TRADE).unwrap() else {
            panic!()
        };
        assert_eq!((stream.as_str(), id, side), ("bnbbtc@aggTrade", 12_345, Side::Sell));
        let combined = format!(r#"{{"stream":"bnbusdt@bookTicker","data":{TICKER}}}"#);
        assert_eq!(parse(&combined).unwrap(), parse(TICKER).unwrap());
        assert_eq!(parse(r#"{"e":"serverShutdown","E":1}"#).unwrap(), Frame::Shutdown);
        assert_eq!(parse(r#"{"result":null,"id":3}"#).unwrap(), Frame::Answer { id: 3, error: None });
        let refused = parse(r#"{"error":{"code":2,"msg":"Invalid request"},"id":4}"#).unwrap();
        assert_eq!(refused, Frame::Answer { id: 4, error: Some("2: Invalid request".to_owned()) });
        let refused = parse(r#"{"code":0,"msg":"Unknown property","id":4}"#).unwrap();
        assert!(matches!(refused, Frame::Answer { id: 4, error: Some(_) }));
    }

    #[test]
    fn events_without_their_fields_are_refused() {
        for (whole, field) in [(KLINE, "\"x\""), (KLINE, "\"o\""), (TRADE, "\"a\""), (TICKER, "\"A\"")] {
            assert!(parse(&whole.replacen(field, "\"y\"", 1)).is_err(), "{field}");
        }
        assert!(parse(&KLINE.replace("0.0025", "inf")).is_err());
        assert!(parse("nonsense").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0..300_usize, with in "\\PC{0,4}", text in "\\PC{0,60}") {
            for whole in [KLINE, TRADE, TICKER] {
                let mut changed: Vec<char> = whole.chars().collect();
                let at = at % changed.len();
                changed.splice(at..at + 1, with.chars());
                drop(parse(&changed.into_iter().collect::<String>()));
            }
            drop(parse(&text));
        }
    }
}
