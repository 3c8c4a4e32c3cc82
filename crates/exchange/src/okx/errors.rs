//! Which answers of OKX are errors, and of which class.

use std::time::Duration;

use super::error_tables::{CODES, PARTS};
use crate::http_status::class_of_status;
use crate::{Error, ErrorClass, HttpReply, Json};

/// OKX counts calls in windows of two seconds.
const WINDOW: Duration = Duration::from_secs(2);

/// Where the rows of an answer are told apart by who reads it: each is an order that was placed or refused.
const READ_BY_ROW: &str = "/api/v5/trade/batch-orders";

/// Returns the error that an answer stands for: by the code of the row that failed and leaves most open, by its own
/// code, and last by the HTTP status.
///
/// Code 2, or rows of both kinds, mean that a part was done. That is no refusal: orders that were placed are handed
/// on with those that were not; anything else is an error that leaves open what happened.
pub(super) fn find_error(url: &str, reply: &HttpReply<'_>) -> Option<Error> {
    let json = Json::parse(reply.body).unwrap_or(Json::Null);
    let envelope = json.get("code").as_str();
    let rows = json.get("data").items();
    let failed = rows.iter().filter(|row| row_code(row).is_some_and(|code| code != "0"));
    let failed_row = failed.min_by_key(|row| openness(row));
    let any_done = rows.iter().any(|row| row_code(row) == Some("0"));
    let (code, message) = match (envelope, failed_row) {
        (Some("0"), _) if reply.status < 400 => return None,
        (Some("1" | "2"), Some(row)) => (row.get("sCode").to_text(), row.get("sMsg").to_text()),
        (code, _) => (code.map(str::to_owned), json.get("msg").to_text()),
    };
    let partly = envelope == Some("2") || (envelope == Some("1") && any_done);
    if partly && any_done && reply.status < 400 && url.ends_with(READ_BY_ROW) {
        return None;
    }
    let class = match (&json, code.as_deref()) {
        _ if partly => ErrorClass::OperationFailed,
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

fn row_code<'a>(row: &'a Json<'_>) -> Option<&'a str> {
    row.get("sCode").as_str()
}

/// Returns whether a row says that it surely was not done.
pub(super) fn is_refused(row: &Json<'_>) -> bool {
    let message = row.get("sMsg").as_str().unwrap_or_default();
    row_code(row).is_some_and(|code| code != "0" && !classify(code, message).leaves_open())
}

/// Orders failed rows: first those that may have been done after all, then those whose order was there before.
fn openness(row: &Json<'_>) -> u8 {
    match row_code(row) {
        _ if !is_refused(row) => 0,
        Some(code) if is_duplicate(code) => 1,
        _ => 2,
    }
}

/// Returns whether a code says that the client id of an order is taken.
pub(super) fn is_duplicate(code: &str) -> bool {
    matches!(code, "51016" | "51065")
}

fn classify(code: &str, message: &str) -> ErrorClass {
    let exact = CODES.iter().find(|(known, _)| *known == code);
    let part = || PARTS.iter().find(|(part, _)| message.contains(part));
    exact.or_else(part).map_or(ErrorClass::ExchangeError, |(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, body: &str) -> Option<(ErrorClass, Option<String>)> {
        let url = format!("https://www.okx.com{path}");
        let reply = HttpReply { status: 200, retry_after: None, body: body.as_bytes() };
        find_error(&url, &reply).map(|error| (error.class, error.code))
    }

    #[test]
    fn what_was_partly_done_is_no_refusal() {
        let rows = |code: &str, rows: &[&str]| {
            let rows: Vec<_> =
                rows.iter().map(|code| format!(r#"{{"sCode":"{code}","sMsg":"text"}}"#)).collect();
            format!(r#"{{"code":"{code}","msg":"","data":[{}]}}"#, rows.join(","))
        };
        let (place, cancel) = (READ_BY_ROW, "/api/v5/trade/cancel-batch-orders");
        let error = |class, code: &str| Some((class, Some(code.to_owned())));
        for (path, body, expected) in [
            (place, rows("2", &["0", "51008"]), None),
            (place, rows("1", &["51008", "0"]), None),
            (place, rows("2", &["51008"]), error(ErrorClass::OperationFailed, "51008")),
            (place, rows("2", &[]), error(ErrorClass::OperationFailed, "2")),
            (place, rows("1", &["51008", "51008"]), error(ErrorClass::InsufficientFunds, "51008")),
            (place, rows("1", &["51008", "50004"]), error(ErrorClass::RequestTimeout, "50004")),
            (place, rows("1", &["51008", "51016"]), error(ErrorClass::InvalidOrder, "51016")),
            (cancel, rows("2", &["0", "51400"]), error(ErrorClass::OperationFailed, "51400")),
            (cancel, rows("1", &["51400"]), error(ErrorClass::OrderNotFound, "51400")),
        ] {
            assert_eq!(found(path, &body), expected, "{path} {body}");
        }
    }
}
