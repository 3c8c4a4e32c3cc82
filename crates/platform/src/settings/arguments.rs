//! The arguments of a host: help, version, settings, and commands of its own.
//!
//! Settings come from files and the environment only. Invariant: an argument that nobody knows ends the program, so
//! that a command that is misspelt starts no service.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::inputs::SETTINGS_DIR;
use super::{End, Inputs, Settings};

const PRINT: &str = "print-settings";

/// Reads the arguments of a host that has these commands beside its own work. Commands take theirs only, not the host's.
///
/// # Errors
/// What to print and end with: help and version with 0, arguments that it does not take with 2.
pub fn arguments<S: Settings>(
    inputs: &Inputs,
    commands: impl IntoIterator<Item = Command>,
) -> Result<ArgMatches, End> {
    let name = format!("tradai-{}", S::SERVICE);
    let line = std::iter::once(&name).chain(&inputs.arguments);
    let read = program::<S>(&name).subcommands(commands).try_get_matches_from(line);
    read.map_err(|error| {
        let is_asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        End { code: if is_asked { 0 } else { 2 }, text: error.to_string() }
    })
}

/// Whether they ask for the settings to be printed.
pub(super) fn is_printed(arguments: &ArgMatches) -> bool {
    arguments.get_flag(PRINT)
}

fn program<S: Settings>(name: &str) -> Command {
    let print = Arg::new(PRINT)
        .long(PRINT)
        .action(ArgAction::SetTrue)
        .help("Print every setting with its value, where that is from, and what it means");
    Command::new(S::SERVICE)
        .bin_name(name)
        .display_name(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(S::ABOUT)
        .after_help(sources::<S>())
        .arg(print)
        // The settings printed are the host's own: a command beside the flag would be left undone, or do its work as if
        // nobody had asked.
        .args_conflicts_with_subcommands(true)
}

/// Where settings come from.
fn sources<S: Settings>() -> String {
    let names = match S::PREFIX {
        "" => "variables of the environment".to_owned(),
        prefix => format!("variables that begin with {prefix}, and those that all services share"),
    };
    format!(
        "Settings: {}.toml in the folder that {SETTINGS_DIR} names (./settings without it), and over it {names}.\n\
         --{PRINT} lists them all.",
        S::SERVICE
    )
}
