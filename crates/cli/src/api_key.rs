//! `tradai api-key …`: the API keys of a platform that runs.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use tradai_domain::ErrorKind;
use tradai_domain::access::Role;
use tradai_domain::ports::PortError;

use crate::context::Context;
use crate::failure::advised;
use crate::output::{print, print_json};
use crate::remote::{Platform, PlatformArgs, Request, runtime};

const KEYS: &str = "/api/v1/api-keys";

/// Arguments of `tradai api-key`.
#[derive(Debug, Args)]
pub(crate) struct ApiKeyArgs {
    #[command(subcommand)]
    command: ApiKeyCommand,
}

#[derive(Debug, Subcommand)]
enum ApiKeyCommand {
    Create(CreateArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Make a key that every service of the platform lets in
///
/// The key is shown this once; the platform keeps its hash. Needs a key of the role admin, read from TRADAI_API_KEY.
///
/// Exit codes: 0 made, 2 refused, 4 the name has a key or nobody is asked who they are, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct CreateArgs {
    /// Who is to hold it: what the audit log says.
    name: String,
    /// What it may do: viewer, trader or admin.
    role: Role,
    /// When it ends: a day such as 2027-01-01, or a moment; never without.
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// List the keys, those of the backend's settings too
///
/// Exit codes: 0 listed, 2 refused, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct ListArgs {
    #[command(flatten)]
    platform: PlatformArgs,
}

/// Revoke a key: services let nobody in by it from then on, within seconds
///
/// Exit codes: 0 revoked, 2 refused, 3 no such key, 4 the key is one of the settings, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct RevokeArgs {
    /// Name or id of the key.
    #[arg(value_name = "NAME|ID")]
    key: String,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// Runs a command and returns its exit code.
pub(crate) fn run(args: ApiKeyArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match args.command {
            ApiKeyCommand::Create(args) => create(&args, ctx).await,
            ApiKeyCommand::List(args) => list(&args, ctx).await,
            ApiKeyCommand::Revoke(args) => revoke(&args, ctx).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn create(args: &CreateArgs, ctx: &Context) -> anyhow::Result<()> {
    let platform = args.platform.platform(ctx).await?;
    let mut body = json!({"name": args.name, "role": args.role.to_string()});
    if let Some(expires) = &args.expires {
        body["expires_at"] = json!(expires);
    }
    let made = platform.backend.send(Request::post(KEYS).json(&body)).await.map_err(|error| {
        if error.is_answer_lost() {
            let advice = format!(
                "the key may have been made all the same; `tradai api-key revoke {}` ends it",
                args.name
            );
            return advised(error, &advice);
        }
        error.into()
    })?;
    if ctx.json {
        return print_json(&made);
    }
    let cell = |name: &str| made[name].as_str().unwrap_or_default();
    let until = made["expires_at"].as_str().map(|until| format!(", until {until}")).unwrap_or_default();
    print(&format!(
        "key, shown this once: {}\n{} is let in by it as {}{until} at {}.",
        cell("key"),
        cell("name"),
        cell("role"),
        platform.backend.base()
    ))
}

async fn list(args: &ListArgs, ctx: &Context) -> anyhow::Result<()> {
    let platform = args.platform.platform(ctx).await?;
    let keys = keys(&platform).await?;
    if ctx.json {
        return print_json(&keys);
    }
    if keys.is_empty() {
        return print(&format!("{} knows no API key.", platform.backend.base()));
    }
    print(&rows(&keys))
}

async fn revoke(args: &RevokeArgs, ctx: &Context) -> anyhow::Result<()> {
    let platform = args.platform.platform(ctx).await?;
    let keys = keys(&platform).await?;
    let names_it = |key: &&Value| key["id"] == args.key.as_str() || key["name"] == args.key.as_str();
    let mut found = keys.iter().filter(names_it);
    let key = match (found.next(), found.next()) {
        (Some(key), None) => key,
        (Some(_), Some(_)) => bail!("`{}` fits several keys; name one by its id", args.key),
        (None, _) => {
            let message = format!("{} has no API key `{}`", platform.backend.base(), args.key);
            return Err(PortError::new(ErrorKind::NotFound, message).into());
        }
    };
    let id = key["id"].as_str().unwrap_or_default();
    platform.backend.send(Request::delete(&format!("{KEYS}/{id}"))).await?;
    if ctx.json {
        return print_json(&json!({"revoked": key}));
    }
    let name = key["name"].as_str().unwrap_or_default();
    print(&format!("The key of {name} is revoked at {}.", platform.backend.base()))
}

/// All keys, ordered by name.
async fn keys(platform: &Platform) -> anyhow::Result<Vec<Value>> {
    let (mut keys, mut path) = (Vec::new(), format!("{KEYS}?limit=500"));
    loop {
        let page = platform.backend.get(&path).await?;
        keys.extend(page["items"].as_array().cloned().unwrap_or_default());
        let Some(cursor) = page["next_cursor"].as_str() else { return Ok(keys) };
        path = format!("{KEYS}?limit=500&cursor={cursor}");
    }
}

fn rows(keys: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Name", "Role", "From", "Key", "Made", "By", "Ends", "Id"]);
    for key in keys {
        let cell = |name: &str| key[name].as_str().unwrap_or("-").to_owned();
        let moment = |name: &str| cell(name).replace('T', " ").chars().take(16).collect::<String>();
        let ending = key["ending"].as_str().map_or_else(|| "-".to_owned(), |ending| format!("…{ending}"));
        table.add_row([
            cell("name"),
            cell("role"),
            cell("source"),
            ending,
            moment("created_at"),
            cell("created_by"),
            moment("expires_at"),
            cell("id"),
        ]);
    }
    table.to_string()
}
