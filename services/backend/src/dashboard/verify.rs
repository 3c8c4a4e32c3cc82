//! Whether a job's run gives the same bytes again.

use std::time::Duration;

use maud::{Markup, html};
use tradai_domain::JobId;
use tradai_platform::settings::sections::Role;
use tradai_runner::verify::{FileOutcome, Verification};
use tradai_service::axum::extract::{Path, State};
use tradai_service::axum::http::{HeaderName, HeaderValue};
use tradai_service::axum::response::{IntoResponse, Redirect, Response};
use tradai_service::{Caller, Code, Problem, RequestIds};

use super::actions::{job_id, requester};
use super::failure::{Failure, require};
use super::jobs::short;
use super::page::{Page, Place, may};
use super::state::Dashboard;
use crate::core::VerificationRun;

/// How long a page is held back for an end that may be near.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the job again. What comes of it is on a page of its own, which can be loaded again.
pub(super) async fn verify(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    require(&caller, Role::Trader)?;
    let id = job_id(&id)?;
    let busy =
        || Failure::new(Code::Overloaded, "Another job is being verified; try again when that has ended.");
    let run = state.core.verifier.start(id, &requester(&caller, &ids, None)).await?.ok_or_else(busy)?;
    run.wait(PATIENCE).await;
    match state.core.verifier.never_began(&run) {
        Some(error) => Err(error.into()),
        None => Ok(Redirect::to(&page_of(id))),
    }
}

/// Ends a run that is under way.
pub(super) async fn cancel(
    State(state): State<Dashboard>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    require(&caller, Role::Trader)?;
    let id = job_id(&id)?;
    if let Some(run) = state.core.verifier.last(id).await? {
        run.cancel();
        run.wait(PATIENCE).await;
    }
    Ok(Redirect::to(&page_of(id)))
}

/// Shows how the last run goes, or what it found for each file.
pub(super) async fn show(
    State(state): State<Dashboard>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = job_id(&id)?;
    let record = state.core.backtests.get(id).await?;
    let none = || Failure::not_found("No verification of this job is remembered; its page can begin one.");
    let run = state.core.verifier.last(id).await?.ok_or_else(none)?;
    let name = format!("{} {}", record.strategy_name, short(id));
    let content = html! {
        div.head {
            h1 { "Verifying " (name) }
            a.button href={ "/jobs/" (id) } { "Back to the job" }
        }
        (standing(&run, &caller))
    };
    let page = Page::new(format!("Verifying {name}"), Place::Jobs, content).to(&caller);
    if run.end().is_some() {
        return Ok(page.into_response());
    }
    // Works without scripts; a run says how far it is to nobody but who asks.
    let again = (HeaderName::from_static("refresh"), HeaderValue::from_static("2"));
    Ok(([again], page).into_response())
}

fn standing(run: &VerificationRun, caller: &Caller) -> Markup {
    let Some(end) = run.end() else { return under_way(run, caller) };
    match &end.found {
        Some(Ok(verification)) => outcome(verification),
        Some(Err(error)) => html! {
            p.message.bad role="alert" { strong { "It could not be run again." } " " (Problem::from_error(error.kind(), error.clone()).detail()) }
        },
        None => html! { p.message.warn role="status" { "It was stopped before its end." } },
    }
}

fn under_way(run: &VerificationRun, caller: &Caller) -> Markup {
    let percent = run.progress().thousandths() / 10;
    html! {
        p role="status" { "The job is run again from its manifest: " (percent) "%." }
        progress max="100" value=(percent) aria-label="Progress of the run" {}
        @if may(caller, Role::Trader) {
            form.controls method="post" action={ (page_of(run.job_id)) "/cancel" } { button { "Stop" } }
        }
    }
}

fn page_of(id: JobId) -> String {
    format!("/jobs/{id}/verification")
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
