//! Why a WebSocket is closed: RFC 6455's codes, and codes of the platform's own from 4400 that say what the HTTP
//! status of the same last three digits says.

/// All was told: the job has ended.
pub const NORMAL: u16 = 1000;
/// The service stops.
pub const GOING_AWAY: u16 = 1001;
/// The client does what it may not, such as talking.
pub const POLICY: u16 = 1008;
/// A message of the client is too large.
pub const TOO_BIG: u16 = 1009;
/// A fault of the service.
pub const INTERNAL: u16 = 1011;
/// The service starts again; connect again at once.
pub const RESTART: u16 = 1012;
/// Something that the service needs is away; connect again later.
pub const TRY_LATER: u16 = 1013;
/// The request means nothing.
pub const BAD_REQUEST: u16 = 4400;
/// The client's key or token is not good any more.
pub const UNAUTHENTICATED: u16 = 4401;
/// The client may not listen.
pub const FORBIDDEN: u16 = 4403;
/// What was listened to does not exist, or not any more.
pub const NOT_FOUND: u16 = 4404;
/// The client does not answer pings.
pub const IDLE: u16 = 4408;
/// The client connects or asks too often.
pub const RATE_LIMITED: u16 = 4429;

/// A code and a text for people. Of the text, 123 bytes are sent: a close frame holds no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// One of the constants of this module.
    pub code: u16,
    /// Why.
    pub reason: String,
}

impl Close {
    /// Returns a way to end.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The part of the reason that a close frame holds.
    pub(super) fn shown(&self) -> &str {
        &self.reason[..self.reason.floor_char_boundary(123)]
    }
}
