//! One job: how it goes, and what came of it.

use std::sync::Arc;

use maud::{Markup, PreEscaped, html};
use tradai_domain::configs::ConfigId;
use tradai_domain::jobs::{BacktestConfig, Collecting, JobRecord, JobStatus, PinnedConfig};
use tradai_domain::ports::ExchangeKey;
use tradai_domain::{JobId, Millis};
use tradai_platform::settings::sections::Role;
use tradai_runner::report::parts;
use tradai_service::Caller;
use tradai_service::axum::extract::{Path, State};

use super::actions::job_id;
use super::assets::ASSETS;
use super::failure::Failure;
use super::figures::{Figures, few};
use super::jobs::{actions, lasted, progress, range, short};
use super::page::{self, Page, Place, may, missing};
use super::params::Params;
use super::state::Dashboard;
use super::text::{NONE, minute};

/// What a job without a config version runs with.
const OWN_SETTINGS: &str = "none: the strategy's own settings";

/// What is known of a job.
struct Known {
    record: Arc<JobRecord>,
    config: Option<BacktestConfig>,
    /// The config version that it took, or else the one that it was asked to.
    config_id: Option<ConfigId>,
    /// Whether its candles are made up, as far as that is known.
    synthetic: bool,
    /// How far its candles are, while they are collected.
    collecting: Option<Collecting>,
    now: Millis,
}

pub(super) async fn show(
    State(state): State<Dashboard>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Page, Failure> {
    let id = job_id(&id)?;
    let events = state.events_address(Some(id)).await;
    let record = state.core.backtests.get(id).await?;
    let config = state.core.backtests.config(id).await.ok();
    let known = Known::of(&state, record, config).await;
    let result = match known.record.status {
        JobStatus::Completed => result(&state, id).await,
        _ => html! {},
    };
    let log = logs(&state, &known.record).await;
    let title = format!("{} {}", known.record.strategy_name, short(id));
    let live = !known.record.status.is_terminal();
    let content = html! {
        div data-events=[live.then_some(events)] data-parts="job" {
            div #job {
                (head(&known, &caller))
                (facts(&known, &state.executor.data_dir))
                (log)
                (result)
            }
        }
    };
    Ok(Page::new(title, Place::Jobs, content).to(&caller))
}

impl Known {
    async fn of(state: &Dashboard, record: Arc<JobRecord>, config: Option<BacktestConfig>) -> Self {
        let (taken, figures) = match record.status {
            JobStatus::Completed => {
                tokio::join!(state.results.config_id(record.job_id), state.results.figures(record.job_id))
            }
            _ => (None, None),
        };
        let asked = |config: &BacktestConfig| config.config_id.clone();
        let settled = record.config.as_ref().and_then(PinnedConfig::config_id);
        let sandbox =
            config.iter().filter_map(|config| config.exchange.as_ref()).any(ExchangeKey::is_sandbox);
        Self {
            config_id: taken.or_else(|| settled.cloned()).or_else(|| config.as_ref().and_then(asked)),
            synthetic: sandbox || figures.is_some_and(|figures| figures.synthetic),
            collecting: state.core.backtests.collecting(record.job_id),
            now: state.clock.now_ms(),
            record,
            config,
        }
    }

    fn config_version(&self) -> &str {
        match (&self.config_id, self.record.status) {
            (Some(id), _) => id.as_str(),
            (None, JobStatus::Completed) => OWN_SETTINGS,
            (None, _) if self.record.config == Some(PinnedConfig::None) => OWN_SETTINGS,
            (None, JobStatus::Failed | JobStatus::Cancelled) => "the one that was active when it started",
            (None, _) => "the one that is active when it starts",
        }
    }
}

fn head(known: &Known, caller: &Caller) -> Markup {
    let record = &known.record;
    html! {
        div.head {
            h1 { (record.strategy_name) " " span.quiet { (short(record.job_id)) } }
            div.controls {
                @if let Some(config) = &known.config {
                    a.button href={ "/backtests/new?" (again(config, known.config_id.as_ref())) } { "Run again" }
                }
                @if record.status == JobStatus::Completed && may(caller, Role::Trader) {
                    form method="post" action={ "/jobs/" (record.job_id) "/verify" } {
                        button title="Run it again and compare every byte" { "Verify" }
                    }
                }
                (actions(record, caller))
            }
        }
        div.standing { (page::status(record.status.as_str())) @if !record.status.is_terminal() { (progress(record, known.collecting)) } }
        @if let Some(error) = &record.error { p.message.bad role="alert" { (error) } }
    }
}

fn facts(known: &Known, data_dir: &str) -> Markup {
    let (record, moment) = (&known.record, |at: Option<Millis>| at.map_or_else(|| NONE.to_owned(), minute));
    html! {
        dl.facts {
            @if let Some(config) = &known.config {
                dt { "Pairs" } dd { (pairs(config)) }
                dt { "Timeframe, range" }
                dd {
                    (config.timeframe.map_or_else(|| "the strategy's".to_owned(), |timeframe| timeframe.to_string()))
                    ", " (range(config))
                }
                dt { "Candles" }
                dd {
                    (config.exchange.as_ref().map_or_else(|| "imported".to_owned(), |key| format!("collected from {key}")))
                    @if known.synthetic { " " (page::synthetic()) }
                }
                dt { "Config version" } dd { (known.config_version()) }
                @if let Some(version) = &config.strategy_version { dt { "Version of the strategy" } dd { (version) } }
            }
            dt { "Created, took" } dd { (minute(record.created_at)) " UTC, " (lasted(record, known.now)) }
            @if record.ttl.is_some() { dt { "Kept until" } dd { (moment(record.ttl.map(|seconds| seconds.saturating_mul(1_000)))) " UTC" } }
            dt { "Job" } dd { code { (record.job_id) } }
            dt { "Trace" } dd { code { (record.trace_id) } }
            @if record.status == JobStatus::Completed {
                dt { "Reproduce" } dd { code { "tradai --data-dir " (data_dir) " verify " (record.job_id) } }
            }
        }
    }
}

