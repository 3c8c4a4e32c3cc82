//! Runs against Freqtrade's own results.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod callbacks;
mod compare;
mod folder;
mod golden_end_to_end;
mod golden_replay;
mod oracle_goldens;
mod oracle_strategy;
mod progress;
mod report;
mod report_browser;
mod shared;
