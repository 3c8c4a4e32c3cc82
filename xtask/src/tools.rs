//! Running programs and finding or installing them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Runs a program to its end; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("+ {}", shown(command));
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The `cargo` that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether a program answers to `--version`.
pub(crate) fn answers(program: &str, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Folder of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// Folder for what is built and installed.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A Python with packages from PyPI, in a folder of that name below the target directory. They are installed when
/// they are not there, and again when the list changes.
pub(crate) fn python_with(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let venv = target().join(name);
    let (python, list) = (venv.join("bin/python"), venv.join("packages.txt"));
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&list).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !answers("python3", "--version") {
        bail!("python3 is not installed, which {} needs", packages.join(", "));
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    std::fs::write(&list, wanted).with_context(|| format!("cannot write {}", list.display()))?;
    Ok(python)
}

/// Makes sure that a browser is there: Debian's Chromium, unless `TRADAI_CHROMIUM` names one. Where it cannot be
/// installed, the tests of pages fail and say so: they are told that it is required.
pub(crate) fn ensure_chromium() {
    if std::env::var_os("TRADAI_CHROMIUM").is_none() {
        ensure("chromium", "chromium fonts-dejavu-core", "the tests of pages fail");
    }
}

/// The same for the program that reads compose files; it needs no engine for that.
pub(crate) fn ensure_docker_compose() {
    ensure("docker-compose", "docker-compose", "docker-compose's own check of the compose files is skipped");
}

/// Makes sure that a program of these Debian packages is there.
pub(crate) fn ensure(program: &str, packages: &str, consequence: &str) {
    if answers(program, "--version") {
        return;
    }
    let install = format!("apt-get update -qq && apt-get install -y -qq --no-install-recommends {packages}");
    let as_root = if answers("sudo", "--version") { format!("sudo sh -c '{install}'") } else { install };
    let installed = Command::new("sh").args(["-c", &as_root]).stdout(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        println!("note: {program} could not be installed: {consequence}");
    }
}
