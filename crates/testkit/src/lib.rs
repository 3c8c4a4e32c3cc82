//! What adapters of ports are held to, and fakes for the tests of use cases. For dev-dependencies only.
//!
//! Each module of a port has one async function per law, which panics where an implementation breaks it; the law's
//! sentence stands in the port's documentation. [`laws!`] makes a test of each. [`Failing`] stands before a real
//! adapter and fails when told to; [`MemoryWorkflows`] and [`MemoryTasks`] run nothing and say so. Services are asked
//! in process (`http`, by the feature of that name) and over WebSockets (`socket`, by the feature `ws`) and held to
//! their documents ([`openapi()`]). Disks break in processes of their own (`unsynced`, by the feature of that name).
//!
//! Invariant: a law holds for every correct adapter, whatever it keeps its state in.

#![expect(clippy::unwrap_used, reason = "laws are tests; a test may panic")]

pub mod api_key_repository;
pub mod audit_log;
pub mod batch_repository;
pub mod blob_store;
mod checked_in;
pub mod config_repository;
pub mod engine;
pub mod event_bus;
mod failing;
#[cfg(feature = "http")]
pub mod http;
pub mod idempotency;
pub mod job_repository;
mod memory_tasks;
mod memory_workflows;
mod openapi;
mod patience;
pub mod queue;
pub mod sample;
#[cfg(feature = "ws")]
pub mod socket;
pub mod task_runner;
#[cfg(feature = "unsynced")]
pub mod unsynced;
pub mod workflow_runner;
pub mod workflow_runs;

pub use checked_in::checked_in;
pub use failing::{Failing, Fault};
pub use memory_tasks::MemoryTasks;
pub use memory_workflows::MemoryWorkflows;
pub use openapi::openapi;
pub use patience::{PATIENCE, until};

/// Makes one test of each law.
///
/// `$fixture` is a function without arguments that returns a guard and the adapter, fresh: the guard is dropped after
/// the law.
///
/// ```ignore
/// tradai_testkit::laws!(job_repository: my_fixture => [creates_if_absent, lists_newest_first]);
/// ```
#[macro_export]
macro_rules! laws {
    ($port:ident : $fixture:path => [$($law:ident),+ $(,)?]) => {
        $(
            #[tokio::test]
            async fn $law() {
                let (guard, port) = $fixture();
                $crate::$port::$law(port).await;
                drop(guard);
            }
        )+
    };
}
