//! Batches: the list of them, and one with its jobs.

use maud::{Markup, html};
use serde_json::Value;
use tradai_control_plane::jobs::{BatchView, value_text};
use tradai_domain::jobs::{BatchId, BatchRecord, BatchState, JobFigures, JobStatus};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract::{Path, RawQuery, State};
use tradai_service::axum::response::Redirect;
use tradai_service::{Caller, RequestIds};

use super::actions::requester;
use super::failure::{Failure, require};
use super::jobs::{progress, short};
use super::page::{self, Page, Place, may};
use super::params::Params;
use super::state::Dashboard;
use super::text::{NONE, minute, number, percent, tone};
use crate::core::{JobOrder, PlacedJob};

/// Batches of one page.
const PAGE: usize = 25;

/// Figures of the table: their heads, names, and whether they are read as percent.
const FIGURES: [(&str, &str, bool); 4] = [
    ("Profit", "profit_total", true),
    ("Drawdown", "max_drawdown_account", true),
    ("Trades", "total_trades", false),
    ("Sharpe", "sharpe", false),
];

pub(super) async fn list(
    State(state): State<Dashboard>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Page, Failure> {
    let params = Params::of_query(query.as_deref());
    let before = params.get("before").and_then(|id| id.parse().ok());
    let listed = state.core.batches.list(before, PAGE).await?;
    let content = html! {
        div.head { h1 { "Batches" } a.button href="/jobs" { "Jobs" } }
        div.scroll tabindex="0" role="region" aria-label="Batches" {
            table.list {
                thead { tr {
                    @for head in ["Strategy", "Name", "State"] { th.text scope="col" { (head) } }
                    @for head in ["Jobs", "Created (UTC)"] { th scope="col" { (head) } }
                } }
                tbody {
                    @for batch in &listed.records { (line(batch)) }
                    @if listed.records.is_empty() { tr { td.empty colspan="5" {
                        "No batches here. " code { "tradai backtest batch submit" } " makes one, and so does "
                        a href="/docs" { "POST /api/v1/batches" } "."
                    } } }
                }
            }
        }
        p.pager {
            @if before.is_some() { a.button href="/batches" { "Newest" } }
            @if let Some(last) = listed.more_before { a.button href={ "/batches?before=" (last) } rel="next" { "Older" } }
        }
    };
    Ok(Page::new("Batches", Place::Jobs, content).to(&caller))
}

fn line(batch: &BatchRecord) -> Markup {
    html! {
        tr {
            th.text scope="row" { a href={ "/batches/" (batch.batch_id) } { (batch.strategy_name) } }
            td.text { (batch.name.as_deref().unwrap_or(NONE)) }
            td.text { (state_of(batch.state)) }
            td { (batch.jobs.len()) }
            td { (minute(batch.created_at)) small { (batch.created_by) } }
        }
    }
}

fn state_of(state: BatchState) -> &'static str {
    match state {
        BatchState::Submitting => "being taken in",
        BatchState::Submitted => "taken in",
        BatchState::Cancelling => "being cancelled",
        BatchState::Cancelled => "cancelled",
    }
}

pub(super) async fn show(
    State(state): State<Dashboard>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Page, Failure> {
    let view = state.core.batches.get(batch_id(&id)?).await?;
    let params = Params::of_query(query.as_deref());
    // An order that is none is that of the grid.
    let sort = params.get("sort").filter(|sort| sort.parse::<JobOrder>().is_ok()).unwrap_or("index");
    let order: JobOrder = sort.parse().unwrap_or_default();
    let events = state.events_address(None).await;
    let batch = &view.record;
    let title = batch.name.clone().unwrap_or_else(|| format!("Batch of {}", batch.strategy_name));
    let content = html! {
        div.head { h1 { (title) } a.button href="/batches" { "Batches" } }
        p.quiet {
            (batch.strategy_name) ", " (batch.jobs.len()) " jobs, " (state_of(batch.state)) " " (minute(batch.created_at))
            " by " (batch.created_by)
        }
        div.controls {
            // Boxes of the table belong to this form.
            form #compare method="get" action="/compare" { button { "Compare ticked" } }
        }
        div data-events=(events) data-parts="batch" {
            div #batch { (counts(&view, &caller)) (table(&view, &order.of(&view), sort)) }
        }
    };
    Ok(Page::new(&title, Place::Jobs, content).to(&caller))
}

/// How many jobs stand where, and the button that ends the rest.
fn counts(view: &BatchView, caller: &Caller) -> Markup {
    let open = view.count(JobStatus::Pending) + view.count(JobStatus::Running);
    html! {
        p {
            @for status in JobStatus::ALL {
                @let count = view.count(status);
                @if count > 0 { (count) " " (page::status(status.as_str())) " " }
            }
            @if view.refused() > 0 { (view.refused()) " " (page::status("refused")) " " }
            @if view.absent() > 0 { (view.absent()) " not there" }
        }
        @if let Some(error) = &view.record.error { p.small { "Not all of its jobs were made: " (error) } }
        @if (open > 0 || view.record.state == BatchState::Submitting) && may(caller, Role::Trader) {
            form method="post" action={ "/batches/" (view.record.batch_id) "/cancel" } {
                button #cancel-batch data-confirm="Cancel every job of this batch that has not ended?" { "Cancel the rest" }
            }
        }
    }
}

fn table(view: &BatchView, jobs: &[PlacedJob<'_>], sort: &str) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Jobs of the batch" {
            table.list {
                thead { tr {
                    th scope="col" { span.unseen { "Compare" } }
                    th.text scope="col" { a href={ "/batches/" (view.record.batch_id) } { "Values" } }
                    th.text scope="col" { "Status" }
                    @for (head, name, _) in FIGURES {
                        // The largest first, and turned round by the next press.
                        @let falling = format!("-{name}");
                        @let wanted = if sort == falling { name } else { falling.as_str() };
                        @let order = if sort == falling { Some("descending") } else { (sort == name).then_some("ascending") };
                        th scope="col" aria-sort=[order] {
                            a href={ "/batches/" (view.record.batch_id) "?sort=" (wanted) } { (head) }
                        }
                    }
                    th scope="col" { "Job" }
                } }
                tbody { @for job in jobs { (job_line(job, view.refusal(job.1.1))) } }
            }
        }
    }
}

