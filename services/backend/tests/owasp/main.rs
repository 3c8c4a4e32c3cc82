//! The OWASP API Security Top 10 of 2023, one test each, against the real services with keys and tokens on.
//!
//! What one kit or crate does about a risk in detail is tested there; here the three services are taken as they are
//! put together, and every operation that their documents list is tried.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod behalf;
mod operations;
mod platform;
mod risks;
