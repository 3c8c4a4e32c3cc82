//! Whether an exchange is up.

use serde::Serialize;
use tradai_domain::Millis;

/// What an exchange says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Status {
    /// `ok`, `maintenance`, or the exchange's own word.
    pub status: Option<String>,
    /// When it last changed.
    pub updated: Option<Millis>,
    /// When it should be over.
    pub eta: Option<Millis>,
    /// Where to read more.
    pub url: Option<String>,
}
