//! Whom a command talks to: a platform that runs, or the data folder itself.
//!
//! Invariant: the API key goes to addresses that the user or the data folder's lock names, never to one that was tried.

use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tradai_http_client::reqwest::Url;
use tradai_platform::settings::Inputs;
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::topology::topology;

use super::{Http, InProcess, Remote, RemoteError};
use crate::context::{Context, shown};
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
    /// runs on the data folder. Where neither --data-dir says which folder is meant nor the folder has a state.db, one
    /// that answers on this machine's port 8000 will do. The API key is read from TRADAI_API_KEY, and goes to the
    /// address named here and to the data folder's own platform only.
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
        self.target_or(ctx, &documented()).await
    }

    /// As [`PlatformArgs::target`], with the address to try last.
    async fn target_or(&self, ctx: &Context, documented: &str) -> anyhow::Result<Target> {
        let (key, strategy_service) = (key(&ctx.inputs), ctx.inputs.get(STRATEGY_SERVICE));
        match self.url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            Some(LOCAL) => return Ok(Target::Folder),
            Some(url) => return Ok(Target::Platform(Platform::at(url, strategy_service, key)?)),
            None => {}
        }
        if let Some(running) = Running::of(&ctx.data_dir)? {
            return Ok(Target::Platform(Platform::of(&running, key)?));
        }
        // Whoever has a folder in mind does not mean a platform that runs on another.
        let is_folder_meant =
            ctx.is_folder_chosen || StateSettings::new(ctx.data_dir.clone()).database().is_file();
        if !is_folder_meant && is_backend(documented).await {
            return Ok(Target::Platform(Platform::at(documented, strategy_service, None)?));
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
            Target::Folder => Ok(Remote::InProcess(InProcess::strategy_service(ctx).await?)),
        }
    }

    /// Returns whether a platform is named.
    pub(crate) fn is_named(&self) -> bool {
        self.url.as_deref().is_some_and(|url| !url.trim().is_empty() && url.trim() != LOCAL)
    }

    /// Returns the platform, which must run.
    ///
    /// # Errors
    /// As [`PlatformArgs::target`]; [`RemoteError::NoPlatform`] when there is none.
    pub(crate) async fn platform(&self, ctx: &Context) -> anyhow::Result<Platform> {
        match self.target(ctx).await? {
            Target::Platform(platform) => Ok(platform),
            Target::Folder => {
                let documented = documented();
                let elsewhere = is_backend(&documented).await.then_some(documented);
                Err(RemoteError::NoPlatform { folder: shown(&ctx.data_dir), elsewhere }.into())
            }
        }
    }
}

impl Platform {
    fn of(running: &Running, key: Option<SecretString>) -> Result<Self, RemoteError> {
        let backend = Http::new(&running.backend, key.clone())?;
        let strategy_service = Http::new(&running.strategy_service, key)?;
        Ok(Self { backend, strategy_service, is_ours: true })
    }

    /// The platform of a backend. Its strategy-service, where none is named, is as far from it as the documented ports
    /// are apart; behind an address without a port, one proxy serves both.
    fn at(
        backend: &str,
        strategy_service: Option<&str>,
        key: Option<SecretString>,
    ) -> Result<Self, RemoteError> {
        let strategy_service = strategy_service.map(str::to_owned);
        let strategy_service =
            strategy_service.or_else(|| beside(backend)).unwrap_or_else(|| backend.to_owned());
        let backend = Http::new(backend, key.clone())?;
        Ok(Self { backend, strategy_service: Http::new(&strategy_service, key)?, is_ours: false })
    }
}

/// The strategy-service's address beside a backend's.
fn beside(backend: &str) -> Option<String> {
    let mut url = Url::parse(backend).ok()?;
    let documented = |service| topology().port(service).unwrap_or_default();
    let apart = documented("strategy-service").abs_diff(documented("backend-api"));
    url.set_port(Some(url.port()?.checked_add(apart)?)).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn key(inputs: &Inputs) -> Option<SecretString> {
    inputs.get(KEY).map(SecretString::from)
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
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A program that says it is a backend, and notes the head of every request.
    fn backend() -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                kept.lock().unwrap().push(head.join("\n").to_lowercase());
                let body = r#"{"service": "backend"}"#;
                write!(
                    &stream,
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        (address, heads)
    }

    fn args(url: Option<&str>) -> PlatformArgs {
        PlatformArgs { url: url.map(str::to_owned) }
    }

    /// What a user has who says nothing about a folder.
    fn context(folder: &std::path::Path) -> Context {
        let inputs = Inputs::default().variable(KEY, " hush ");
        Context { is_folder_chosen: false, ..Context::new(inputs, folder.to_owned(), None, None, false) }
    }

    async fn target(args: &PlatformArgs, ctx: &Context, tried: &str) -> Target {
        args.target_or(ctx, tried).await.unwrap()
    }

    #[tokio::test]
    async fn the_key_goes_to_addresses_that_are_named_and_to_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (address, heads) = backend();
        let ctx = context(folder.path());
        for (args, is_sent) in [(args(None), false), (args(Some(&address)), true)] {
            let Target::Platform(platform) = target(&args, &ctx, &address).await else { panic!("{args:?}") };
            heads.lock().unwrap().clear();
            platform.backend.get("/api/v1/backtests").await.unwrap();
            let heads = heads.lock().unwrap().join("\n");
            assert_eq!(heads.contains("authorization: bearer hush"), is_sent, "{args:?}: {heads}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_meant_is_not_left_for_a_platform_on_another() {
        let folder = tempfile::tempdir().unwrap();
        let (address, heads) = backend();
        let ctx = context(folder.path());
        assert!(matches!(target(&args(None), &ctx, &address).await, Target::Platform(_)));
        heads.lock().unwrap().clear();
        let chosen = Context { is_folder_chosen: true, ..context(folder.path()) };
        assert!(matches!(target(&args(None), &chosen, &address).await, Target::Folder));
        std::fs::write(folder.path().join("state.db"), "").unwrap();
        assert!(matches!(target(&args(None), &ctx, &address).await, Target::Folder));
        assert_eq!(heads.lock().unwrap().len(), 0, "it is not even asked");
    }

    #[tokio::test]
    async fn the_strategy_service_is_the_variables_wherever_that_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let (address, _) = backend();
        let mut ctx = context(folder.path());
        ctx.inputs = ctx.inputs.variable(STRATEGY_SERVICE, "http://10.0.0.9:9003");
        for args in [args(None), args(Some(&address))] {
            let Target::Platform(platform) = target(&args, &ctx, &address).await else { panic!("{args:?}") };
            assert_eq!(platform.strategy_service.base(), "http://10.0.0.9:9003", "{args:?}");
        }
    }

    #[test]
    fn the_strategy_service_is_beside_the_backend() {
        assert_eq!(beside("http://10.0.0.7:8000").unwrap(), "http://10.0.0.7:8003");
        assert_eq!(beside("http://[::1]:8100/").unwrap(), "http://[::1]:8103");
        assert_eq!(beside("https://tradai.example"), None);
        assert_eq!(beside("http://127.0.0.1:65535"), None);
    }
}
