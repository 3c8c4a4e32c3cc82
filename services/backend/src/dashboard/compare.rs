//! Several results side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use maud::{Markup, html};
use serde_json::{Map, Value, json};
use tradai_domain::JobId;
use tradai_service::Caller;
use tradai_service::axum::extract::{RawQuery, State};

use super::actions::job_id;
use super::assets::ASSETS;
use super::failure::Failure;
use super::figures::{Alike, Figure, Figures};
use super::jobs::short;
use super::page::{self, Page, Place, missing};
use super::params::Params;
use super::state::Dashboard;
use super::text::NONE;

/// Results that fit beside one another, and whose reports are read for one page.
const MOST: usize = 8;

/// A job with a result.
struct Compared {
    id: JobId,
    figures: Arc<Figures>,
}

impl Compared {
    fn name(&self) -> String {
        format!("{} {}", self.figures.strategy, short(self.id))
    }
}

pub(super) async fn compare(
    State(state): State<Dashboard>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Page, Failure> {
    let params = Params::of_query(query.as_deref());
    let ids: BTreeSet<JobId> = params.all("job").map(job_id).collect::<Result<_, _>>()?;
    let (mut jobs, mut absent) = (Vec::new(), Vec::new());
    for &id in ids.iter().take(MOST) {
        state.core.backtests.get(id).await?;
        match state.results.figures(id).await {
            Some(figures) => jobs.push(Compared { id, figures }),
            None => absent.push(short(id)),
        }
    }
    let content = html! {
        div.head { h1 { "Compare" } a.button href="/jobs" { "Choose jobs" } }
        @if ids.len() > MOST { p.message.warn { "The first " (MOST) " of " (ids.len()) " jobs are compared." } }
        @for id in absent { (missing(&format!("{id} has no result.", ), "It is left out.")) }
        @if jobs.len() < 2 {
            p.message { "Tick two or more completed jobs in the list to see them side by side." }
        }
        @if !jobs.is_empty() {
            (growth(&state, &jobs).await?)
            (figures(&jobs))
            (settings(&jobs))
        }
    };
    Ok(Page::new("Compare", Place::Jobs, content).to(&caller))
}

/// The chart, and what its script reads.
async fn growth(state: &Dashboard, jobs: &[Compared]) -> Result<Markup, Failure> {
    let mut compared = Vec::new();
    for job in jobs {
        let content = state.results.content(job.id).await?;
        let content: Value = content.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        let wallet = content["curves"]["wallet"].clone();
        if wallet["time"].as_array().is_some_and(|times| !times.is_empty()) {
            compared.push(json!({"name": job.name(), "synthetic": job.figures.synthetic, "wallet": wallet}));
        }
    }
    // The keys that the report's means look at when they are read.
    let content = json!({
        "synthetic": jobs.iter().any(|job| job.figures.synthetic), "currency": "",
        "curves": {"closed": {"value": []}}, "trades": {"words": [], "rows": [], "total": 0}, "compared": compared,
    });
    Ok(html! {
        section data-scripts=(ASSETS.compare_scripts()) aria-labelledby="growth-title" {
            h2 #growth-title { "Growth" }
            p.note { "Each wallet as a part of what it began with. Different pairs and times are drawn as they were." }
            p #fault role="alert" hidden {}
            div #growth-chart .chart.tall {}
            (page::data("content", &content.to_string()))
        }
    })
}

/// Names of the jobs, above cells of this class.
fn heads(jobs: &[Compared], class: &str) -> Markup {
    html! {
        thead { tr {
            th.text scope="col" { span.unseen { "What" } }
            @for job in jobs {
                th class=(class) scope="col" {
                    a href={ "/jobs/" (job.id) } { (job.name()) }
                    @if job.figures.synthetic { " " (page::synthetic()) }
                }
            }
        } }
    }
}

fn figures(jobs: &[Compared]) -> Markup {
    let columns: Vec<Vec<Figure>> = jobs.iter().map(|job| job.figures.all()).collect();
    let in_common = Figures::in_common(jobs.iter().map(|job| &*job.figures));
    let lines = columns.first().map_or(0, Vec::len);
    html! {
        section aria-labelledby="figures-title" {
            h2 #figures-title { "Figures" }
            p.note {
                "The best of each line is bold, where one is better than another."
                @if in_common == Alike::Nothing { " Money is in different currencies and not ranked." }
            }
            div.scroll tabindex="0" role="region" aria-labelledby="figures-title" {
                table.list.compared {
                    (heads(jobs, ""))
                    tbody {
                        @for (name, value) in about() {
                            tr { th.text scope="row" { (name) } @for job in jobs { td { (value(&job.figures)) } } }
                        }
                        @for line in 0..lines { (figure_line(&columns, line, in_common)) }
                    }
                }
            }
        }
    }
}

type About = (&'static str, fn(&Figures) -> String);

fn about() -> [About; 3] {
    [
        ("Pairs", |figures| figures.pairs()),
        ("Timeframe", |figures| figures.timeframe.clone()),
        ("Range", |figures| {
            let day = |moment: &str| moment.chars().take(10).collect::<String>();
            format!("{} to {}", day(&figures.backtest_start), day(&figures.backtest_end))
        }),
    ]
}

fn figure_line(columns: &[Vec<Figure>], line: usize, in_common: Alike) -> Markup {
    let cells: Vec<&Figure> = columns.iter().filter_map(|column| column.get(line)).collect();
    let best = cells.iter().filter_map(|figure| figure.rank).max_by(f64::total_cmp);
    // Where all are the same, none is the best.
    let differ = cells.windows(2).any(|pair| pair[0].rank != pair[1].rank);
    let ranked = differ && cells.iter().all(|figure| figure.alike <= in_common);
    html! {
        @if let Some(first) = cells.first() {
            tr {
                th.text scope="row" { (first.label) }
                @for figure in &cells {
                    td class={ (figure.tone) @if ranked && figure.rank.is_some() && figure.rank == best { " best" } } { (figure.text) }
                }
            }
        }
    }
}

/// Settings that are not the same everywhere.
fn settings(jobs: &[Compared]) -> Markup {
    let all: Vec<&Map<String, Value>> = jobs.iter().map(|job| &job.figures.settings).collect();
    let differing = differing(&all);
    html! {
        section aria-labelledby="settings-title" {
            h2 #settings-title { "Settings that differ" }
            @if differing.is_empty() {
                p.note { "All settings are the same." }
            } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="settings-title" {
                    table.list.compared {
                        (heads(jobs, "text"))
                        tbody { @for key in differing {
                            tr {
                                th.text scope="row" { (key) }
                                @for settings in &all { td.wrap { (value_text(settings.get(key))) } }
                            }
                        } }
                    }
                }
            }
        }
    }
}

fn differing<'a>(all: &[&'a Map<String, Value>]) -> BTreeSet<&'a str> {
    let keys: BTreeSet<&str> = all.iter().flat_map(|settings| settings.keys()).map(String::as_str).collect();
    let differs = |key: &&str| all.windows(2).any(|pair| pair[0].get(*key) != pair[1].get(*key));
    keys.into_iter().filter(differs).collect()
}

