//! Whether a job's run gives the same bytes again.

use maud::{Markup, html};
use tradai_platform::settings::sections::Role;
use tradai_runner::verify::{FileOutcome, Verification};
use tradai_service::axum::extract::{Path, State};
use tradai_service::{Caller, Code};

use super::actions::job_id;
use super::failure::{Failure, require};
use super::jobs::short;
use super::page::{Page, Place};
use super::state::Dashboard;

/// Runs the job again and says what came of each file. The answer is kept nowhere: files may change after it.
pub(super) async fn verify(
    State(state): State<Dashboard>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Page, Failure> {
    require(&caller, Role::Trader)?;
    let id = job_id(&id)?;
    let record = state.core.backtests.get(id).await?;
    let busy =
        || Failure::new(Code::Overloaded, "Another job is being verified; try again when that has ended.");
    let verification = state.core.verifier.verify(id).await?.ok_or_else(busy)?;
    let name = format!("{} {}", record.strategy_name, short(id));
    let content = html! {
        div.head {
            h1 { "Verified " (name) }
            a.button href={ "/jobs/" (id) } { "Back to the job" }
        }
        (outcome(&verification))
    };
    Ok(Page::new(format!("Verified {name}"), Place::Jobs, content).to(&caller))
}

fn outcome(verification: &Verification) -> Markup {
    html! {
        @if verification.is_same() {
            p.message role="status" {
                strong { "The same bytes." } " The job was run again from its manifest, and every file came out as it is."
            }
        } @else {
            p.message.bad role="alert" {
                strong { "Not the same bytes." } " The job was run again from its manifest; below is what differs."
            }
        }
        @for note in &verification.notes { p.message.warn { (note) } }
        div.scroll tabindex="0" role="region" aria-label="Files" {
            table.list {
                thead { tr { @for head in ["File", "Outcome", "What is wrong"] { th.text scope="col" { (head) } } } }
                tbody { @for (file, outcome) in &verification.files {
                    @let (word, difference) = said(outcome);
                    tr { th.text scope="row" { (file) } td.text { (word) } td.wrap { (difference) } }
                } }
            }
        }
    }
}

/// The words of the API, and the difference.
fn said(outcome: &FileOutcome) -> (&'static str, &str) {
    match outcome {
        FileOutcome::Same => ("same", ""),
        FileOutcome::Altered { difference } => ("altered", difference),
        FileOutcome::Different { difference } => ("different", difference),
    }
}
