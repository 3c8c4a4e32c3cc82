//! `main` of a service.

use std::error::Error;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tracing::{error, warn};
use tradai_http_client::chain;
use tradai_otlp::observe;
use tradai_platform::settings::sections::{HttpSettings, KeyScope, LogSettings};
use tradai_platform::settings::{Inputs, Loaded, Settings, Start, start};

use crate::auth::new_key;
use crate::healthcheck::healthcheck;
use crate::serve::serve;
use crate::service::App;
use crate::shutdown::Shutdown;

/// Settings of a service that serves HTTP.
pub trait HttpHost: Settings {
    /// Returns the section about HTTP.
    fn http(&self) -> &HttpSettings;
    /// Returns the section about logs.
    fn log(&self) -> &LogSettings;
}

/// Something else that a program does when its first argument is the command's name; it gets all inputs, and logs as it
/// sees fit.
pub type Command = (&'static str, fn(&Inputs) -> ExitCode);

/// Runs a service from its settings to its end. Instead of that, `<program> healthcheck` asks a running one with the
/// same settings, `<program> new-key NAME ROLE` makes an API key (`--service`: of a service), and `--print-settings` prints the settings.
///
/// Exit codes: 0 stopped as told, 1 the health check failed, 2 wrong settings, 70 a fault.
pub fn run<S, F, A>(build: F) -> ExitCode
where
    S: HttpHost,
    F: FnOnce(S, Shutdown) -> A,
    A: Future<Output = Result<App, Box<dyn Error + Send + Sync>>>,
{
    run_with(&[], build)
}

/// [`run`] of a program that has commands of its own. They come before the settings are read, and need none of them.
pub fn run_with<S, F, A>(commands: &[Command], build: F) -> ExitCode
where
    S: HttpHost,
    F: FnOnce(S, Shutdown) -> A,
    A: Future<Output = Result<App, Box<dyn Error + Send + Sync>>>,
{
    let inputs = Inputs::of_process();
    if let Some((first, rest)) = inputs.arguments.split_first() {
        if first == "new-key" {
            return make_key(rest);
        }
        if let Some((_, command)) = commands.iter().find(|(name, _)| name == first) {
            return command(&inputs);
        }
    }
    match start::<S>(&inputs) {
        Start::End { code: 0, text } => say(&mut std::io::stdout(), &text, 0),
        Start::End { code, text } => say(&mut std::io::stderr(), &text, code),
        Start::Run(loaded) if inputs.arguments.first().is_some_and(|first| first == "healthcheck") => {
            ask(loaded.settings.http())
        }
        Start::Run(loaded) => host(loaded, build),
    }
}

fn host<S, F, A>(loaded: Loaded<S>, build: F) -> ExitCode
where
    S: HttpHost,
    F: FnOnce(S, Shutdown) -> A,
    A: Future<Output = Result<App, Box<dyn Error + Send + Sync>>>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return say(&mut std::io::stderr(), &format!("no runtime: {error}"), 70),
    };
    // Ends after all work has, and before the runtime does.
    let _traces = match observe(loaded.settings.log(), S::SERVICE, runtime.handle()) {
        Ok(traces) => traces,
        Err(error) => {
            return say(&mut std::io::stderr(), &format!("logs or traces cannot be written: {error}"), 70);
        }
    };
    for name in &loaded.unknown {
        warn!(name, "{name} is set, but no setting has this name; --print-settings lists them");
    }
    match runtime.block_on(serve_until_told(loaded.settings, build)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let chain = chain(&*error);
            error!(error = %chain, "{} cannot serve: {chain}", S::SERVICE);
            ExitCode::from(70)
        }
    }
}

async fn serve_until_told<S, F, A>(settings: S, build: F) -> Result<(), Box<dyn Error + Send + Sync>>
where
    S: HttpHost,
    F: FnOnce(S, Shutdown) -> A,
    A: Future<Output = Result<App, Box<dyn Error + Send + Sync>>>,
{
    let address = settings.http().address;
    let shutdown = Shutdown::on_signals()?;
    let app = build(settings, shutdown.clone()).await?;
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    serve(listener, app, shutdown).await?;
    Ok(())
}

fn ask(settings: &HttpSettings) -> ExitCode {
    match healthcheck(settings.address, "/api/v1/health", Duration::from_secs(5)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(&mut std::io::stderr(), &error.to_string(), 1),
    }
}

const USAGE: &str = "expected new-key NAME ROLE [--service], with a name without colon, comma and space";

fn make_key(arguments: &[String]) -> ExitCode {
    let made = match arguments {
        [name, role, scope @ ..] if !name.is_empty() && !name.contains([':', ',', ' ']) => match scope {
            [] => role.parse().map(|role| new_key(name, role, KeyScope::Own)),
            [service] if service == "--service" => {
                role.parse().map(|role| new_key(name, role, KeyScope::Service))
            }
            _ => Err(USAGE),
        },
        _ => Err(USAGE),
    };
    match made {
        Ok(Some((key, item))) => {
            let text = format!("key, shown this once: {key}\nadd to API_KEYS:      {item}");
            say(&mut std::io::stdout(), &text, 0)
        }
        Ok(None) => say(&mut std::io::stderr(), "no key was made: the system has no randomness", 70),
        Err(problem) => say(&mut std::io::stderr(), problem, 2),
    }
}

/// Prints and ends. Whether anybody reads it is not ours to judge.
fn say(stream: &mut dyn Write, text: &str, code: u8) -> ExitCode {
    writeln!(stream, "{}", text.trim_end()).unwrap_or_default();
    ExitCode::from(code)
}
