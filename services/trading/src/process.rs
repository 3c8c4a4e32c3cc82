//! The program: from the environment to an exit code.

use std::num::NonZeroU32;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tradai_domain::ErrorKind;
use tradai_otlp::observe;
use tradai_platform::settings::{End, Inputs, Settings, Start, start};
use tradai_platform::wiring::Wiring;

use crate::{Error, TradingMode, TradingSettings, run_job};

/// Runs what the environment asks for.
///
/// Exit codes: 0 the job completed, or had before; 2 wrong settings or an impossible request; 3 no such job, strategy or
/// candles; 4 the job ended in another way before; 5 damaged candles; 6 a disk or storage that does not answer; 70 a
/// fault of ours; 143 told to stop by SIGTERM or SIGINT.
#[must_use]
pub fn run(inputs: &Inputs) -> ExitCode {
    match start::<TradingSettings>(inputs) {
        Start::End(End { code: 0, text }) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Start::End(End { code, text }) => {
            eprintln!("{}", text.trim_end());
            ExitCode::from(code)
        }
        Start::Run(loaded) => host(&loaded.settings, inputs),
    }
}

fn host(settings: &TradingSettings, inputs: &Inputs) -> ExitCode {
    let fault = |what: &str, error: &dyn std::fmt::Display, kind: ErrorKind| {
        eprintln!("{what}: {error}");
        ExitCode::from(kind.exit_code())
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fault("no runtime", &error, ErrorKind::Internal),
    };
    let traces = match observe(&settings.log, TradingSettings::SERVICE, runtime.handle()) {
        Ok(traces) => traces,
        Err(error) => return fault("logs or traces cannot be written", &error, ErrorKind::Internal),
    };
    if let Some(memory) = settings.memory
        && let Err(error) = limit_memory(memory)
    {
        return fault("the memory cannot be limited", &error, ErrorKind::Internal);
    }
    let wiring = match Wiring::open(&settings.state, inputs.environment.clone()) {
        Ok(wiring) => wiring,
        Err(error) => return fault("the state cannot be opened", &error, error.kind()),
    };
    let ended = match settings.mode {
        TradingMode::Backtest => run_until_told(&runtime, settings, &wiring),
    };
    if let Some(traces) = traces {
        // The job has been reported by now, so that nobody waits for a collector.
        runtime.block_on(traces.end());
    }
    // A run that was given up is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The last line of its output is what a watcher reports of a process whose job did not say why.
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Lets this program have so much memory of its own and no more, so that it ends before others have none. Files that it
/// maps and what it only reserves do not count.
fn limit_memory(mebibytes: NonZeroU32) -> nix::Result<()> {
    let bytes = u64::from(mebibytes.get()) << 20;
    let (_, hard) = getrlimit(Resource::RLIMIT_DATA)?;
    setrlimit(Resource::RLIMIT_DATA, bytes.min(hard), hard)
}

fn run_until_told(runtime: &Runtime, settings: &TradingSettings, wiring: &Wiring) -> Result<(), Error> {
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let told = stop.clone();
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                // Lives as long as the runtime: it owns nothing but the two signal streams.
                tokio::spawn(async move {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                    told.cancel();
                });
            }
            // The signals end the program then as they end any other.
            (Err(error), _) | (_, Err(error)) => tracing::warn!(%error, "no signals: {error}"),
        }
        run_job(settings, wiring, &stop).await
    })
}
