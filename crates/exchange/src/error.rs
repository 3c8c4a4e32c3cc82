//! What a call to an exchange can end in.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use tradai_domain::{ErrorKind, Millis};

use crate::{ErrorClass, JsonError, OrderRef};

/// A failed call: its class, and what is known about it.
///
/// The text is the exchange's or ours and never holds keys, signatures or whole URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// What went wrong.
    pub class: ErrorClass,
    /// The exchange's own code, where it sent one.
    pub code: Option<String>,
    /// What the exchange, or we, say about it.
    pub message: Cow<'static, str>,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// How long the exchange wants us to wait before the next call of any kind.
    pub retry_after: Option<Duration>,
    /// The same as a moment of the exchange's time, where it named one.
    pub retry_at: Option<Millis>,
    /// The order whose fate is unknown: what was asked may have happened. Look it up before anything else is done
    /// about it; asking once more may place a second one.
    pub unresolved: Option<Box<OrderRef>>,
}

impl Error {
    /// Returns an error of this class.
    #[must_use]
    pub fn new(class: ErrorClass, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            class,
            code: None,
            message: message.into(),
            status: None,
            retry_after: None,
            retry_at: None,
            unresolved: None,
        }
    }

    /// Returns the error of a call that lacks an argument.
    #[must_use]
    pub fn arguments_required(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorClass::ArgumentsRequired, message)
    }

    /// Returns the error of an order that breaks a rule.
    #[must_use]
    pub fn invalid_order(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorClass::InvalidOrder, message)
    }

    /// Returns the error of a call that an exchange cannot do.
    #[must_use]
    pub fn not_supported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorClass::NotSupported, message)
    }

    /// Returns the error of an answer that makes no sense.
    #[must_use]
    pub fn bad_response(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorClass::BadResponse, message)
    }

    /// Returns what a caller should do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        use ErrorClass as C;
        match self.class {
            _ if self.unresolved.is_some() => ErrorKind::Conflict,
            C::OrderNotFound | C::BadSymbol => ErrorKind::NotFound,
            C::DuplicateOrderId | C::CancelPending => ErrorKind::Conflict,
            class if class.is(C::NoChange) => ErrorKind::Conflict,
            class if class.is(C::BadResponse) => ErrorKind::Data,
            class if class.is(C::OperationFailed) => ErrorKind::Unavailable,
            class if class.is(C::ExchangeError) => ErrorKind::Invalid,
            _ => ErrorKind::Internal,
        }
    }

    /// Returns whether the same call may work later, and asking again does no harm.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.unresolved.is_none() && self.class.is(ErrorClass::OperationFailed)
    }

    /// Returns whether an order was, or was not, placed, changed or canceled: nobody could tell.
    #[must_use]
    pub fn is_order_unknown(&self) -> bool {
        self.unresolved.is_some()
    }

    /// Returns the error of an order whose fate is unknown.
    pub(crate) fn with_unresolved(mut self, order: OrderRef) -> Self {
        self.unresolved = Some(Box::new(order));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.name(), self.message)?;
        if let Some(code) = &self.code {
            write!(f, " (code {code})")?;
        }
        let Some(order) = &self.unresolved else { return Ok(()) };
        match order.client_order_id.as_ref().or(order.id.as_ref()) {
            Some(id) => write!(f, "; the fate of order {id} is unknown"),
            None => f.write_str("; the fate of the orders is unknown"),
        }
    }
}

impl std::error::Error for Error {}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        Self::bad_response(error.to_string())
    }
}
