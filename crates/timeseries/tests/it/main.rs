//! Behaviour of the candle store and the file formats, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot get its value has failed")]

mod concurrency;
mod conformance;
mod damage;
mod files;
mod model;
mod resample;
mod support;
