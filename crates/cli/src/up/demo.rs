//! What `--demo` adds: candles, a strategy to change and an exchange, all made up.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tradai_data_collection::Settings as DataCollection;
use tradai_domain::{Clock, Millis, Symbol, Timeframe};
use tradai_platform::settings::Inputs;
use tradai_sandbox::{Pace, Sandbox, Settings};
use tradai_service::Shutdown;
use tradai_strategy::Registry;

use super::plan::{name, url};
use crate::context::Context;

/// The strategy that is there to be changed.
pub(super) const STRATEGY: &str = "MyFirst";
/// What it begins as.
const EXAMPLE: &str = "EmaCross";
/// Where `tradai sandbox` listens, and where the sandbox exchanges are looked for.
const PORT: u16 = 8090;
const SYMBOLS: [&str; 4] = ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"];
/// The exchange's candles reach so many days back and ahead.
const DAYS_BACK: i64 = 30;
const DAYS_AHEAD: i64 = 7;
const DAY: Millis = 86_400_000;
const SEED: u64 = 1;

/// An exchange that is about to be served.
pub(super) struct DemoExchange {
    sandbox: Sandbox,
    listener: TcpListener,
    pub(super) url: String,
}

/// Returns the folder of a demo: made-up candles must not stand beside a user's real ones.
pub(super) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("demo")
}

/// Fills a folder with sample candles and a strategy to change, unless they are there.
///
/// # Errors
/// When the folder holds other candles of the same name, or cannot be written.
pub(super) fn fill(demo: &Context) -> anyhow::Result<()> {
    crate::data::demo_candles(&demo.store()?)?;
    let folder = demo.data_dir.join("strategies").join(STRATEGY);
    let text = Registry::bundled().new_file(STRATEGY, EXAMPLE).map_err(tradai_runner::Error::from)?;
    std::fs::create_dir_all(&folder).with_context(|| format!("while making {}", folder.display()))?;
    let path = folder.join("tradai.yaml");
    match std::fs::File::create_new(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
    {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("while writing {}", path.display()))
        }
        _ => Ok(()),
    }
}

impl DemoExchange {
    /// Makes an exchange of the present time, on its documented port or a free one.
    ///
    /// # Errors
    /// When there is no port at all.
    pub(super) async fn new(clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = match TcpListener::bind(at(PORT)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(at(0)).await.context("the sandbox exchange finds no port")?,
        };
        let url = url(listener.local_addr()?);
        let sandbox = tokio::task::spawn_blocking(move || make(clock)).await??;
        Ok(Self { sandbox, listener, url })
    }

    /// Adds the exchange to what data-collection knows.
    pub(super) fn known(&self, mut inputs: Inputs) -> Inputs {
        let mut add = |variable: String, items: String| {
            let there = inputs.environment.get(&variable).filter(|value| !value.trim().is_empty());
            let joined = there.map_or(items.clone(), |there| format!("{there},{items}"));
            inputs.environment.insert(variable, joined);
        };
        add(name::<DataCollection>("EXCHANGES"), "sandbox,sandbox_futures".to_owned());
        let urls = format!("sandbox={0},sandbox_futures={0}", self.url);
        add(name::<DataCollection>("EXCHANGE_URLS"), urls);
        inputs
    }

    /// Serves until the word to stop.
    ///
    /// # Errors
    /// When the socket fails.
    pub(super) async fn serve(self, shutdown: Shutdown) -> Result<(), Box<dyn Error + Send + Sync>> {
        let told = async move { shutdown.stopping().await };
        Ok(self.sandbox.serve(self.listener, told).await?)
    }
}

fn make(clock: Arc<dyn Clock>) -> anyhow::Result<Sandbox> {
    let symbols = SYMBOLS.iter().map(|text| text.parse()).collect::<Result<Vec<Symbol>, _>>()?;
    let now = clock.now_ms();
    let day = now - now.rem_euclid(DAY);
    let (start, end) = (day - DAYS_BACK * DAY, day + DAYS_AHEAD * DAY);
    let mut settings = Settings::new(tradai_sandbox::sample(SEED, &symbols, Timeframe::M1, start, end));
    // Making the candles up has taken its time.
    settings.start = Some(clock.now_ms());
    settings.pace = Pace::Running(1);
    Ok(tradai_sandbox::build(settings, clock)?)
}