fn job_line((_, (place, id, record)): &PlacedJob<'_>, refusal: Option<&str>) -> Markup {
    let values = values(&Value::Object(place.values()));
    let figures = record.as_ref().and_then(|record| record.figures.as_ref());
    let why = record.as_ref().map_or(refusal, |record| record.error.as_deref()).unwrap_or(NONE);
    html! {
        tr id={ "job-" (id) } {
            td { @if figures.is_some() {
                input type="checkbox" id={ "tick-" (id) } name="job" value=(id) form="compare" aria-label={ "Compare " (values) };
            } }
            th.text scope="row" { (values) }
            td.text { @match (record, refusal) {
                (Some(record), _) => (page::status(record.status.as_str())),
                (None, Some(_)) => (page::status("refused")),
                (None, None) => "not there",
            } }
            @match (figures, record) {
                (Some(figures), _) => (cells(figures)),
                (None, Some(record)) if !record.status.is_terminal() => td colspan="4" { (progress(record, None)) },
                (None, _) => td.wrap.small colspan="4" { div.why { (why) } },
            }
            td { @if record.is_some() { a href={ "/jobs/" (id) } { (short(*id)) } } @else { (short(*id)) } }
        }
    }
}

fn cells(figures: &JobFigures) -> Markup {
    html! {
        @for (_, name, is_ratio) in FIGURES {
            @match figures.get(name) {
                None => td { (NONE) },
                Some(value) if name == "total_trades" => td { (value) },
                Some(value) if name == "profit_total" => td class=(tone(value)) { (percent(value)) },
                Some(value) => td { @if is_ratio { (percent(value)) } @else { (number(value)) } },
            }
        }
    }
}

/// What sets a job apart: `timeframe 1h, fast 5`.
fn values(values: &Value) -> String {
    let text = |value: &Value| value_text(value, " + ");
    let mut parts = Vec::new();
    for (field, value) in values.as_object().into_iter().flatten() {
        match (field.as_str(), value) {
            (_, Value::Object(named)) => {
                parts.extend(named.iter().map(|(name, value)| format!("{name} {}", text(value))));
            }
            ("symbols", value) => parts.push(text(value)),
            (field, value) => parts.push(format!("{field} {}", text(value))),
        }
    }
    parts.join(", ")
}

pub(super) async fn cancel(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    require(&caller, Role::Trader)?;
    let id = batch_id(&id)?;
    state.core.batches.cancel(id, &requester(&caller, &ids, None)).await?;
    Ok(Redirect::to(&format!("/batches/{id}")))
}

/// Reads a batch's id; what is no id names no batch.
fn batch_id(text: &str) -> Result<BatchId, Failure> {
    text.parse().map_err(|_| Failure::not_found("There is no such batch: its id is a UUID."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_told_by_its_values() {
        let apart = json!({"symbols": ["A/B", "C/B"], "timeframe": "1h", "parameters": {"fast": 5, "list": [1, "a", [2]], "mode": "x"}});
        assert_eq!(values(&apart), "A/B + C/B, timeframe 1h, fast 5, list 1 + a + [2], mode x");
    }
}
