//! What handlers work with.

use std::sync::Arc;
use std::time::Duration;

use tradai_service::socket::Sockets;
use tradai_service::{Cursors, Shutdown};

use super::{ExecutorsBody, KeyRing, Written};
use crate::core::Core;

/// The use cases, shared by all requests: each has a few clones, one for every layer it passes.
pub(crate) type State = Arc<Shared>;

/// What [`State`] holds.
pub(crate) struct Shared {
    pub(crate) core: Core,
    pub(crate) executors: ExecutorsBody,
    pub(crate) keys: KeyRing,
    pub(crate) cursors: Cursors,
    pub(crate) sockets: Sockets,
    pub(crate) shutdown: Shutdown,
    pub(crate) written: Written,
    /// The longest that a request is held back for: shorter than requests may take.
    pub(crate) longest_wait: Duration,
}
