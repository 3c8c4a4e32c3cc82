//! `tradai new-key`: a key that a service lets in.

use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use serde_json::json;
use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;
use tradai_platform::settings::sections::{KeyScope, Role};

use crate::context::Context;
use crate::output::{print, print_json};

/// Make an API key for the platform's services
///
/// The key is shown this once and kept nowhere. A service that has the item in its list, such as BACKEND_API_KEYS,
/// knows the key's name, role and hash, and lets it in.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct NewKeyArgs {
    /// Who calls with it: what the audit log says. No colon, comma or space.
    name: String,
    /// What it may do: viewer, trader or admin.
    role: Role,
    /// A service of the platform calls with it: it may say for whom it asks, and the audit log names them.
    #[arg(long)]
    service: bool,
}

pub(crate) fn run(args: &NewKeyArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let name = args.name.as_str();
    ensure!(
        !name.is_empty() && !name.contains([':', ',']) && !name.contains(char::is_whitespace),
        "NAME: `{name}` is no name of a key: it has no colon, comma or space, and is not empty"
    );
    let failed = || PortError::new(ErrorKind::Internal, "no key was made: the system has no randomness");
    let scope = if args.service { KeyScope::Service } else { KeyScope::Own };
    let (key, item) = tradai_service::new_key(name, args.role, scope).ok_or_else(failed)?;
    if ctx.json {
        print_json(&json!({ "key": key, "item": item }))?;
    } else {
        print(&format!("key, shown this once: {key}\nadd to API_KEYS:      {item}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
