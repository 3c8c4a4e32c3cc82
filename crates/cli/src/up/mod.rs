//! `tradai up`: the whole platform in one process.
//!
//! Every service is the one that runs on its own too, made by its `start` from its own settings; here they share one
//! runtime, one signal handler and one data folder. No logic of theirs is here. Invariant: nothing is started before
//! the folder is locked and every port is taken, and nothing is left running when the process ends, save jobs, which
//! are processes of their own and are taken up by the next start.

mod demo;
mod error;
pub(crate) mod plan;
mod ports;
pub(crate) mod running;
mod serve;
mod signals;
mod started;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args};
use tracing::warn;
use tradai_platform::settings::Inputs;
use tradai_service::observe;

use crate::context::Context;
use crate::output::print;
use demo::DemoExchange;
pub(crate) use error::{PortFault, UpError};
use plan::{Plan, PortChoice};
use ports::Sockets;
use running::{FolderLock, Running};
use serve::Services;
use started::Started;

/// Start the platform: all services, the dashboard and the scheduler in one process
///
/// Backend with the dashboard on port 8000, data-collection on 8002, strategy-service on 8003; state, candles and
/// results in the data folder. The services' own settings (BACKEND_*, DATA_COLLECTION_*, STRATEGY_SERVICE_*, files
/// in `settings/`) hold here too. It runs until it is interrupted; jobs that run then are taken up by the next start.
///
/// Exit codes: 0 stopped as told, 2 wrong settings, 4 the folder is in use, 6 a port is taken or the folder cannot be
/// used, 70 a fault, 130 ended at once.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct UpArgs {
    /// Address that every service listens on. Any but loopback needs API keys or JWT for each.
    #[arg(long)]
    host: Option<IpAddr>,
    /// Added to every port, so that a second platform runs beside the first.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port_offset: u16,
    /// Take free ports in place of the documented ones.
    #[arg(long, conflicts_with = "port_offset")]
    free_ports: bool,
    /// Begin with sample candles, a strategy to change and a sandbox exchange, in a folder of their own (`demo`).
    #[arg(long)]
    demo: bool,
    /// Log more on standard error: -v what happens, -vv every detail. LOG_LEVEL chooses by module.
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

pub(crate) fn run(args: &UpArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !ctx.has_store(),
        "--store (TRADAI_STORE): the platform keeps candles in its data folder; choose that with --data-dir"
    );
    let folder = made(if args.demo { demo::folder(&ctx.data_dir) } else { ctx.data_dir.clone() })?;
    let mut lock = FolderLock::take(&folder)?;
    let inputs = plan::common(ctx.inputs.clone(), &folder, args.host).map_err(UpError::from)?;
    let inputs = log_level(inputs, args.verbose);
    let plan = Plan::load(&inputs).map_err(UpError::from)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Ends before the runtime does.
    let _traces =
        observe(&plan.backend.log, "tradai", runtime.handle()).map_err(|error| anyhow::anyhow!(error))?;
    runtime.block_on(up(args, ctx, &folder, &mut lock, inputs, &plan))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the platform to its end.
async fn up(
    args: &UpArgs,
    ctx: &Context,
    folder: &Path,
    lock: &mut FolderLock,
    inputs: Inputs,
    plan: &Plan,
) -> anyhow::Result<()> {
    let choice = if args.free_ports { PortChoice::Free } else { PortChoice::Offset(args.port_offset) };
    let sockets = Sockets::bind(plan.addresses().moved(choice).map_err(UpError::from)?).await?;
    let shutdown = signals::shutdown()?;
    let at = sockets.addresses()?;
    let mut inputs = plan::joined(inputs, at);
    let exchange = if args.demo { Some(demo(ctx, folder).await?) } else { None };
    if let Some(exchange) = &exchange {
        inputs = exchange.known(inputs);
    }
    let mut plan = Plan::load(&inputs).map_err(UpError::from)?;
    plan.introduce()?;
    for variable in &plan.unknown {
        warn!(variable, "{variable} is set, but no setting has this name");
    }
    let mut services = Services::start(&plan, sockets, &shutdown).await?;
    let running = Running {
        pid: std::process::id(),
        backend: plan::url(at.backend),
        data_collection: plan::url(at.data_collection),
        strategy_service: plan::url(at.strategy_service),
        sandbox: exchange.as_ref().map(|exchange| exchange.url.clone()),
    };
    if let Some(exchange) = exchange {
        services.add("the sandbox exchange", exchange.serve(shutdown.clone()));
    }
    lock.tell(&running)?;
    let started = Started { running: &running, folder, plan: &plan };
    print(&if ctx.json { started.json().to_string() } else { started.text() })?;
    Ok(services.ended().await?)
}

/// Makes what the demo begins with: the folder's content and the exchange, side by side.
async fn demo(ctx: &Context, folder: &Path) -> anyhow::Result<DemoExchange> {
    let demo = Context::new(ctx.inputs.clone(), folder.to_owned(), None, None, ctx.json);
    let filled = tokio::task::spawn_blocking(move || demo::fill(&demo));
    let exchange = DemoExchange::new(Arc::clone(&ctx.clock)).await;
    filled.await??;
    exchange
}

/// Makes the folder. Its whole path is what jobs are told, whatever folder they run in.
fn made(folder: PathBuf) -> Result<PathBuf, UpError> {
    let made = std::fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
    made.map_err(|source| UpError::Folder { folder, source })
}

/// People see what they must look at; the log of a service is for who asks for it.
fn log_level(inputs: Inputs, verbose: u8) -> Inputs {
    const LEVEL: &str = "LOG_LEVEL";
    match verbose {
        0 if inputs.environment.get(LEVEL).is_some_and(|level| !level.is_empty()) => inputs,
        0 => inputs.variable(LEVEL, "warn"),
        1 => inputs.variable(LEVEL, "info"),
        _ => inputs.variable(LEVEL, "debug"),
    }
}