fn pairs(config: &BacktestConfig) -> String {
    let pairs = few(config.symbols.iter().map(|symbol| symbol.as_str()));
    if pairs.is_empty() { "the strategy's".to_owned() } else { pairs }
}

/// The query that fills the form in as it was, with the config version that counted.
fn again(config: &BacktestConfig, config_id: Option<&ConfigId>) -> String {
    let symbols = config.symbols.iter().map(|symbol| symbol.as_str()).collect::<Vec<_>>().join(" ");
    let side = |at: Option<Millis>| at.map(|at| minute(at).replace(" 00:00", "")).unwrap_or_default();
    let json = |empty: bool, text: serde_json::Result<String>| {
        if empty { String::new() } else { text.unwrap_or_default() }
    };
    let timeframe = config.timeframe.map(|timeframe| timeframe.to_string()).unwrap_or_default();
    let exchange = config.exchange.as_ref().map(ToString::to_string).unwrap_or_default();
    let config_id = config_id.map(ToString::to_string).unwrap_or_default();
    let (start, end) = (side(config.start), side(config.end));
    let settings = json(config.settings.is_empty(), serde_json::to_string_pretty(&config.settings));
    let parameters = json(config.parameters.is_empty(), serde_json::to_string_pretty(&config.parameters));
    Params::query([
        ("strategy", config.strategy.as_str()),
        ("symbols", &symbols),
        ("timeframe", &timeframe),
        ("start", &start),
        ("end", &end),
        ("exchange", &exchange),
        ("config_id", &config_id),
        ("strategy_version", config.strategy_version.as_deref().unwrap_or_default()),
        ("settings", &settings),
        ("parameters", &parameters),
    ])
}

/// What the report's scripts draw into, and the figures for those who have none.
async fn result(state: &Dashboard, id: JobId) -> Markup {
    let (figures, content) = tokio::join!(state.results.figures(id), state.results.content(id));
    let (Some(figures), Ok(Some(content))) = (figures, content) else {
        return missing("The result is not there.", "It was deleted, or written by another program.");
    };
    html! {
        div data-scripts=(ASSETS.result_scripts()) {
            p #fault role="alert" hidden {}
            p #synthetic hidden[!figures.synthetic] {
                strong { "SYNTHETIC candles." }
                " The prices on this page are made up; the results say nothing about a real market."
            }
            p #subtitle {}
            (downloads(id))
            noscript { (plain(&figures)) }
            (PreEscaped(parts::sections()))
            (page::data("content", &content))
        }
    }
}

/// The end of what the job's program wrote.
async fn logs(state: &Dashboard, record: &JobRecord) -> Markup {
    let log = match state.results.log(record.job_id).await {
        Err(error) => missing("The log cannot be shown:", &error.to_string()),
        Ok(log) => match beyond(&log, record.error.as_deref().unwrap_or_default()) {
            "" => return html! {},
            log => html! { pre.log tabindex="0" { (log) } },
        },
    };
    html! {
        details open[record.status == JobStatus::Failed] {
            summary { "Log" }
            (log)
        }
    }
}

/// What a log says beyond a job's error, which stands above it: its program ends with the error, in a line of the log
/// and as its last words.
fn beyond<'a>(log: &'a str, error: &str) -> &'a str {
    let mut rest = log.trim_end();
    while !error.is_empty()
        && let Some(before) = rest.strip_suffix(error)
    {
        // `job … failed: ERROR error=ERROR`, whose lines are several where the error's are.
        let before = before.strip_suffix("error=").map_or(before, |message| {
            let message = message.trim_end();
            message.strip_suffix(error).unwrap_or(message)
        });
        rest = before.rsplit_once('\n').map_or("", |(lines, _)| lines).trim_end();
    }
    rest
}

fn downloads(id: JobId) -> Markup {
    let api = format!("/api/v1/backtests/{id}");
    html! {
        p.controls.small {
            "Files: "
            a href={ (api) "/report.html" } { "report" }
            a href={ (api) "/trades?format=csv" } download={ "trades-" (short(id)) ".csv" } { "trades, CSV" }
            a href={ (api) "/trades?format=parquet" } download={ "trades-" (short(id)) ".parquet" } { "trades, Parquet" }
            a href={ (api) "/equity?format=csv" } download={ "equity-" (short(id)) ".csv" } { "equity, CSV" }
            a href={ (api) "/equity?format=parquet" } download={ "equity-" (short(id)) ".parquet" } { "equity, Parquet" }
            a href={ (api) "/manifest" } { "manifest" }
        }
    }
}

/// The figures as a table.
fn plain(figures: &Figures) -> Markup {
    html! {
        table {
            caption.unseen { "Figures" }
            @for figure in figures.all() {
                tr { th scope="row" { (figure.label) } td class=(figure.tone) { (figure.text) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_does_not_say_again_what_stands_above_it() {
        for error in ["no candles", "two faults:\n  a\n  b"] {
            let line = format!("2026-01-01T00:00:00Z ERROR job 7 failed: {error} error={error}");
            assert_eq!(beyond(&format!("{line}\n{error}\n"), error), "");
            assert_eq!(beyond(&format!("a warning\n{line}\n{error}\n"), error), "a warning");
            let other = format!("{line}\nsomething else\n");
            assert_eq!(beyond(&other, error), other.trim_end());
        }
        assert_eq!(beyond("all of it\n", ""), "all of it");
    }
}
