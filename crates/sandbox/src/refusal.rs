//! What the exchange says no with: HTTP status, code and text, as Binance documents them.
//!
//! Sources: "Errors" of the spot API docs (<https://developers.binance.com/docs/binance-spot-api-docs/errors>) and
//! "Error Codes" of the USD-M docs. Clients branch on code and text alike, so both are kept to the letter.

use serde_json::Value;

use crate::market::Venue;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: i64,
    pub(crate) message: String,
    /// Seconds after which to try again, for the header of that name.
    pub(crate) retry_after: Option<i64>,
    /// What else the body tells.
    pub(crate) data: Option<Box<Value>>,
}

pub(crate) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    /// Returns a refusal with HTTP status 400.
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into(), retry_after: None, data: None }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        let text = format!("Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.");
        Self::new(-1102, text)
    }

    pub(crate) fn malformed(parameter: &str) -> Self {
        Self::new(-1130, format!("Data sent for parameter '{parameter}' is not valid."))
    }

    pub(crate) fn illegal_characters(parameter: &str, range: &str) -> Self {
        let text = format!("Illegal characters found in parameter '{parameter}'; legal range is '{range}'.");
        Self::new(-1100, text)
    }

    pub(crate) fn too_precise(venue: Venue, parameter: &str) -> Self {
        match venue {
            Venue::Spot => Self::new(-1111, format!("Parameter '{parameter}' has too much precision.")),
            Venue::UsdM => Self::new(-1111, "Precision is over the maximum defined for this asset."),
        }
    }

    pub(crate) fn unknown_symbol() -> Self {
        Self::new(-1121, "Invalid symbol.")
    }

    pub(crate) fn filter(name: &str) -> Self {
        Self::new(-1013, format!("Filter failure: {name}"))
    }

    /// No such order, when asked about it.
    pub(crate) fn no_order() -> Self {
        Self::new(-2013, "Order does not exist.")
    }

    /// No such order, when told to cancel it.
    pub(crate) fn unknown_order() -> Self {
        Self::new(-2011, "Unknown order sent.")
    }

    pub(crate) fn insufficient(venue: Venue) -> Self {
        match venue {
            Venue::Spot => Self::new(-2010, "Account has insufficient balance for requested action."),
            Venue::UsdM => Self::new(-2019, "Margin is insufficient."),
        }
    }

    pub(crate) fn duplicate(venue: Venue) -> Self {
        match venue {
            Venue::Spot => Self::new(-2010, "Duplicate order sent."),
            Venue::UsdM => Self::new(-4116, "ClientOrderId is duplicated."),
        }
    }

    pub(crate) fn would_trigger(venue: Venue) -> Self {
        match venue {
            Venue::Spot => Self::new(-2010, "Stop price would trigger immediately."),
            Venue::UsdM => Self::new(-2021, "Order would immediately trigger."),
        }
    }

    pub(crate) fn would_take(venue: Venue) -> Self {
        match venue {
            Venue::Spot => Self::new(-2010, "Order would immediately match and take."),
            Venue::UsdM => Self::new(
                -5022,
                "Due to the order could not be executed as maker, the Post Only order will be rejected. \
                 The order will not be recorded in the order history",
            ),
        }
    }

    pub(crate) fn reduce_only() -> Self {
        Self::new(-2022, "ReduceOnly Order is rejected.")
    }

    /// The order may or may not have been executed.
    pub(crate) fn unknown_state(venue: Venue) -> Self {
        let text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
        Self::new(-1007, text).with_status(match venue {
            Venue::Spot => 500,
            Venue::UsdM => 503,
        })
    }
}
