//! The list of jobs.

use std::sync::Arc;

use maud::{Markup, html};
use tradai_domain::jobs::{BacktestConfig, Collecting, JobRecord, JobStatus, WorkflowType};
use tradai_domain::ports::{JobFilter, JobPage};
use tradai_domain::{JobId, Millis};
use tradai_platform::settings::sections::Role;
use tradai_service::Caller;
use tradai_service::axum::extract::{RawQuery, State};

use super::failure::Failure;
use super::figures::{Figures, few};
use super::page::{self, Page, Place, may};
use super::params::Params;
use super::state::Dashboard;
use super::text::{NONE, count as grouped, day, duration, minute};

/// Jobs of one page.
const PAGE: usize = 25;

/// Which part of which list.
struct Wanted {
    params: Params,
    filter: JobFilter,
    before: Option<JobId>,
    faults: Vec<String>,
}

/// One line.
struct Row {
    record: JobRecord,
    config: Option<BacktestConfig>,
    figures: Option<Arc<Figures>>,
    /// How far its candles are, while they are collected.
    collecting: Option<Collecting>,
}

pub(super) async fn list(
    State(state): State<Dashboard>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Page, Failure> {
    let wanted = Wanted::of(Params::of_query(query.as_deref()));
    let events = state.events_address(None).await;
    let page = JobPage { before: wanted.before, limit: PAGE };
    let listed = state.core.backtests.list(&wanted.filter, page).await?;
    let mut rows = Vec::with_capacity(listed.records.len());
    for record in listed.records {
        rows.push(Row::of(&state, record).await);
    }
    let now = state.clock.now_ms();
    let content = html! {
        div.head {
            h1 { "Jobs" }
            div.controls {
                a.button href="/batches" { "Batches" }
                a.button.first href="/backtests/new" { "New backtest" }
            }
        }
        (filters(&wanted))
        @for fault in &wanted.faults { p.message.warn { (fault) } }
        div data-events=(events) data-parts="jobs" {
            div #jobs {
                (table(&rows, now, &caller))
                (pager(&wanted, listed.more_before))
            }
        }
    };
    Ok(Page::new("Jobs", Place::Jobs, content).to(&caller))
}

impl Wanted {
    /// What cannot be read is said and left out.
    fn of(params: Params) -> Self {
        let mut faults = Vec::new();
        let filter = JobFilter {
            status: keep(&mut faults, params.get("status")),
            strategy_name: keep(&mut faults, params.get("strategy")),
            workflow_type: Some(WorkflowType::Backtest),
            ..JobFilter::default()
        };
        let before = params.get("before").and_then(|id| id.parse().ok());
        Self { params, filter, before, faults }
    }

    fn link(&self, before: &str) -> String {
        let text = |name| self.params.text(name);
        format!(
            "/jobs?{}",
            Params::query([("status", text("status")), ("strategy", text("strategy")), ("before", before)])
        )
    }
}

fn keep<T: std::str::FromStr<Err: std::fmt::Display>>(
    faults: &mut Vec<String>,
    text: Option<&str>,
) -> Option<T> {
    text?.parse().map_err(|error: T::Err| faults.push(error.to_string())).ok()
}

impl Row {
    async fn of(state: &Dashboard, record: JobRecord) -> Self {
        let id = record.job_id;
        let config = state.core.backtests.config(id).await.ok();
        let figures = match record.status {
            JobStatus::Completed => state.results.figures(id).await,
            _ => None,
        };
        let collecting = state.core.backtests.collecting(id);
        Self { record, config, figures, collecting }
    }

    fn pairs(&self) -> String {
        if let Some(figures) = &self.figures {
            return figures.pairs();
        }
        let asked = self.config.iter().flat_map(|config| &config.symbols).map(|symbol| symbol.as_str());
        Some(few(asked)).filter(|pairs| !pairs.is_empty()).unwrap_or_else(|| "the strategy's".to_owned())
    }

    fn timeframe(&self) -> String {
        let asked = || self.config.as_ref()?.timeframe.map(|timeframe| timeframe.to_string());
        let ran = self.figures.as_ref().map(|figures| figures.timeframe.clone());
        ran.or_else(asked).unwrap_or_else(|| NONE.to_owned())
    }

    /// The stretch of time, in two short lines.
    fn range(&self) -> (String, String) {
        if let Some(figures) = &self.figures {
            let day = |moment: &str| moment.chars().take(10).collect::<String>();
            return (day(&figures.backtest_start), format!("to {}", day(&figures.backtest_end)));
        }
        let asked = self.config.as_ref().map_or_else(|| NONE.to_owned(), range);
        match asked.split_once(" to ") {
            Some((start, end)) => (start.to_owned(), format!("to {end}")),
            None => (asked, String::new()),
        }
    }
}

/// Returns the stretch of time that a backtest asks for.
pub(super) fn range(config: &BacktestConfig) -> String {
    match (config.start.map(day), config.end.map(day)) {
        (None, None) => "all candles".to_owned(),
        (Some(start), None) => format!("from {start}"),
        (None, Some(end)) => format!("until {end}"),
        (Some(start), Some(end)) => format!("{start} to {end}"),
    }
}

/// Returns how long a job has run, or ran.
pub(super) fn lasted(record: &JobRecord, now: Millis) -> String {
    let ended = record.completed_at.unwrap_or(now);
    record.started_at.map_or_else(|| NONE.to_owned(), |started| duration(ended - started))
}

