//! What handlers work with.

use tradai_control_plane::strategies::Strategies;
use tradai_service::Cursors;

/// The use cases, shared by all requests.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) strategies: Strategies,
    pub(crate) cursors: Cursors,
}
