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
    error.retry_after = reply.retry_after.or_else(|| fallback_wait(class));
    Some(error)
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
    fn too_many_calls_always_say_how_long_to_wait() {
        let limited = error("/api/v3/time", 429, "").unwrap();
        assert_eq!(
            (limited.class, limited.retry_after),
            (ErrorClass::RateLimitExceeded, Some(Duration::from_secs(60)))
        );
    }
}
