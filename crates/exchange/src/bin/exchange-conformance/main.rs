//! `exchange-conformance DIR [--json] [--show N]`: runs a folder of conformance cases against our exchanges.
//!
//! Layout of DIR: `<exchange>/{request,response}/<method>.json`, `errors.json`, `precision.json`,
//! `pagination.json`, `markets/`, and `base/`. Exit code 1 when a case fails that is no intended difference
//! (see `differences.rs`), 2 when DIR cannot be read.

mod base;
mod compare;
mod differences;
mod errors;
mod files;
mod input;
mod markets;
mod pagination;
mod precision;
mod report;
mod requests;
mod responses;
mod venue;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use report::Report;
use venue::Venue;

struct Options {
    folder: PathBuf,
    json: bool,
    show: usize,
}

fn options() -> Option<Options> {
    let mut options = Options { folder: PathBuf::new(), json: false, show: 0 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => options.json = true,
            "--show" => options.show = arguments.next()?.parse().ok()?,
            flag if flag.starts_with('-') => return None,
            folder => options.folder = folder.into(),
        }
    }
    options.folder.is_dir().then_some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: exchange-conformance DIR [--json] [--show N]; DIR holds the cases");
        return ExitCode::from(2);
    };
    let mut report = Report::default();
    match run(&options.folder, &mut report) {
        Ok(()) => {}
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    }
    if options.json {
        println!("{}", report.to_json());
    } else {
        report.print(options.show);
    }
    if report.has_failures() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(folder: &Path, report: &mut Report) -> Result<(), String> {
    for name in files::folders(folder)? {
        let path = folder.join(&name);
        if name == "base" {
            base::run(&path, report)?;
            continue;
        }
        match Venue::load(&name, &path)? {
            Some(venue) => run_venue(&venue, &path, report)?,
            None => report.unknown(&name),
        }
    }
    Ok(())
}

fn run_venue(venue: &Venue, path: &Path, report: &mut Report) -> Result<(), String> {
    markets::run(venue, path, report)?;
    requests::run(venue, path, report)?;
    responses::run(venue, path, report)?;
    errors::run(venue, path, report)?;
    precision::run(venue, path, report)?;
    pagination::run(venue, path, report)
}
