//! `tradai sandbox`: an exchange on this machine to collect from and trade at.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tradai_domain::{Millis, Symbol, Timeframe, format_utc, parse_date_ms};
use tradai_sandbox::{ApiKey, Pace, Series, Settings};

use crate::context::{Context, shown};
use crate::output::{print, print_json};

/// Markets that are made up or read from the store when none are named.
const SYMBOLS: &str = "BTC/USDT,ETH/USDT,SOL/USDT,BTC/USDT:USDT,ETH/USDT:USDT,SOL/USDT:USDT";
/// Made-up candles reach so many days back and ahead.
const DAYS_BACK: i64 = 365;
const DAYS_AHEAD: i64 = 30;
const DAY: Millis = 86_400_000;

/// Start an exchange on this machine: Binance's interface over replayed candles
///
/// It speaks Binance's REST and websocket for spot and USD-M futures, keeps accounts, matches orders and checks
/// its own books. Candles are made up around the present time, or yours: `--candles FOLDER`, or `--stored` for
/// those of the store. It runs until it is interrupted; nothing of it is kept.
///
/// Exit codes: 0 stopped, 2 wrong arguments, 3 no candles, 6 the port is taken.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SandboxArgs {
    /// Port; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Address to listen at. Any but loopback needs a key and secret of your own.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Replay the candle files of a folder (Parquet, feather, CSV, JSON; named as Freqtrade does).
    #[arg(long, value_name = "FOLDER", conflicts_with = "stored")]
    candles: Option<PathBuf>,
    /// Replay candles of the store.
    #[arg(long)]
    stored: bool,
    /// Markets of made-up or stored candles.
    #[arg(long, value_delimiter = ',', default_value = SYMBOLS, conflicts_with = "candles")]
    symbols: Vec<Symbol>,
    /// Length of made-up or stored candles; longer ones are made of them.
    #[arg(long, default_value = "1m", conflicts_with = "candles")]
    timeframe: Timeframe,
    /// The exchange's time at the start; by default now for made-up candles, and a day after the start of the
    /// market that starts last for others.
    #[arg(long, value_name = "DATE", value_parser = parse_date_ms)]
    start: Option<Millis>,
    /// How fast its time passes: so many times as fast as ours, or `stepped`, which moves by request alone.
    #[arg(long, default_value = "1", value_parser = parse_pace)]
    pace: Pace,
    /// Decides the made-up candles and which requests a fault plan strikes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A fault plan: a JSON file with a list of rules.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// The API key that may trade.
    #[arg(long, env = "TRADAI_SANDBOX_KEY", requires = "secret")]
    key: Option<String>,
    /// Its secret.
    #[arg(long, env = "TRADAI_SANDBOX_SECRET", hide_env_values = true, requires = "key")]
    secret: Option<String>,
}

pub(crate) fn run(args: &SandboxArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    if !args.host.is_loopback() && args.key.is_none() {
        anyhow::bail!(
            "--host {}: others can reach it there; give it --key and --secret (or TRADAI_SANDBOX_KEY, \
             TRADAI_SANDBOX_SECRET), or listen at 127.0.0.1",
            args.host
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let at = SocketAddr::new(args.host, args.port);
    let listener = runtime.block_on(TcpListener::bind(at));
    let listener = listener.with_context(|| format!("cannot listen at {at}; --port takes another port"))?;
    let settings = settings(args, ctx)?;
    let started = Started::new(args, &settings);
    let sandbox = tradai_sandbox::build(settings, Arc::clone(&ctx.clock))?;
    let (url, now) = (format!("http://{}", listener.local_addr()?), sandbox.now());
    if ctx.json {
        print_json(&started.json(&url, now))?
    } else {
        print(&started.text(&url, now))?
    }
    runtime.block_on(sandbox.serve(listener, interrupted()))?;
    Ok(ExitCode::SUCCESS)
}

/// Ends when the process is told to stop.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        drop(tokio::signal::ctrl_c().await);
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

fn settings(args: &SandboxArgs, ctx: &Context) -> anyhow::Result<Settings> {
    let faults = args.faults.as_deref().map(read_plan).transpose()?;
    let mut settings = Settings::new(series(args, ctx)?);
    let is_made_up = args.candles.is_none() && !args.stored;
    // Making the candles up has taken its time.
    settings.start = args.start.or_else(|| is_made_up.then(|| ctx.clock.now_ms()));
    settings.pace = args.pace;
    settings.seed = args.seed;
    settings.faults = faults;
    if let (Some(key), Some(secret)) = (&args.key, &args.secret) {
        settings.keys = vec![ApiKey { key: key.clone(), secret: secret.clone() }];
    }
    Ok(settings)
}

fn series(args: &SandboxArgs, ctx: &Context) -> anyhow::Result<Vec<Series>> {
    if let Some(folder) = &args.candles {
        return Ok(tradai_sandbox::read_folder(folder, |_, _| true)?);
    }
    if args.stored {
        return Ok(tradai_sandbox::read_store(&ctx.store()?, &args.symbols, args.timeframe)?);
    }
    let around = args.start.unwrap_or_else(|| ctx.clock.now_ms());
    let day = around - around.rem_euclid(DAY);
    let (start, end) = (day - DAYS_BACK * DAY, day + DAYS_AHEAD * DAY);
    if !ctx.json {
        eprintln!("Making up candles of {} markets...", args.symbols.len());
    }
    Ok(tradai_sandbox::sample(args.seed, &args.symbols, args.timeframe, start, end))
}

fn read_plan(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", shown(path)))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a fault plan", shown(path)))
}

