//! Strategies: what there is, and what one does.

use std::time::Duration;

use maud::{Markup, html};
use serde_json::Value;
use tradai_service::axum::extract::{Path, RawQuery, State};
use tradai_service::{Caller, RequestIds};

use super::actions::trace;
use super::compare::value_text;
use super::configs;
use super::failure::Failure;
use super::page::{self, Page, Place, missing};
use super::params::Params;
use super::peers::{count, items, text};
use super::state::Dashboard;
use super::text::{NONE, duration};
use crate::core::Answer;
use crate::infrastructure::peer::PeerError;

pub(super) async fn list(State(state): State<Dashboard>, caller: Caller, ids: RequestIds) -> Page {
    let listed = state.core.catalogue.list(&[("limit", "500")], trace(&ids)).await;
    let content = html! {
        div.head { h1 { "Strategies" } }
        @match listed {
            Err(error) => (missing("The strategies cannot be shown:", &error.for_callers())),
            Ok(answer) => {
                (age(answer.stale_for))
                (table(items(&answer.value, "items")))
                @if !text(&answer.value, "next_cursor").is_empty() {
                    p.note { "The first " (items(&answer.value, "items").len()) " strategies are listed." }
                }
            }
        }
    };
    Page::new("Strategies", Place::Strategies, content).to(&caller)
}

/// Says how old something is that the service did not say anew.
fn age(stale_for: Option<Duration>) -> Markup {
    let old = stale_for.map(|age| duration(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
    html! { @if let Some(old) = old { (missing("strategy-service is not reachable.", &format!("This is what it said {old} ago."))) } }
}

fn table(strategies: &[Value]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Strategies" {
            table.list {
                thead { tr {
                    @for head in ["Strategy", "Summary", "Market"] { th.text scope="col" { (head) } }
                    @for head in ["Timeframe", "Parameters", "Version"] { th scope="col" { (head) } }
                    @for head in ["Active config", "Origin"] { th.text scope="col" { (head) } }
                } }
                tbody {
                    @for strategy in strategies { (line(strategy)) }
                    @if strategies.is_empty() { tr { td.empty colspan="8" { "There are no strategies." } } }
                }
            }
        }
    }
}

fn line(strategy: &Value) -> Markup {
    let active =
        strategy.get("active_config").map(|active| text(active, "config_id")).filter(|id| !id.is_empty());
    html! {
        tr {
            th.text scope="row" { a href=(link(text(strategy, "name"))) { (text(strategy, "name")) } }
            td.wrap { (text(strategy, "summary")) }
            td.text { (market(strategy)) }
            td { (text(strategy, "timeframe")) }
            td { (items(strategy, "parameters").len()) }
            td { (text(strategy, "version")) }
            td.text { @match active { Some(id) => code { (id) }, None => (NONE) } }
            td.text { (text(strategy, "origin")) }
        }
    }
}

fn market(strategy: &Value) -> String {
    let short = if strategy["can_short"] == true { ", long and short" } else { "" };
    format!("{}{short}", text(strategy, "trading_mode"))
}

/// Returns the address of a strategy's page; a peer's names are not ours to trust.
pub(super) fn link(name: &str) -> String {
    format!("/strategies/{}", form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>())
}

