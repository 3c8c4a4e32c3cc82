//! Which answers of Binance are errors, and of which class.

use std::time::Duration;

use super::error_tables::{COMMON, INVERSE, LINEAR, PARTS, SPOT, Table};
use crate::http_status::class_of_status;
use crate::{Error, ErrorClass, HttpReply, Json};

/// Returns the error that an answer stands for.
///
/// In order: too many calls (429, 418), the message, the code, and last the HTTP status. Tables of the book
/// that was asked go before the common ones.
pub(super) fn find_error(url: &str, reply: &HttpReply<'_>) -> Option<Error> {
    let json = Json::parse(reply.body).unwrap_or(Json::Null);
    let code = json.get("code").to_text().filter(|code| !matches!(code.as_str(), "0" | "200"));
    let message = json.get("msg").to_text();
    let class = match reply.status {
        429 => ErrorClass::RateLimitExceeded,
        418 => ErrorClass::DDoSProtection,
        status => classify(url, code.as_deref(), message.as_deref()).or_else(|| class_of_status(status))?,
    };
    let text = message.unwrap_or_else(|| format!("HTTP status {}", reply.status));
    let mut error = Error::new(class, text);
    error.code = code;
    error.status = Some(reply.status);
    error.retry_at = banned_until(&error.message);
    let told = reply.retry_after.is_some() || error.retry_at.is_some();
    error.retry_after = if told { reply.retry_after } else { fallback_wait(class) };
    Some(error)
}

/// Reads `... IP banned until 1700000000000. ...`.
fn banned_until(message: &str) -> Option<i64> {
    let (_, rest) = message.split_once("banned until ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits)?.parse().ok()
}

/// Returns whether an order was refused because its client order id is taken. Spot has no code for it: -2010 is
/// every refusal by the matching engine.
pub(super) fn is_duplicate_order(error: &Error) -> bool {
    match error.code.as_deref() {
        Some("-2010") => error.message.starts_with("Duplicate order sent"),
        // -4116 of the contract books; elsewhere the number stands for something about withdrawals.
        Some("-4116") => error.message.to_ascii_lowercase().contains("duplicate"),
        _ => error.class == ErrorClass::DuplicateOrderId,
    }
}

/// How long to stay away when the exchange forgot to say: its limits are counted per minute, its bans start at
/// two.
fn fallback_wait(class: ErrorClass) -> Option<Duration> {
    match class {
        ErrorClass::RateLimitExceeded => Some(Duration::from_secs(60)),
        ErrorClass::DDoSProtection => Some(Duration::from_secs(120)),
        _ => None,
    }
}

fn classify(url: &str, code: Option<&str>, message: Option<&str>) -> Option<ErrorClass> {
    let own = own_table(url);
    if let Some(message) = message {
        let whole = exact(own, message).or_else(|| exact(COMMON, message));
        let part = || PARTS.iter().find(|(part, _)| message.contains(part)).map(|(_, class)| *class);
        if let Some(class) = whole.or_else(part) {
            return Some(class);
        }
    }
    let code = code?;
    Some(exact(own, code).or_else(|| exact(COMMON, code)).unwrap_or(ErrorClass::ExchangeError))
}

/// Chooses by path, so that a test server in the exchange's place makes no difference.
fn own_table(url: &str) -> Table {
    if url.contains("/fapi/") {
        LINEAR
    } else if url.contains("/dapi/") {
        INVERSE
    } else {
        SPOT
    }
}

fn exact(table: Table, text: &str) -> Option<ErrorClass> {
    table.iter().find(|(known, _)| *known == text).map(|(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str, status: u16, body: &str) -> Option<Error> {
        find_error(url, &HttpReply { status, retry_after: None, body: body.as_bytes() })
    }

    #[test]
    fn the_book_decides_what_a_code_means() {
        let body = r#"{"code":-2021,"msg":"Order would immediately trigger."}"#;
        let class = |url| error(url, 400, body).unwrap().class;
        assert_eq!(class("http://127.0.0.1:9/fapi/v1/order"), ErrorClass::OrderImmediatelyFillable);
        assert_eq!(class("http://127.0.0.1:9/api/v3/order"), ErrorClass::BadResponse);
    }

    #[test]
    fn success_is_no_error() {
        assert_eq!(error("/fapi/v1/marginType", 200, r#"{"code":200,"msg":"success"}"#), None);
        assert_eq!(error("/api/v3/time", 200, r#"{"serverTime":1}"#), None);
    }

    #[test]
    fn a_ban_tells_its_end() {
        let body = r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1700000120000. Please use WebSocket Streams for live updates to avoid bans."}"#;
        let banned = error("/api/v3/time", 418, body).unwrap();
        assert_eq!((banned.retry_at, banned.retry_after), (Some(1_700_000_120_000), None));
        for odd in ["banned until ", "banned until soon", "banned until 99999999999999999999999"] {
            assert_eq!(banned_until(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_taken_client_id_is_told_from_other_refusals() {
        let refused = |url, body| is_duplicate_order(&error(url, 400, body).unwrap());
        assert!(refused("/api/v3/order", r#"{"code":-2010,"msg":"Duplicate order sent."}"#));
        assert!(refused("/fapi/v1/order", r#"{"code":-4116,"msg":"ClientOrderId is duplicated."}"#));
        let broke = r#"{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#;
        assert!(!refused("/api/v3/order", broke));
    }

    #[test]
    fn too_many_calls_always_say_how_long_to_wait() {
        let limited = error("/api/v3/time", 429, "").unwrap();
        assert_eq!(
            (limited.class, limited.retry_after),
            (ErrorClass::RateLimitExceeded, Some(Duration::from_secs(60)))
        );
    }
}