/// How far a job is, which the script moves, or the candles that it waits for.
pub(super) fn progress(record: &JobRecord, collecting: Option<Collecting>) -> Markup {
    let done = f64::from(record.progress);
    let name = format!("{} {}", record.strategy_name, short(record.job_id));
    if let Some(far) = collecting {
        return collected(far, &name);
    }
    html! {
        div.progress data-progress=(record.job_id) data-name=(name) {
            progress max="1" value=(done) aria-label={ "Progress of " (name) } {}
            // Not an `output`: that would be read out at every step. The script says every quarter.
            span.far { (format!("{:.1}%", done * 100.0)) }
        }
    }
}

fn collected(far: Collecting, name: &str) -> Markup {
    let Collecting { series_done, series_total, candles_done, candles_total } = far;
    let (done, total) =
        if candles_total > 0 { (candles_done, candles_total) } else { (series_done, series_total) };
    html! {
        div.progress {
            progress max=(total.max(1)) value=(done) aria-label={ "Candles of " (name) } {}
            span.far {
                "Collecting candles: " (series_done) " of " (series_total) " series"
                @if candles_total > 0 { ", " (grouped(candles_done)) " of " (grouped(candles_total)) " candles" }
            }
        }
    }
}

/// Returns the end of an id, which tells jobs of one day apart; the beginning is the time.
pub(super) fn short(id: JobId) -> String {
    let id = id.to_string();
    id.get(id.len().saturating_sub(6)..).unwrap_or_default().to_owned()
}

fn filters(wanted: &Wanted) -> Markup {
    let chosen = wanted.params.text("status");
    html! {
        div.controls {
            form method="get" action="/jobs" {
                label { "Status " select name="status" {
                    option value="" { "any" }
                    @for status in JobStatus::ALL {
                        option value=(status.as_str()) selected[status.as_str() == chosen] { (status.as_str()) }
                    }
                } }
                label { "Strategy " input name="strategy" type="search" value=(wanted.params.text("strategy")) placeholder="any"; }
                button { "Filter" }
            }
            // Boxes of the table belong to this form.
            form #compare method="get" action="/compare" { button { "Compare ticked" } }
        }
    }
}

fn table(rows: &[Row], now: Millis, caller: &Caller) -> Markup {
    let figures = ["Profit", "Drawdown", "Trades", "Sharpe"];
    html! {
        div.scroll tabindex="0" role="region" aria-label="Jobs" {
            table.list {
                thead { tr {
                    th scope="col" { span.unseen { "Compare" } }
                    th.text.wide-only scope="col" { "Status" }
                    th.text scope="col" { "Strategy" }
                    @for head in figures { th scope="col" { (head) } }
                    th.text scope="col" { "Pairs" }
                    @for head in ["Range", "Created (UTC)"] { th scope="col" { (head) } }
                    th scope="col" { span.unseen { "Actions" } }
                } }
                tbody {
                    @for row in rows { (line(row, now, caller)) }
                    @if rows.is_empty() { tr { td.empty colspan="11" {
                        "No jobs here. " a href="/backtests/new" { "Submit a backtest" } " to see it run."
                    } } }
                }
            }
        }
    }
}

fn line(row: &Row, now: Millis, caller: &Caller) -> Markup {
    let record = &row.record;
    let (id, name) = (record.job_id, format!("{} {}", record.strategy_name, short(record.job_id)));
    let (start, end) = row.range();
    html! {
        tr id={ "job-" (id) } {
            td { @if row.figures.is_some() {
                input type="checkbox" id={ "tick-" (id) } name="job" value=(id) form="compare" aria-label={ "Compare " (name) };
            } }
            td.text.wide-only { (page::status(record.status.as_str())) }
            th.text scope="row" {
                a href={ "/jobs/" (id) } { (record.strategy_name) }
                // In the place of its column, where the screen has none to spare.
                small.narrow-only { (page::status(record.status.as_str())) }
                small {
                    (short(id))
                    @if row.figures.as_ref().is_some_and(|figures| figures.synthetic) { " " (page::synthetic()) }
                }
            }
            (outcome(row))
            td.text title=(row.pairs()) { (row.pairs()) small { (row.timeframe()) } }
            td { (start) small { (end) } }
            td { (minute(record.created_at)) small { (lasted(record, now)) } }
            td { (actions(record, caller)) }
        }
    }
}

/// Key figures, how far it is, or why there are none.
fn outcome(row: &Row) -> Markup {
    let record = &row.record;
    html! {
        @match (&row.figures, record.status) {
            (Some(figures), _) => (figures.cells()),
            (None, JobStatus::Pending | JobStatus::Running) => td colspan="4" { (progress(record, row.collecting)) },
            (None, _) => td.wrap.small colspan="4" { div.why { (record.error.as_deref().unwrap_or(NONE)) } },
        }
    }
}

/// Buttons for what can be done with a job now. Each has an id of its own, so that a button never becomes another one
/// under the finger of who presses it.
pub(super) fn actions(record: &JobRecord, caller: &Caller) -> Markup {
    let id = record.job_id;
    html! {
        @if !record.status.is_terminal() && may(caller, Role::Trader) {
            form method="post" action={ "/jobs/" (id) "/cancel" } {
                button id={ "cancel-" (id) } aria-label={ "Cancel " (record.strategy_name) " " (short(id)) } { "Cancel" }
            }
        } @else if record.status.is_terminal() && may(caller, Role::Admin) {
            form method="post" action={ "/jobs/" (id) "/delete" } {
                button.risky id={ "delete-" (id) } aria-label={ "Delete " (record.strategy_name) " " (short(id)) }
                    data-confirm="Delete this job and its results?" { "Delete" }
            }
        }
    }
}

fn pager(wanted: &Wanted, more_before: Option<JobId>) -> Markup {
    html! {
        p.pager {
            @if wanted.before.is_some() { a.button href=(wanted.link("")) { "Newest" } }
            @if let Some(last) = more_before { a.button href=(wanted.link(&last.to_string())) rel="next" { "Older" } }
        }
    }
}