pub(super) async fn show(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Page, Failure> {
    // The name goes into the address of another service.
    let name: tradai_domain::StrategyName =
        name.parse().map_err(|_| Failure::not_found("There is no such strategy."))?;
    let found = state.core.catalogue.show(&name, trace(&ids)).await;
    let content = match found {
        Err(PeerError::Refused { status: 404, detail, .. }) => return Err(Failure::not_found(detail)),
        Err(error) => html! {
            div.head { h1 { (name) } }
            (missing("The strategy cannot be shown:", &error.for_callers()))
        },
        Ok(Answer { value: strategy, stale_for }) => html! {
            (head(&strategy))
            (age(stale_for))
            (configs::section(&state, &caller, &name, &Params::of_query(query.as_deref())).await)
            (parameters(&strategy))
            (rules(&strategy))
            (indicators(&strategy))
            (source(&strategy))
        },
    };
    Ok(Page::new(name.as_str(), Place::Strategies, content).to(&caller))
}

fn head(strategy: &Value) -> Markup {
    let name = text(strategy, "name");
    html! {
        div.head {
            h1 { (name) " " span.quiet.small { "version " (text(strategy, "version")) } }
            a.button.first href={ "/backtests/new?" (Params::query([("strategy", name)])) } { "Backtest" }
        }
        p { (text(strategy, "summary")) }
        dl.facts {
            dt { "Market" } dd { (market(strategy)) }
            dt { "Timeframe" } dd { (text(strategy, "timeframe")) }
            dt { "Startup candles" } dd { (count(strategy, "startup_candles")) }
            @let informative = words(strategy, "informative");
            @if !informative.is_empty() { dt { "Other candles" } dd { (informative) } }
            dt { "From" } dd { (text(strategy, "origin")) ", " code { (text(strategy, "file")) } }
        }
        @for warning in items(strategy, "warnings") {
            p.message.warn { "Line " (count(warning, "line")) ", " code { (text(warning, "key")) } ": " (text(warning, "message")) }
        }
    }
}

/// Texts of a list in one.
fn words(value: &Value, key: &str) -> String {
    items(value, key).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn parameters(strategy: &Value) -> Markup {
    let parameters = items(strategy, "parameters");
    html! {
        section aria-labelledby="parameters-title" {
            h2 #parameters-title { "Parameters" }
            @if parameters.is_empty() { p.note { "It has none." } } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="parameters-title" {
                    table.list {
                        thead { tr {
                            @for head in ["Name", "Type"] { th.text scope="col" { (head) } }
                            @for head in ["Default", "Range"] { th scope="col" { (head) } }
                            @for head in ["Space", "Optimised"] { th.text scope="col" { (head) } }
                        } }
                        tbody { @for parameter in parameters { tr {
                            th.text scope="row" { code { (text(parameter, "name")) } }
                            td.text { (text(parameter, "type")) }
                            td { (value_text(parameter.get("default"))) }
                            td { (range(parameter)) }
                            td.text { (text(parameter, "space")) }
                            td.text { @if parameter["optimize"] == true { "yes" } @else { "no" } }
                        } } }
                    }
                }
            }
        }
    }
}

fn range(parameter: &Value) -> String {
    let options = items(parameter, "options");
    if !options.is_empty() {
        return options.iter().map(|option| value_text(Some(option))).collect::<Vec<_>>().join(", ");
    }
    match (parameter.get("low").and_then(Value::as_f64), parameter.get("high").and_then(Value::as_f64)) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        _ => NONE.to_owned(),
    }
}

fn rules(strategy: &Value) -> Markup {
    let hooks = strategy.get("hooks").and_then(Value::as_object);
    html! {
        section aria-labelledby="rules-title" {
            h2 #rules-title { "Rules" }
            div.scroll tabindex="0" role="region" aria-labelledby="rules-title" {
                table.list {
                    thead { tr { @for head in ["Rule", "Side", "When", "Tag"] { th.text scope="col" { (head) } } } }
                    tbody {
                        @for (name, key) in [("Entry", "entry"), ("Exit", "exit")] {
                            @for rule in items(strategy, key) { tr {
                                th.text scope="row" { (name) }
                                td.text { (text(rule, "side")) }
                                td.wrap { code { (text(rule, "when")) } }
                                td.text { (text(rule, "tag")) }
                            } }
                        }
                        @for (hook, answers) in hooks.into_iter().flatten() { tr {
                            th.text scope="row" { (hook.replace('_', " ")) }
                            td.text {}
                            td.wrap { @for answer in answers.as_array().into_iter().flatten() { code { (value_text(Some(answer))) } br; } }
                            td.text {}
                        } }
                    }
                }
            }
        }
    }
}

fn indicators(strategy: &Value) -> Markup {
    html! {
        section aria-labelledby="indicators-title" {
            h2 #indicators-title { "Indicators" }
            div.scroll tabindex="0" role="region" aria-labelledby="indicators-title" {
                table.list {
                    thead { tr {
                        @for head in ["Name", "Formula", "Candles", "Columns"] { th.text scope="col" { (head) } }
                        th scope="col" { "Lookback" }
                        th.text scope="col" { "Used" }
                    } }
                    tbody { @for indicator in items(strategy, "indicators") { tr {
                        th.text scope="row" { code { (text(indicator, "name")) } }
                        td.wrap { code { (text(indicator, "formula")) } }
                        td.text { @if text(indicator, "series").is_empty() { "own" } @else { (text(indicator, "series")) } }
                        td.text { (words(indicator, "columns")) }
                        td { (count(indicator, "lookback")) }
                        td.text { @if indicator["used"] == true { "yes" } @else { (page::status("stale")) } }
                    } } }
                }
            }
        }
    }
}

fn source(strategy: &Value) -> Markup {
    html! {
        section aria-labelledby="source-title" {
            h2 #source-title { "Source" }
            details {
                summary { code { (text(strategy, "file")) } }
                pre.log tabindex="0" { (text(strategy, "text")) }
            }
        }
    }
}
