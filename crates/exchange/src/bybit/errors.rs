//! Which answers of Bybit are errors, and of which class.

use std::time::Duration;

use super::error_tables::{CODES, PARTS};
use crate::http_status::class_of_status;
use crate::{Error, ErrorClass, HttpReply, Json};

/// Bybit counts calls per address in windows of five seconds and answers 403 for ten minutes to who goes on.
const ADDRESS_BAN: Duration = Duration::from_secs(600);

/// Returns the error that an answer stands for: by its code, by its message, and last by the HTTP status.
pub(super) fn find_error(reply: &HttpReply<'_>) -> Option<Error> {
    let json = Json::parse(reply.body).unwrap_or(Json::Null);
    let code = json.get("retCode").to_text();
    let message = json.get("retMsg").to_text();
    let class = match (&json, code.as_deref()) {
        (_, Some("0")) if reply.status < 400 => return None,
        (_, Some(code)) => classify(code, message.as_deref().unwrap_or_default()),
        (Json::Map(_), None) if reply.status >= 400 => ErrorClass::ExchangeError,
        (_, None) if reply.status == 403 => ErrorClass::RateLimitExceeded,
        (_, None) => class_of_status(reply.status)?,
    };
    let mut error = Error::new(class, message.unwrap_or_else(|| format!("HTTP status {}", reply.status)));
    error.code = code;
    error.status = Some(reply.status);
    let limited = class == ErrorClass::RateLimitExceeded;
    let fallback = if reply.status == 403 { ADDRESS_BAN } else { Duration::from_secs(5) };
    error.retry_after = reply.retry_after.or_else(|| limited.then_some(fallback));
    Some(error)
}

fn classify(code: &str, message: &str) -> ErrorClass {
    let exact = CODES.iter().find(|(known, _)| *known == code);
    let part = || PARTS.iter().find(|(part, _)| message.contains(part));
    exact.or_else(part).map_or(ErrorClass::ExchangeError, |(_, class)| *class)
}