/// Returns a setting as people write it.
pub(super) fn value_text(value: Option<&Value>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::result;
    use super::*;

    #[test]
    fn settings_of_which_one_is_missing_differ() {
        let maps = [json!({"a": 1, "b": 2, "c": 3}), json!({"a": 1, "b": 3})];
        let maps: Vec<&Map<String, Value>> = maps.iter().filter_map(Value::as_object).collect();
        assert_eq!(differing(&maps).into_iter().collect::<Vec<_>>(), ["b", "c"]);
        assert!(differing(&maps[..1]).is_empty());
    }

    #[test]
    fn the_best_is_bold_where_there_is_one() {
        let figure =
            |rank| vec![Figure { label: "Sharpe", text: "x".into(), tone: "", rank, alike: Alike::Nothing }];
        let line = |ranks: &[Option<f64>]| {
            let columns: Vec<Vec<Figure>> = ranks.iter().map(|rank| figure(*rank)).collect();
            figure_line(&columns, 0, Alike::Nothing).into_string().matches("best").count()
        };
        assert_eq!(
            (line(&[Some(1.0), Some(2.0)]), line(&[Some(1.0), Some(1.0)]), line(&[None, None])),
            (1, 0, 0)
        );
    }
    #[test]
    fn money_is_ranked_only_where_it_is_the_same_money() {
        const LINES: [&str; 4] = ["Profit", "Absolute drawdown, closed trades", "Final balance", "Sharpe"];
        let ranked = |currency, starting_balance| {
            let results = [result("USDT", 1_000.0, 1.0), result(currency, starting_balance, 2.0)];
            let id: JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
            let jobs = results.map(|figures| Compared { id, figures: Arc::new(figures) });
            let page = super::figures(&jobs).into_string();
            LINES.map(|label| {
                let (_, line) = page.split_once(&format!("scope=\"row\">{label}</th>")).unwrap();
                line.split_once("</tr>").unwrap().0.contains("best")
            })
        };
        assert_eq!(ranked("USDT", 1_000.0), [true, true, true, true]);
        assert_eq!(ranked("USDT", 500.0), [true, true, false, true], "who began with more ends with more");
        assert_eq!(ranked("BTC", 1_000.0), [false, false, false, true]);
    }
}
