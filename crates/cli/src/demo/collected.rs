//! Candles of the demo that come from an exchange.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::bail;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tradai_control_plane::data::{CollectLimits, PriceKind, SyncMode, SyncRequest};
use tradai_domain::ports::{ExchangeKey, PortError};
use tradai_domain::{Millis, Symbol, Timeframe};
use tradai_sandbox::{Settings, sample};

use super::say;
use crate::context::Context;
use crate::{data, exchange};

const SYMBOLS: [&str; 3] = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];
/// What the bundled strategies look at.
const TIMEFRAMES: [Timeframe; 3] = [Timeframe::M5, Timeframe::M15, Timeframe::H1];
const DAY: Millis = 86_400_000;
/// Days that are collected.
const DAYS: i64 = 60;
/// When the sandbox of the demo stands still: 2024-01-01.
const SANDBOX_NOW: Millis = 1_704_067_200_000;

/// Collects the demo's candles from an exchange, which for `sandbox` is started here, and returns its pairs;
/// `None` when it was interrupted.
pub(super) fn pairs(demo: &Context, key: &ExchangeKey) -> anyhow::Result<Option<BTreeSet<String>>> {
    if !matches!(key.as_str(), "sandbox" | "binance" | "okx") {
        bail!("--exchange {key}: the demo trades spot; allowed are sandbox, binance and okx");
    }
    let symbols = SYMBOLS.iter().map(|symbol| symbol.parse()).collect::<Result<Vec<Symbol>, _>>()?;
    let sandbox = (key.as_str() == "sandbox").then(|| RunningSandbox::start(demo, &symbols)).transpose()?;
    let end = if sandbox.is_some() { SANDBOX_NOW } else { demo.clock.now_ms() };
    let start = end - end.rem_euclid(DAY) - DAYS * DAY;
    say(demo, &format!("1. Collecting {DAYS} days of {} from {key}.", SYMBOLS.join(", ")))?;
    let url = sandbox.as_ref().map(|sandbox| sandbox.url.as_str());
    let collector = exchange::collector(demo, key, url, CollectLimits::default())?;
    for timeframe in TIMEFRAMES {
        let request = SyncRequest {
            exchange: None,
            symbols: symbols.clone(),
            timeframe,
            price: PriceKind::Traded,
            start: Some(start),
            end: Some(end),
            mode: SyncMode::Gaps,
            recheck: false,
        };
        let (result, interrupted) = data::collect(&collector, &request)?;
        if interrupted {
            eprintln!("Interrupted; the same command goes on from there.");
            return Ok(None);
        }
        if let Some((series, error)) = result.failed().next() {
            let error = PortError::new(error.kind, error.message.clone());
            return Err(anyhow::Error::from(error).context(format!("cannot collect {}", series.key)));
        }
    }
    Ok(Some(SYMBOLS.iter().map(|symbol| (*symbol).to_owned()).collect()))
}

/// A sandbox exchange in this process. It ends when dropped.
struct RunningSandbox {
    url: String,
    _runtime: Runtime,
}

impl RunningSandbox {
    fn start(demo: &Context, symbols: &[Symbol]) -> anyhow::Result<Self> {
        let start = SANDBOX_NOW - (DAYS + 1) * DAY;
        let mut settings = Settings::new(sample(1, symbols, Timeframe::M5, start, SANDBOX_NOW + DAY));
        settings.start = Some(SANDBOX_NOW);
        let sandbox = tradai_sandbox::build(settings, Arc::clone(&demo.clock))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}", listener.local_addr()?);
        runtime.spawn(async move { sandbox.serve(listener, std::future::pending()).await });
        Ok(Self { url, _runtime: runtime })
    }
}
