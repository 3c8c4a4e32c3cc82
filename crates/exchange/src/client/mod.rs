//! What a client that talks to an exchange decides by: when to send, whether to send at all, and what time it is
//! there. Pure: the moment is an argument, so that tests and simulations say what it is.

mod breaker;
mod limiter;
mod server_time;

pub use breaker::{Breaker, BreakerState};
pub use limiter::{Decision, Limiter};
pub use server_time::ServerTime;
