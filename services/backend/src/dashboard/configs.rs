//! Config versions of a strategy: what there is, what differs, what is in use.

use maud::{Markup, html};
use serde_json::Value;
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigId;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract::{Path, State};
use tradai_service::axum::response::Redirect;
use tradai_service::{Caller, RequestIds};

use super::actions::trace;
use super::compare::value_text;
use super::failure::{Failure, require};
use super::page::{self, may, missing};
use super::params::Params;
use super::peers::{self, items, text};
use super::state::Dashboard;
use super::strategies::link;
use super::text::{NONE, minute_of};

/// The versions of a strategy, what two of them differ in, and what the config comes to.
pub(super) async fn section(
    state: &Dashboard,
    caller: &Caller,
    name: &StrategyName,
    params: &Params,
) -> Markup {
    let peer = &state.peers.strategy_service;
    let base = format!("/api/v1/strategies/{name}");
    let (path, resolved_path) = (format!("{base}/configs"), format!("{base}/resolved-config"));
    let (versions, resolved) =
        tokio::join!(peers::list(peer, &path, &[], 1), peers::ask(peer, &resolved_path, &[]));
    let shown = match versions {
        Err(error) => missing("The versions cannot be shown:", &error.for_callers()),
        Ok((versions, _)) => html! {
            (table(&versions, caller, name, params))
            (difference(state, name, params).await)
        },
    };
    html! {
        section #configs aria-labelledby="configs-title" {
            h2 #configs-title { "Config versions" }
            (shown)
        }
        section aria-labelledby="resolved-title" {
            h2 #resolved-title { "What the config comes to" }
            @match resolved {
                Err(error) => (missing("It cannot be shown:", &error.for_callers())),
                Ok(resolved) => (origins(&resolved)),
            }
        }
    }
}

fn table(versions: &[Value], caller: &Caller, name: &StrategyName, params: &Params) -> Markup {
    if versions.is_empty() {
        return html! { p.note {
            "No version is stored; jobs take the strategy's own settings. " code { "tradai config push" } " stores one."
        } };
    }
    html! {
        form #compare-versions method="get" action={ (link(name.as_str())) "#configs" } {}
        div.scroll tabindex="0" role="region" aria-labelledby="configs-title" {
            table.list {
                thead { tr {
                    @for head in ["From", "To"] { th scope="col" { (head) } }
                    @for head in ["Version", "Status", "Description"] { th.text scope="col" { (head) } }
                    @for head in ["Created (UTC)", "Activated (UTC)"] { th scope="col" { (head) } }
                    th scope="col" { span.unseen { "Actions" } }
                } }
                tbody { @for version in versions { (line(version, caller, name, params)) } }
            }
        }
        p.controls { button form="compare-versions" disabled[versions.len() < 2] { "Show what differs" } }
    }
}

fn line(version: &Value, caller: &Caller, name: &StrategyName, params: &Params) -> Markup {
    let id = text(version, "config_id");
    let moment = |key| {
        Some(minute_of(text(version, key))).filter(|text| !text.is_empty()).unwrap_or_else(|| NONE.to_owned())
    };
    html! {
        tr {
            @for side in ["a", "b"] {
                td { input type="radio" form="compare-versions" name=(side) value=(id) checked[params.get(side) == Some(id)]
                    aria-label={ @if side == "a" { "From " } @else { "To " } (id) }; }
            }
            th.text scope="row" { code { (id) } }
            td.text { (page::status(text(version, "status"))) }
            td.wrap { (text(version, "description")) }
            td { (moment("created_at")) }
            td { (moment("deployed_at")) }
            td { @if text(version, "status") != "active" && may(caller, Role::Trader) {
                form method="post" action={ (link(name.as_str())) "/configs/" (id) "/activate" } {
                    button data-confirm={ "Let jobs of " (name) " use " (id) " from now on?" } { "Activate" }
                }
            } }
        }
    }
}

async fn difference(state: &Dashboard, name: &StrategyName, params: &Params) -> Markup {
    let (Some(a), Some(b)) = (params.get("a"), params.get("b")) else { return html! {} };
    let path = format!("/api/v1/strategies/{name}/configs/diff");
    let reply = match peers::ask(&state.peers.strategy_service, &path, &[("a", a), ("b", b)]).await {
        Err(error) => return missing("What differs cannot be shown:", &error.for_callers()),
        Ok(reply) => reply,
    };
    let differences = items(&reply, "differences");
    html! {
        h3 { "From " code { (a) } " to " code { (b) } }
        @if differences.is_empty() { p.note { "Nothing differs." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Differences" {
                table.list {
                    thead { tr { @for head in ["Setting", "Before", "After"] { th.text scope="col" { (head) } } } }
                    tbody { @for difference in differences { tr {
                        th.text.wrap scope="row" { (pointer(text(difference, "pointer"))) }
                        td.wrap.removed { (value_text(difference.get("before").filter(|value| !value.is_null()))) }
                        td.wrap.added { (value_text(difference.get("after").filter(|value| !value.is_null()))) }
                    } } }
                }
            }
        }
    }
}

/// The place of a setting, which breaks between its parts where it is too long for its line.
fn pointer(place: &str) -> Markup {
    html! { code { @for (index, part) in place.split('/').enumerate() { @if index > 0 { wbr; "/" } (part) } } }
}

/// Every value and where it came from.
fn origins(resolved: &Value) -> Markup {
    let values = resolved.get("values").cloned().unwrap_or_default();
    html! {
        p.note { "A version's values stand above the file's, variables of the environment above all." }
        div.scroll tabindex="0" role="region" aria-labelledby="resolved-title" {
            table.list {
                thead { tr { @for head in ["Setting", "Value", "From"] { th.text scope="col" { (head) } } } }
                tbody { @for origin in items(resolved, "origins") {
                    // What is not among the values looks like a credential.
                    @if let Some(value) = values.pointer(text(origin, "pointer")) { tr {
                        th.text.wrap scope="row" { (pointer(text(origin, "pointer"))) }
                        td.wrap { (value_text(Some(value))) }
                        td.text { (source(origin)) }
                    } }
                } }
            }
        }
    }
}

fn source(origin: &Value) -> String {
    match (text(origin, "source"), text(origin, "config_id")) {
        ("tradai_yaml", _) => "the strategy's file".to_owned(),
        ("stored", id) => format!("version {id}"),
        ("model_tags", _) => "tags of the model".to_owned(),
        (other, _) => other.to_owned(),
    }
}

/// Makes a version the one in use.
pub(super) async fn activate(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    Path((name, id)): Path<(String, String)>,
) -> Result<Redirect, Failure> {
    require(&caller, Role::Trader)?;
    let no_version = |_| Failure::not_found("There is no such config version.");
    let name: StrategyName = name.parse().map_err(|_| no_version(()))?;
    let id: ConfigId = id.parse().map_err(|_| no_version(()))?;
    // The service notes who clicked; it is told by nobody but us.
    state.core.catalogue.activate(&name, &id, &caller.name, trace(&ids)).await?;
    Ok(Redirect::to(&format!("{}#configs", link(name.as_str()))))
}
