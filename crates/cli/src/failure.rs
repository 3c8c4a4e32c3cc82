//! How a command says that it failed.

use std::process::ExitCode;

use serde_json::json;
use tradai_domain::ErrorKind;

use crate::output::print_json;
use crate::remote::RemoteError;

/// Prints an error (JSON on standard output if asked for, else text on standard error) and returns its exit code.
pub(crate) fn report(error: &anyhow::Error, as_json: bool) -> ExitCode {
    let kind = kind(error);
    if as_json {
        // Nobody is left to tell when standard output is gone as well.
        let mut told = json!({"kind": kind.as_str(), "message": message(error)});
        if let Some(problem) = error.downcast_ref::<RemoteError>().and_then(RemoteError::document) {
            told["problem"] = problem.clone();
        }
        drop(print_json(&json!({ "error": told })));
    } else {
        eprintln!("error: {}", message(error));
    }
    ExitCode::from(kind.exit_code())
}

/// An error with a line of what to do about it.
pub(crate) fn advised(error: impl Into<anyhow::Error>, advice: &str) -> anyhow::Error {
    let error = error.into();
    let text = format!("{error}\n  {advice}");
    error.context(text)
}

/// The error and its causes, each said once: some errors quote their cause themselves.
fn message(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

fn kind(error: &anyhow::Error) -> ErrorKind {
    if let Some(error) = error.downcast_ref::<tradai_runner::Error>() {
        return error.kind();
    }
    if let Some(error) = error.downcast_ref::<tradai_sandbox::Error>() {
        return error.kind();
    }
    if let Some(error) = error.downcast_ref::<tradai_exchange::Error>() {
        return error.kind();
    }
    if let Some(error) = error.downcast_ref::<tradai_control_plane::Error>() {
        return error.kind();
    }
    if let Some(error) = error.downcast_ref::<tradai_domain::ports::PortError>() {
        return error.kind;
    }
    if let Some(error) = error.downcast_ref::<RemoteError>() {
        return error.kind();
    }
    if let Some(error) = error.downcast_ref::<crate::up::UpError>() {
        return error.kind();
    }
    if let Some(kind) = crate::data::error_kind(error) {
        return kind;
    }
    match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::NotFound) => ErrorKind::NotFound,
        Some(_) => ErrorKind::Unavailable,
        None => ErrorKind::Invalid,
    }
}
