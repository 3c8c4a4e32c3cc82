//! Calls that may be repeated.

use std::time::Duration;

use tradai_domain::ports::PortError;

/// How often something is tried that failed for want of a storage or a cluster.
const TRIES: u32 = 6;
/// The pause after the first failure; each following one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

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
