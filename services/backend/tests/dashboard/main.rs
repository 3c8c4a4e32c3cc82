//! The dashboard, over HTTP and in a real browser.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod batches;
mod browser;
mod live;
mod pages;
mod peer;
mod story;
mod views;
mod world;
