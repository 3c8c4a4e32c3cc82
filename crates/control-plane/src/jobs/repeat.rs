//! Calls that may be repeated.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tradai_domain::ports::PortError;

/// How often something is tried that failed for want of a storage or a cluster.
const TRIES: u32 = 6;
/// The pause after the first failure; each following one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two tries of a call that is never given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Makes a call that may be repeated, a few times where it may work later.
pub(super) async fn repeat<T, F>(call: impl Fn() -> F) -> Result<T, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match call().await {
            Err(error) if error.is_transient() => {
                tokio::time::sleep(error.retry_after.unwrap_or(pause)).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    call().await
}

/// Makes a call that may be repeated for as long as it may work later: a full disk is emptied, a daemon comes back. Only
/// a process that stops gives up, with the last error; the next one goes on.
pub(super) async fn persist<T, F>(stopping: &CancellationToken, call: impl Fn() -> F) -> Result<T, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    let mut pause = FIRST_PAUSE;
    for failures in 1.. {
        let error = match call().await {
            Err(error) if error.is_transient() && !stopping.is_cancelled() => error,
            done => return done,
        };
        if failures == TRIES {
            tracing::warn!(%error, "trying on until it works: {error}");
        }
        let wait = error.retry_after.unwrap_or(pause).min(LONGEST_PAUSE);
        stopping.run_until_cancelled(tokio::time::sleep(wait)).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    call().await
}
