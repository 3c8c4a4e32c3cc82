//! `tradai strategy new`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tradai_strategy::{Registry, RegistryError};

use crate::context::Context;
use crate::output::{print, print_json};

/// Arguments of `tradai strategy new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Name of the strategy: letters, digits, - and _.
    name: String,
    /// Strategy that ships and is copied.
    #[arg(long, value_name = "EXAMPLE", default_value = "EmaCross")]
    from: String,
    /// Folder of the new tradai.yaml; the strategy's name without it.
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &NewArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let text = Registry::bundled().new_file(&args.name, &args.from).map_err(tradai_runner::Error::from)?;
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    std::fs::create_dir_all(&dir).with_context(|| format!("while making {}", dir.display()))?;
    let path = dir.join("tradai.yaml");
    let mut file = match std::fs::File::create_new(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(tradai_runner::Error::from(RegistryError::FileExists { path }).into());
        }
        Err(error) => return Err(error).with_context(|| format!("while writing {}", path.display())),
    };
    file.write_all(text.as_bytes()).with_context(|| format!("while writing {}", path.display()))?;
    if ctx.json {
        print_json(&json!({"name": args.name, "from": args.from, "path": path}))?;
    } else {
        print(&format!("Wrote {} ({}, a copy of {}).", path.display(), args.name, args.from))?;
        print(&format!("Next: tradai strategy validate {0}, then tradai backtest run {0}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