fn parse_pace(text: &str) -> Result<Pace, String> {
    if text == "stepped" {
        return Ok(Pace::Stepped);
    }
    let rate = text.parse().ok().filter(|rate| (1..=10_000).contains(rate));
    rate.map(Pace::Running).ok_or_else(|| "a whole number from 1 to 10000, or `stepped`".to_owned())
}

/// What a user needs to know of a running sandbox.
struct Started {
    symbols: Vec<String>,
    /// Where the candles are from.
    source: String,
    is_synthetic: bool,
    pace: Pace,
    key: String,
    /// Shown only when it is the one that everybody knows.
    secret: Option<String>,
}

impl Started {
    fn new(args: &SandboxArgs, settings: &Settings) -> Self {
        let symbols: BTreeSet<String> =
            settings.series.iter().map(|series| series.key.symbol.to_string()).collect();
        let source = match &args.candles {
            Some(folder) => format!("files of {}", shown(folder)),
            None if args.stored => format!("{} candles of the store", args.timeframe),
            None => format!("{} candles, made up (SYNTHETIC, seed {})", args.timeframe, args.seed),
        };
        let known = settings.keys.first().filter(|_| args.key.is_none());
        Self {
            symbols: symbols.into_iter().collect(),
            source,
            is_synthetic: args.candles.is_none() && !args.stored,
            pace: args.pace,
            key: settings.keys.first().map(|key| key.key.clone()).unwrap_or_default(),
            secret: known.map(|key| key.secret.clone()),
        }
    }

    fn json(&self, url: &str, now: Millis) -> Value {
        let pace = match self.pace {
            Pace::Stepped => json!("stepped"),
            Pace::Running(rate) => json!(rate),
        };
        json!({
            "url": url,
            "time": format_utc(now),
            "pace": pace,
            "symbols": self.symbols,
            "candles": self.source,
            "synthetic": self.is_synthetic,
            "key": self.key,
        })
    }

    fn text(&self, url: &str, now: Millis) -> String {
        let pace = match self.pace {
            Pace::Stepped => "standing still; POST /_sandbox/clock moves it".to_owned(),
            Pace::Running(1) => "passing as ours".to_owned(),
            Pace::Running(rate) => format!("passing {rate} times as fast as ours"),
        };
        let secret =
            self.secret.as_ref().map_or("and your secret".to_owned(), |secret| format!("secret {secret}"));
        format!(
            "Sandbox exchange at {url}; Ctrl-C stops it.\n  \
             time     {} UTC, {pace}\n  \
             markets  {}\n  \
             candles  {}\n  \
             account  key {}, {secret}; 100,000 USDT in each wallet\n\n\
             Try, in another terminal:\n  \
             curl '{url}/api/v3/ticker/price'\n  \
             curl '{url}/_sandbox/state'",
            format_utc(now),
            self.symbols.join(" "),
            self.source,
            self.key,
        )
    }
}
