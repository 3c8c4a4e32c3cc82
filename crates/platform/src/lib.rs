//! What every host shares, whether it serves HTTP, runs a job or is a function: settings, telemetry and the
//! table of what the platform is made of.
//!
//! Used by `main.rs` of services, functions and the command line. It is no home for logic. Invariant: the
//! environment, the arguments and the settings file are read in [`settings::Inputs::of_process`] and nowhere else,
//! so that tests hand in their own.
//!
//! Feature `embedded`: `wiring` with the adapters of one machine.

pub mod settings;
pub mod telemetry;
pub mod topology;
#[cfg(feature = "embedded")]
pub mod wiring;
