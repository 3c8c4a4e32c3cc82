//! Whom a command talks to: a platform that runs, or the data folder itself.

use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tradai_platform::topology::topology;

use super::{Http, InProcess, Remote, RemoteError};
use crate::context::Context;
use crate::up::running::Running;

/// The variable of the API key. It is no argument: those are seen by everybody on the machine.
const KEY: &str = "TRADAI_API_KEY";
/// The variable of the strategy-service's address.
const STRATEGY_SERVICE: &str = "TRADAI_STRATEGY_SERVICE_URL";
/// Means no platform, but the data folder itself.
const LOCAL: &str = "local";
/// How long the documented address may take to say what it is.
const PATIENCE: Duration = Duration::from_millis(500);

/// Which platform is meant.
#[derive(Debug, Args)]
pub(crate) struct PlatformArgs {
    /// Address of a running platform's backend, or `local` for the data folder alone; by default the platform that
    /// runs on the data folder, else one on this machine's port 8000. Its API key is read from TRADAI_API_KEY.
    #[arg(long, env = "TRADAI_URL", value_name = "URL")]
    url: Option<String>,
}

/// Whom a command talks to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A platform.
    Platform(Platform),
    /// The data folder, which no platform is known to run on.
    Folder,
}

/// A platform that runs.
#[derive(Debug)]
pub(crate) struct Platform {
    /// Jobs.
    pub(crate) backend: Http,
    /// Strategies and config versions.
    strategy_service: Http,
    /// Whether it runs on this command's data folder.
    pub(crate) is_ours: bool,
}

/// Returns what commands talk to a platform on.
///
/// # Errors
/// When the system has no room for it.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

impl PlatformArgs {
    /// Returns whom to talk to.
    ///
    /// # Errors
    /// [`RemoteError::Address`]; when the data folder's lock cannot be read.
    pub(crate) async fn target(&self, ctx: &Context) -> anyhow::Result<Target> {
        match self.url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            Some(LOCAL) => return Ok(Target::Folder),
            Some(url) => return Ok(Target::Platform(Platform::at(url)?)),
            None => {}
        }
        if let Some(running) = Running::of(&ctx.data_dir)? {
            return Ok(Target::Platform(Platform::of(&running)?));
        }
        let documented = documented();
        if is_backend(&documented).await {
            return Ok(Target::Platform(Platform::at(&documented)?));
        }
        Ok(Target::Folder)
    }

    /// Returns the strategy-service of whom to talk to: for a data folder it is part of this process.
    ///
    /// # Errors
    /// As [`PlatformArgs::target`]; when the data folder cannot be opened.
    pub(crate) async fn strategy_service(&self, ctx: &Context) -> anyhow::Result<Remote> {
        match self.target(ctx).await? {
            Target::Platform(platform) => Ok(Remote::Http(platform.strategy_service)),
            Target::Folder => Ok(Remote::InProcess(InProcess::strategy_service(&ctx.data_dir).await?)),
        }
    }

    /// Returns whether a platform is named.
    pub(crate) fn is_named(&self) -> bool {
        self.url.as_deref().is_some_and(|url| !url.trim().is_empty() && url.trim() != LOCAL)
    }

    /// Returns the platform, which must run.
    ///
    /// # Errors
    /// As [`PlatformArgs::target`]; [`RemoteError::Unreachable`] when there is none.
    pub(crate) async fn platform(&self, ctx: &Context) -> anyhow::Result<Platform> {
        match self.target(ctx).await? {
            Target::Platform(platform) => Ok(platform),
            Target::Folder => {
                let reason = "nobody listens there, nor on the data folder";
                Err(RemoteError::Unreachable { address: documented(), reason }.into())
            }
        }
    }
}

impl Platform {
    fn of(running: &Running) -> Result<Self, RemoteError> {
        let backend = Http::new(&running.backend, key())?;
        let strategy_service = Http::new(&running.strategy_service, key())?;
        Ok(Self { backend, strategy_service, is_ours: true })
    }

    /// The platform of a backend. Its strategy-service is the variable's, or as far from it as the documented ports are
    /// apart; behind an address without a port, one proxy serves both.
    fn at(backend: &str) -> Result<Self, RemoteError> {
        let strategy_service = match std::env::var(STRATEGY_SERVICE) {
            Ok(url) if !url.is_empty() => url,
            _ => beside(backend).unwrap_or_else(|| backend.to_owned()),
        };
        let backend = Http::new(backend, key())?;
        Ok(Self { backend, strategy_service: Http::new(&strategy_service, key())?, is_ours: false })
    }
}

/// The strategy-service's address beside a backend's.
fn beside(backend: &str) -> Option<String> {
    let mut url = reqwest::Url::parse(backend).ok()?;
    let documented = |service| topology().port(service).unwrap_or_default();
    let apart = documented("strategy-service").abs_diff(documented("backend-api"));
    url.set_port(Some(url.port()?.checked_add(apart)?)).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn key() -> Option<SecretString> {
    std::env::var(KEY).ok().filter(|key| !key.is_empty()).map(SecretString::from)
}

fn documented() -> String {
    format!("http://127.0.0.1:{}", topology().port("backend-api").unwrap_or_default())
}

/// Whether a backend of ours answers; many programs listen on port 8000. No key is sent to find out.
async fn is_backend(address: &str) -> bool {
    let Ok(backend) = Http::new(address, None) else { return false };
    let version = backend.get_within("/api/v1/version", PATIENCE).await;
    version.is_ok_and(|version| version["service"] == "backend")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strategy_service_is_beside_the_backend() {
        assert_eq!(beside("http://10.0.0.7:8000").unwrap(), "http://10.0.0.7:8003");
        assert_eq!(beside("http://[::1]:8100/").unwrap(), "http://[::1]:8103");
        assert_eq!(beside("https://tradai.example"), None);
        assert_eq!(beside("http://127.0.0.1:65535"), None);
    }
}
