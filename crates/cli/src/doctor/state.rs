//! Whether the state and the candles of the folder can be read, and what waits for a platform.

use tradai_domain::jobs::JobStatus;
use tradai_domain::ports::{JobFilter, JobPage, MAX_PAGE};
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::wiring::Wiring;

use super::check::Check;
use crate::context::Context;
use crate::up::running::Running;

const STATE: &str = "state";
const JOBS: &str = "jobs";
const STORE: &str = "candles";

/// Looks at `state.db`, at its jobs and at the store. What is not there is made by the first start.
pub(super) async fn check(ctx: &Context, running: Option<&Running>) -> Vec<Check> {
    let settings = StateSettings::new(ctx.data_dir.clone());
    let mut checks = Vec::new();
    if settings.database().is_file() {
        match Wiring::open(&settings, []) {
            Ok(wiring) => {
                let layout = tradai_platform::wiring::layout();
                checks.push(Check::ok(STATE, format!("state.db opens, layout {layout}")));
                checks.push(jobs(&wiring, running).await);
            }
            Err(error) => checks.push(Check::fail(
                STATE,
                error,
                "move state.db away to begin anew, or use the program that wrote it",
            )),
        }
    } else {
        checks.push(Check::ok(STATE, "none yet; the first `tradai up` makes it"));
    }
    checks.push(store(ctx));
    checks
}

/// Jobs that nobody runs wait for the next start.
async fn jobs(wiring: &Wiring, running: Option<&Running>) -> Check {
    let mut open = 0;
    for status in [JobStatus::Pending, JobStatus::Running] {
        match wiring.jobs.list(&JobFilter::status(status), JobPage::first(MAX_PAGE)).await {
            Ok(found) => open += found.len(),
            Err(error) => return Check::fail(JOBS, error, "move state.db away to begin anew"),
        }
    }
    match (open, running) {
        (0, _) => Check::ok(JOBS, "none is under way"),
        (open, Some(running)) => Check::ok(JOBS, format!("{open} under way, by process {}", running.pid)),
        (open, None) => Check::warn(
            JOBS,
            format!("{open} have not ended, and no platform runs on this folder"),
            "`tradai up` takes them up, unless they are another host's (compose, a service of its own)",
        ),
    }
}

fn store(ctx: &Context) -> Check {
    if ctx.has_no_candles() {
        return Check::ok(STORE, "none yet");
    }
    let opened = ctx.store().and_then(|store| Ok(store.list()?));
    match opened {
        Ok(listing) if listing.damaged.is_empty() => {
            Check::ok(STORE, format!("{} series can be read", listing.series.len()))
        }
        Ok(listing) => {
            let damaged: Vec<String> = listing.damaged.iter().map(ToString::to_string).collect();
            Check::fail(
                STORE,
                damaged.join("\n"),
                "`tradai data fsck` says more, `tradai data restore` goes back",
            )
        }
        Err(error) => Check::fail(STORE, format!("{error:#}"), "see `tradai data fsck`"),
    }
}
