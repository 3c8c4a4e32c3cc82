//! What candles there are, how complete and how fresh.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;
use tradai_domain::ports::StoredSeriesList;
use tradai_service::Caller;
use tradai_service::axum::extract::{RawQuery, State};

use super::coverage::{bar, in_words};
use super::imported;
use super::page::{self, Page, Place, missing};
use super::params::Params;
use super::peers::{self, count, items, text};
use super::state::Dashboard;
use super::text::{NONE, bytes, count as grouped, duration, minute_of};

/// Pages of a list that are read: 1,000 series.
const PAGES: usize = 2;

/// Imported series that are shown.
const MOST_IMPORTED: usize = 1_000;

/// What is known of the series of one exchange.
struct Known {
    series: Vec<Value>,
    more: bool,
    coverage: BTreeMap<String, Value>,
    freshness: BTreeMap<String, Value>,
    damaged: Vec<String>,
}

pub(super) async fn show(State(state): State<Dashboard>, caller: Caller, RawQuery(query): RawQuery) -> Page {
    let params = Params::of_query(query.as_deref());
    let find = params.text("find");
    let content = html! {
        div.head { h1 { "Data" } }
        (filter(find))
        (imported(&state, find).await)
        (match peers::ask(&state.peers.data_collection, "/api/v1/status", &[]).await {
            Err(error) => missing("Collected candles cannot be shown:", &error.for_callers()),
            Ok(status) => exchanges(&state, &status, find).await,
        })
    };
    Page::new("Data", Place::Data, content).to(&caller)
}

fn filter(find: &str) -> Markup {
    html! {
        div.controls {
            form method="get" action="/data" {
                label { "Find " input name="find" type="search" value=(find) placeholder="pair or timeframe"; }
                button { "Filter" }
            }
        }
    }
}

/// Candles of no exchange: those that `tradai data` wrote into the data folder.
async fn imported(state: &Dashboard, find: &str) -> Markup {
    let none = html! { "No imported candles. " code { "tradai data import" } " brings files in." };
    html! {
        section aria-labelledby="imported" {
            h2 #imported { "Imported" }
            p.note { "For backtests that name no exchange. Bars run from the first candle to the last: green is stored, red is missing." }
            (match state.core.imported.list().await {
                Ok(stored) => table(&Known::imported(&stored), find, &none),
                Err(error) => missing("The series cannot be shown:", &error.to_string()),
            })
        }
    }
}

impl Known {
    /// How fresh imported candles are says nothing: nobody keeps them up to now.
    fn imported(stored: &StoredSeriesList) -> Self {
        let shown = || stored.series.iter().take(MOST_IMPORTED);
        Self {
            series: shown().map(imported::series).collect(),
            more: stored.series.len() > MOST_IMPORTED,
            coverage: shown().map(|one| (one.key.store_symbol(), imported::coverage(one))).collect(),
            freshness: BTreeMap::new(),
            damaged: stored.damaged.clone(),
        }
    }
}

async fn exchanges(state: &Dashboard, status: &Value, find: &str) -> Markup {
    let mut sections = Vec::new();
    for exchange in items(status, "exchanges") {
        sections.push(section(state, exchange, find).await);
    }
    html! {
        p.note.apart {
            "Of collected candles, bars run from the first stored candle to now: green is stored, red is missing, grey is what the exchange \
             does not have. "
            @if status["scheduler"] == true { "Scheduled collecting is on." } @else { "Scheduled collecting is off." }
        }
        @for section in sections { (section) }
        @if items(status, "exchanges").is_empty() { p.message { "No exchange is set up." } }
    }
}

async fn section(state: &Dashboard, exchange: &Value, find: &str) -> Markup {
    let key = text(exchange, "exchange");
    let none = html! { "No candles here. " code { "tradai data sync" } " or a backtest on this exchange collects some." };
    let table = match known(state, key).await {
        Ok(known) => table(&known, find, &none),
        Err(reason) => missing("The series cannot be shown:", &reason),
    };
    html! {
        section aria-labelledby={ "exchange-" (key) } {
            h2 id={ "exchange-" (key) } { (key) }
            p.note {
                "Requests " (breaker(exchange)) ", " (grouped(count(exchange, "rate_used"))) " of "
                (grouped(count(exchange, "rate_capacity"))) " weights used."
            }
            (table)
        }
    }
}

