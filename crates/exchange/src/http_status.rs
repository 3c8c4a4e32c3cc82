//! What HTTP statuses mean when a body says nothing.

use crate::ErrorClass;

/// The statuses we know; others from 400 on are `ExchangeError`.
const STATUSES: &[(u16, ErrorClass)] = &[
    (400, ErrorClass::ExchangeNotAvailable),
    (401, ErrorClass::AuthenticationError),
    (403, ErrorClass::ExchangeNotAvailable),
    (404, ErrorClass::ExchangeNotAvailable),
    (405, ErrorClass::ExchangeNotAvailable),
    (407, ErrorClass::AuthenticationError),
    (408, ErrorClass::RequestTimeout),
    (409, ErrorClass::ExchangeNotAvailable),
    (410, ErrorClass::ExchangeNotAvailable),
    (418, ErrorClass::DDoSProtection),
    (422, ErrorClass::ExchangeError),
    (429, ErrorClass::RateLimitExceeded),
    (451, ErrorClass::ExchangeNotAvailable),
    (500, ErrorClass::ExchangeNotAvailable),
    (501, ErrorClass::ExchangeNotAvailable),
    (502, ErrorClass::ExchangeNotAvailable),
    (503, ErrorClass::ExchangeNotAvailable),
    (504, ErrorClass::RequestTimeout),
    (511, ErrorClass::AuthenticationError),
    (520, ErrorClass::ExchangeNotAvailable),
    (521, ErrorClass::ExchangeNotAvailable),
    (522, ErrorClass::ExchangeNotAvailable),
    (525, ErrorClass::ExchangeNotAvailable),
    (526, ErrorClass::ExchangeNotAvailable),
    (530, ErrorClass::ExchangeNotAvailable),
];

/// Returns the class of a failed status; `None` below 400.
pub(crate) fn class_of_status(status: u16) -> Option<ErrorClass> {
    if status < 400 {
        return None;
    }
    let known = STATUSES.iter().find(|(known, _)| *known == status);
    Some(known.map_or(ErrorClass::ExchangeError, |(_, class)| *class))
}
