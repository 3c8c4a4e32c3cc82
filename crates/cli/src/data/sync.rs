//! `tradai data sync`: candles from an exchange.

mod bars;
mod report;

use std::convert::Infallible;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;
use tradai_control_plane::Error;
use tradai_control_plane::data::{
    CollectLimits, Collector, PriceKind, SyncMode, SyncProgress, SyncRequest, SyncResult,
};
use tradai_domain::{Millis, Symbol, Timeframe, parse_date_ms};

use self::bars::Bars;
use super::{DataError, output};
use crate::context::Context;
use crate::exchange;

/// As shells report a program that Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// Collect candles from an exchange
///
/// What is stored is looked at first, and only what is missing is asked for; running it again goes on where the
/// last run stopped. A symbol that fails stops none of the others. The candle that is still forming is left out, and
/// what the exchange turns out not to have is noted, so that it is not asked for every time.
///
/// The candles are kept apart from those of other exchanges and from imported ones: `--exchange` with any other
/// command works with them. Exchanges: binance, binance_futures, bybit_futures, okx, okx_futures, and the sandbox
/// exchange of `tradai sandbox` as sandbox and sandbox_futures.
///
/// Exit codes: 0 everything is there, 2 wrong arguments, 3 an unknown market, 4 a stored candle differs, 6 the
/// exchange could not be reached, 130 interrupted.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct SyncArgs {
    /// Markets, such as BTC/USDT or BTC/USDT:USDT.
    #[arg(long, value_delimiter = ',', required_unless_present = "incremental")]
    symbols: Vec<Symbol>,
    /// Candle length.
    #[arg(long)]
    timeframe: Timeframe,
    /// First day, or moment.
    #[arg(long, value_parser = parse_date_ms, required_unless_present = "incremental")]
    start: Option<Millis>,
    /// Day after the last one, or first moment after; until now when left out.
    #[arg(long, value_parser = parse_date_ms)]
    end: Option<Millis>,
    /// Only what is newer than the newest stored candle; without --symbols, of every stored series of the timeframe.
    #[arg(long, conflicts_with_all = ["repair", "recheck"])]
    incremental: bool,
    /// Ask for what is stored as well, and replace what the exchange has corrected.
    #[arg(long)]
    repair: bool,
    /// Ask again for what the exchange did not have.
    #[arg(long)]
    recheck: bool,
    /// Which candles.
    #[arg(long, value_enum, default_value_t = Price::Traded)]
    price: Price,
    /// Series at a time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// Ask this address in place of the exchange's own, such as http://127.0.0.1:8090.
    #[arg(long, env = "TRADAI_EXCHANGE_URL", value_name = "URL")]
    url: Option<String>,
}

/// Which candles of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Price {
    /// Of trades.
    Traded,
    /// Of the mark price; futures only.
    Mark,
    /// Funding rates; futures only.
    #[value(name = "funding_rate")]
    FundingRate,
}

pub(super) fn run(args: &SyncArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let Some(key) = &ctx.exchange else {
        return Err(DataError::Flags("--exchange is needed, such as --exchange binance".to_owned()).into());
    };
    let limits = CollectLimits { concurrency: args.concurrency.into(), ..CollectLimits::default() };
    let collector = exchange::collector(ctx, key, args.url.as_deref(), limits)?;
    let (result, interrupted) = collect(&collector, &args.request())?;
    if ctx.json {
        output::print_json(&report::json(&result, interrupted))?;
    } else {
        report::print(&result, interrupted)?;
    }
    Ok(exit_code(&result, interrupted))
}

/// Collects what is asked for, with bars on the terminal, and returns what it came to and whether it was
/// interrupted.
///
/// # Errors
/// When the request makes no sense or the store cannot be listed; a series that fails is in the result.
pub(crate) fn collect(collector: &Collector, request: &SyncRequest) -> anyhow::Result<(SyncResult, bool)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let cancel = CancellationToken::new();
    let result = runtime.block_on(async {
        let plan = collector.plan(request).await.map_err(in_flags)?;
        let progress = SyncProgress::new(&plan);
        let bars = Bars::new(&plan);
        let result = tokio::select! {
            result = collector.sync(&plan, &progress, &cancel) => result,
            never = bars.follow(&progress) => match never {},
            never = interrupts(&cancel) => match never {},
        };
        anyhow::Ok(result)
    })?;
    Ok((result, cancel.is_cancelled()))
}

/// The first interrupt ends the sync in good order, the second at once.
async fn interrupts(cancel: &CancellationToken) -> Infallible {
    while tokio::signal::ctrl_c().await.is_ok() {
        if cancel.is_cancelled() {
            std::process::exit(INTERRUPTED.into());
        }
        cancel.cancel();
    }
    std::future::pending().await
}

/// Returns the code of the first failure.
fn exit_code(result: &SyncResult, interrupted: bool) -> ExitCode {
    if interrupted {
        return ExitCode::from(INTERRUPTED);
    }
    result.failed().next().map_or(ExitCode::SUCCESS, |(_, error)| ExitCode::from(error.kind.exit_code()))
}

impl SyncArgs {
    fn request(&self) -> SyncRequest {
        SyncRequest {
            exchange: None,
            symbols: self.symbols.clone(),
            timeframe: self.timeframe,
            price: match self.price {
                Price::Traded => PriceKind::Traded,
                Price::Mark => PriceKind::Mark,
                Price::FundingRate => PriceKind::FundingRate,
            },
            start: self.start,
            end: self.end,
            mode: match (self.incremental, self.repair) {
                (true, _) => SyncMode::Incremental,
                (false, true) => SyncMode::Repair,
                (false, false) => SyncMode::Gaps,
            },
            recheck: self.recheck,
        }
    }
}

/// Says what is wrong with a request in the command line's words.
fn in_flags(error: Error) -> anyhow::Error {
    match error {
        Error::Request(faults) => {
            let faults: Vec<String> = faults.iter().map(|fault| format!("--{fault}")).collect();
            DataError::Flags(faults.join("; ")).into()
        }
        other => other.into(),
    }
}
