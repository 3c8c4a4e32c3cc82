//! `main` of a service.

use std::error::Error;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use tokio::net::TcpListener;
use tracing::{error, warn};
use tradai_http_client::chain;
use tradai_otlp::observe;
use tradai_platform::settings::sections::{HttpSettings, KeyScope, LogSettings, Role};
use tradai_platform::settings::{End, Inputs, Loaded, Settings, Start, arguments, start_as};

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

/// Something else that a program does when its first argument is the command's name.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The argument.
    pub name: &'static str,
    /// What it does, in a line of the help.
    pub about: &'static str,
    /// Does it, on the environment; there are no further arguments. It logs as it sees fit.
    pub run: fn(&Inputs) -> ExitCode,
}

/// Runs a service from its settings to its end. Instead of that, `<program> healthcheck` asks a running one with the
/// same settings, `<program> new-key NAME ROLE` makes an API key (`--service`: of a service), and `--print-settings`,
/// `--help` and `--version` print what they say.
///
/// Exit codes: 0 stopped as told, 1 the health check failed, 2 wrong settings or arguments, 70 a fault.
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
    let own = commands.iter().map(|command| clap::Command::new(command.name).about(command.about));
    let arguments =
        match arguments::<S>(&inputs, [healthcheck_command(), new_key_command()].into_iter().chain(own)) {
            Ok(arguments) => arguments,
            Err(end) => return ended(&end),
        };
    let chosen = arguments.subcommand();
    if let Some((NEW_KEY, asked)) = chosen {
        return make_key(asked);
    }
    if let Some(command) = commands.iter().find(|command| Some(command.name) == arguments.subcommand_name()) {
        return (command.run)(&Inputs { arguments: Vec::new(), ..inputs });
    }
    match start_as::<S>(&inputs, &arguments) {
        Start::End(end) => ended(&end),
        Start::Run(loaded) if chosen.is_some() => ask(loaded.settings.http()),
        Start::Run(loaded) => host(loaded, build),
    }
}

fn ended(end: &End) -> ExitCode {
    match end.code {
        0 => say(&mut std::io::stdout(), &end.text, 0),
        code => say(&mut std::io::stderr(), &end.text, code),
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

fn healthcheck_command() -> clap::Command {
    clap::Command::new("healthcheck")
        .about("Ask the service that runs with the same settings whether it lives")
}

/// A command's name and those of its arguments.
const NEW_KEY: &str = "new-key";
const NAME: &str = "NAME";
const ROLE: &str = "ROLE";
const SERVICE: &str = "service";

fn new_key_command() -> clap::Command {
    let name = Arg::new(NAME).required(true).value_parser(key_name).help("Who calls with it");
    let role = Arg::new(ROLE).required(true).value_parser(Role::from_str).help("viewer, trader or admin");
    let service = Arg::new(SERVICE)
        .long(SERVICE)
        .action(ArgAction::SetTrue)
        .help("A service of the platform calls with it, and says for whom");
    clap::Command::new(NEW_KEY)
        .about("Make an API key, and the item of API_KEYS that lets it in")
        .args([name, role, service])
}

fn key_name(name: &str) -> Result<String, &'static str> {
    let is_name = !name.is_empty() && !name.contains([':', ',', ' ']);
    is_name.then(|| name.to_owned()).ok_or("a name has no colon, comma or space, and is not empty")
}

fn make_key(asked: &ArgMatches) -> ExitCode {
    // Both are required.
    let (Some(name), Some(role)) = (asked.get_one::<String>(NAME), asked.get_one::<Role>(ROLE)) else {
        return ExitCode::from(2);
    };
    let scope = if asked.get_flag(SERVICE) { KeyScope::Service } else { KeyScope::Own };
    match new_key(name, *role, scope) {
        Some((key, item)) => {
            let text = format!("key, shown this once: {key}\nadd to API_KEYS:      {item}");
            say(&mut std::io::stdout(), &text, 0)
        }
        None => say(&mut std::io::stderr(), "no key was made: the system has no randomness", 70),
    }
}

/// Prints and ends. Whether anybody reads it is not ours to judge.
fn say(stream: &mut dyn Write, text: &str, code: u8) -> ExitCode {
    writeln!(stream, "{}", text.trim_end()).unwrap_or_default();
    ExitCode::from(code)
}
