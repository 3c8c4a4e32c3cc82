//! Who calls, and what they may do.
//!
//! Four ways through the door: an API key, a token of an identity provider, a ticket (sockets and event streams of
//! pages, which cannot set headers), and a session cookie (people in a browser). Without keys and tokens in the
//! settings nobody is asked, and only loopback is served. Keys come from the settings, or from the state
//! (`stored.rs`). What a caller may do with which object is the handlers' matter: they take [`Caller`]. A service that
//! asks for somebody says for whom (`behalf.rs`).
//!
//! Invariant: a credential is held as a hash or not at all, compared in constant time, and never logged.

mod behalf;
mod caller;
mod door;
mod jwt;
mod keys;
mod routes;
mod session;
mod sign_in;
mod stored;
mod ticket;

pub use behalf::ON_BEHALF_OF;
pub use caller::{Caller, Proof};
pub use keys::{NewSecret, new_key, new_secret};
pub use sign_in::{SignIn, SignInPage, plain_sign_in_page};
pub use stored::{HeldKey, StoredKeys};

pub(crate) use door::Door;
pub(crate) use routes::{protected_routes, session_routes};
pub(crate) use sign_in::sign_in_routes;
