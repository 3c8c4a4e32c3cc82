//! What nobody asks for.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tradai_control_plane::configs::Configs;

/// How often old versions are looked for.
const EVERY: Duration = Duration::from_secs(3_600);

/// Deletes deprecated config versions whose time is over, at once and every hour, until told to stop.
pub(crate) async fn delete_expired(configs: Configs, stop: CancellationToken) {
    let clearing = async {
        loop {
            match configs.delete_expired().await {
                Ok(0) => {}
                Ok(deleted) => info!(deleted, "deleted {deleted} config versions whose time is over"),
                Err(error) => {
                    warn!(%error, "old config versions could not be deleted; trying again in an hour: {error}");
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    // A deletion is one step of the state: cut off between two of them, nothing is half done.
    let _stopped: Option<()> = stop.run_until_cancelled(clearing).await;
}