fn breaker(exchange: &Value) -> &'static str {
    match text(exchange, "breaker") {
        "closed" => "go through",
        "half_open" => "are being tried again",
        _ => "are held back after failures",
    }
}

async fn known(state: &Dashboard, exchange: &str) -> Result<Known, String> {
    let peer = &state.peers.data_collection;
    let query = [("exchange", exchange)];
    let (listed, coverage, freshness) = tokio::join!(
        peers::list(peer, "/api/v1/symbols", &query, PAGES),
        peers::ask(peer, "/api/v1/coverage", &query),
        peers::ask(peer, "/api/v1/freshness", &query),
    );
    let (series, more) = listed.map_err(|error| error.for_callers())?;
    // Without these the list still says what is there.
    let (coverage, freshness) = (coverage.unwrap_or_default(), freshness.unwrap_or_default());
    let by_key = |reply: &Value| {
        items(reply, "items").iter().map(|item| (text(item, "key").to_owned(), item.clone())).collect()
    };
    let damaged =
        items(&coverage, "damaged").iter().filter_map(|key| key.as_str().map(ToOwned::to_owned)).collect();
    Ok(Known { series, more, coverage: by_key(&coverage), freshness: by_key(&freshness), damaged })
}

fn table(known: &Known, find: &str, none: &Markup) -> Markup {
    let wanted = find.to_lowercase();
    let fits = |series: &&Value| {
        wanted.is_empty()
            || [text(series, "symbol"), text(series, "timeframe")]
                .iter()
                .any(|text| text.to_lowercase().contains(&wanted))
    };
    let shown: Vec<&Value> = known.series.iter().filter(fits).collect();
    html! {
        @for key in &known.damaged { (missing(key, "is damaged; `tradai data fsck` says where.")) }
        div.scroll tabindex="0" role="region" aria-label="Series" {
            table.list {
                thead { tr {
                    th.text scope="col" { "Pair" }
                    th scope="col" { "Timeframe" }
                    @for head in ["Coverage", "Fresh"] { th.text scope="col" { (head) } }
                    @for head in ["Candles", "Gaps", "First (UTC)", "Last (UTC)", "Size"] { th scope="col" { (head) } }
                    th.text scope="col" { "Prices" }
                } }
                tbody {
                    @for series in &shown { (line(series, known)) }
                    @if shown.is_empty() { tr { td.empty colspan="10" { @if known.series.is_empty() { (none) } @else { "Nothing here is called so." } } } }
                }
            }
        }
        @if known.more { p.note { "The first " (grouped(known.series.len() as u64)) " series are listed." } }
    }
}

fn line(series: &Value, known: &Known) -> Markup {
    let key = text(series, "key");
    let moment = |name: &str| {
        Some(minute_of(text(series, name))).filter(|text| !text.is_empty()).unwrap_or_else(|| NONE.to_owned())
    };
    html! {
        tr {
            th.text scope="row" {
                (text(series, "symbol"))
                @if series["synthetic"] == true { " " (page::synthetic()) }
            }
            td { (text(series, "timeframe")) }
            td.text { @match known.coverage.get(key) {
                Some(coverage) => span title=(in_words(coverage)) { (bar(coverage)) },
                None => (NONE),
            } }
            td.text { (fresh(known.freshness.get(key))) }
            td { (grouped(count(series, "rows"))) }
            td { (grouped(count(series, "gaps"))) }
            td { (moment("first")) }
            td { (moment("last")) }
            td { (bytes(count(series, "bytes"))) }
            td.text { (text(series, "price").replace('_', " ")) }
        }
    }
}

fn fresh(freshness: Option<&Value>) -> Markup {
    let Some(freshness) = freshness else { return html! { (NONE) } };
    let age = freshness
        .get("age_seconds")
        .and_then(Value::as_i64)
        .map(|seconds| duration(seconds.saturating_mul(1_000)));
    html! {
        (page::status(text(freshness, "status")))
        @if let Some(age) = age { small { (age) " old" } }
    }
}
