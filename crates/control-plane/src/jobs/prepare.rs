//! What must be there before a job is handed over.

use async_trait::async_trait;
use tradai_domain::jobs::BacktestJobMessage;
use tradai_domain::ports::PortError;

/// Makes ready what a job needs, such as candles.
#[async_trait]
pub trait Prepare: Send + Sync {
    /// Returns whether a job needs anything at all, by what it says.
    fn is_needed(&self, job: &BacktestJobMessage) -> bool;

    /// Returns whether all is there already. Quick, so that who needs nothing but this look does not wait for others that
    /// are made ready. Idempotent, and may be dropped where it awaits, as [`Prepare::prepare`].
    ///
    /// # Errors
    /// Why the job cannot run; it fails for this reason.
    async fn is_ready(&self, job: &BacktestJobMessage) -> Result<bool, PortError>;

    /// Returns once all is there. Idempotent: it is repeated where it may work later, and by a process that takes the
    /// job up again. May be dropped where it awaits: the job was cancelled, or the process stops.
    ///
    /// # Errors
    /// Why the job cannot run; it fails for this reason.
    async fn prepare(&self, job: &BacktestJobMessage) -> Result<(), PortError>;
}
