//! Which answers of OKX are errors, and of which class.

use std::time::Duration;

use super::error_tables::{CODES, PARTS};
use crate::http_status::class_of_status;
use crate::{Error, ErrorClass, HttpReply, Json};

/// OKX counts calls in windows of two seconds.
const WINDOW: Duration = Duration::from_secs(2);

/// Returns the error that an answer stands for: by the code of the first row that failed, by its own code, and
/// last by the HTTP status.
pub(super) fn find_error(reply: &HttpReply<'_>) -> Option<Error> {
    let json = Json::parse(reply.body).unwrap_or(Json::Null);
    let envelope = json.get("code").as_str();
    let failed_row =
        json.get("data").items().iter().find(|row| row.get("sCode").as_str().is_some_and(|code| code != "0"));
    let (code, message) = match (envelope, failed_row) {
        (Some("0"), _) if reply.status < 400 => return None,
        (Some("1" | "2"), Some(row)) => (row.get("sCode").to_text(), row.get("sMsg").to_text()),
        (code, _) => (code.map(str::to_owned), json.get("msg").to_text()),
    };
    let class = match (&json, code.as_deref()) {
        (_, Some(code)) => classify(code, message.as_deref().unwrap_or_default()),
        (Json::Map(_), None) if reply.status >= 400 => ErrorClass::ExchangeError,
        (_, None) => class_of_status(reply.status)?,
    };
    let mut error = Error::new(class, message.unwrap_or_else(|| format!("HTTP status {}", reply.status)));
    error.code = code;
    error.status = Some(reply.status);
    error.retry_after = reply.retry_after.or((class == ErrorClass::RateLimitExceeded).then_some(WINDOW));
    Some(error)
}

fn classify(code: &str, message: &str) -> ErrorClass {
    let exact = CODES.iter().find(|(known, _)| *known == code);
    let part = || PARTS.iter().find(|(part, _)| message.contains(part));
    exact.or_else(part).map_or(ErrorClass::ExchangeError, |(_, class)| *class)
}
