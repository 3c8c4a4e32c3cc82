//! How a command says that it failed.

use std::process::ExitCode;

use serde_json::json;
use tradai_domain::ErrorKind;

/// Prints an error (JSON on standard output if asked for, else text on standard error) and returns its exit code.
pub(crate) fn report(error: &anyhow::Error, as_json: bool) -> ExitCode {
    let kind = kind(error);
    if as_json {
        let kind = format!("{kind:?}").to_lowercase();
        println!("{:#}", json!({"error": {"kind": kind, "message": format!("{error:#}")}}));
    } else {
        eprintln!("error: {error:#}");
    }
    ExitCode::from(kind.exit_code())
}

fn kind(error: &anyhow::Error) -> ErrorKind {
    if let Some(error) = error.downcast_ref::<tradai_runner::Error>() {
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
