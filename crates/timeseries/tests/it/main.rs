//! Behaviour of the candle store and the file formats, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot get its value has failed")]

mod concurrency;
mod conformance;
mod damage;
mod files;
mod fsck;
#[cfg(feature = "s3")]
mod http;
mod model;
mod profile;
mod resample;
mod retention;
#[cfg(feature = "s3")]
mod s3;
mod support;
mod tables;
