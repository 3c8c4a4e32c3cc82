//! The HTTP client of the kit itself: few requests to addresses of the settings.

use std::error::Error;
use std::time::Duration;

use tradai_http_client::{builder, reqwest};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Makes a client.
pub(crate) fn build() -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
    Ok(builder()?.connect_timeout(CONNECT_TIMEOUT).pool_max_idle_per_host(1).build()?)
}
