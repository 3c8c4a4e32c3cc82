//! How the services do, and who did what.

use maud::{Markup, html};
use serde_json::{Value, json};
use tradai_domain::jobs::ExecutorMode;
use tradai_platform::settings::sections::Role;
use tradai_service::Caller;
use tradai_service::axum::extract::State;

use super::page::{self, Page, Place, may, missing};
use super::peers::{self, items, text};
use super::state::{Dashboard, Executor};
use super::text::{NONE, minute, minute_of};
use crate::infrastructure::peer::{Peer, PeerError};

/// Entries of the audit log that the page shows.
const ENTRIES: usize = 30;

/// What a service says of itself, or that it says nothing.
struct Told {
    name: &'static str,
    health: Result<Value, PeerError>,
    /// Why it does not let the backend in.
    locked: Option<PeerError>,
    version: Value,
}

pub(super) async fn show(State(state): State<Dashboard>, caller: Caller) -> Page {
    let (own, data_collection, strategy_service) = tokio::join!(
        own(&state),
        told("data-collection", &state.peers.data_collection),
        told("strategy-service", &state.peers.strategy_service),
    );
    let content = html! {
        div.head { h1 { "Health" } }
        section aria-labelledby="services-title" {
            h2 #services-title { "Services" }
            div.columns {
                @for service in [own, data_collection, strategy_service] { (panel(&service)) }
                (executor(&state.executor))
            }
        }
        @if may(&caller, Role::Admin) { (audit(&state).await) }
    };
    Page::new("Health", Place::Health, content).to(&caller)
}

/// This service, without asking itself over the network.
async fn own(state: &Dashboard) -> Told {
    let status = if state.events.newest().await.is_ok() { "up" } else { "down" };
    let word = if status == "up" { "ok" } else { "degraded" };
    let commit = Some(tradai_runner::GIT_COMMIT).filter(|commit| !commit.is_empty());
    let dependency = json!({"name": "state", "required": true, "status": status});
    Told {
        name: "backend",
        locked: None,
        health: Ok(json!({"status": word, "dependencies": [dependency]})),
        version: json!({"version": env!("CARGO_PKG_VERSION"), "git_commit": commit,
            "started_at": state.started_at}),
    }
}

async fn told(name: &'static str, peer: &Peer) -> Told {
    let (health, version, me) = tokio::join!(
        peers::ask(peer, "/api/v1/health", &[]),
        peers::ask(peer, "/api/v1/version", &[]),
        peers::ask(peer, "/api/v1/me", &[]),
    );
    let locked = me.err().filter(|error| matches!(error, PeerError::KeyRefused { .. }));
    Told { name, health, locked, version: version.unwrap_or_default() }
}

fn panel(service: &Told) -> Markup {
    let commit = text(&service.version, "git_commit");
    html! {
        div {
            h3 { (service.name) }
            @match &service.health {
                Err(error) => (missing("Not reachable:", &error.to_string())),
                Ok(health) => {
                    @if let Some(locked) = &service.locked { (missing("Of no use:", &locked.to_string())) }
                    table {
                        tbody {
                            tr { th scope="row" { "Service" } td { (state_of(health)) } }
                            tr { th scope="row" { "Version" } td {
                                (text(&service.version, "version"))
                                @if !commit.is_empty() { small { code { (commit) } } }
                            } }
                            tr { th scope="row" { "Since" } td { (minute_of(text(&service.version, "started_at"))) " UTC" } }
                            @for dependency in items(health, "dependencies") { (line(dependency)) }
                        }
                    }
                }
            }
        }
    }
}

/// How jobs are run.
fn executor(executor: &Executor) -> Markup {
    html! {
        div {
            h3 { "executor" }
            table {
                tbody {
                    tr { th scope="row" { "Jobs" } td {
                        @if executor.takes_jobs { (page::status("ready")) small { "taken" } }
                        @else { (page::status("down")) small { "none are taken: no executor is set up" } }
                    } }
                    tr { th scope="row" { "Mode" } td {
                        (executor.mode)
                        @if executor.mode == ExecutorMode::Local { small { (executor.local_mode) } }
                    } }
                    tr { th scope="row" { "At the same time" } td { (executor.parallel) } }
                }
            }
        }
    }
}

fn state_of(health: &Value) -> Markup {
    match text(health, "status") {
        "ok" => page::status("up"),
        "degraded" => page::status("degraded"),
        _ => page::status("unknown"),
    }
}

fn line(dependency: &Value) -> Markup {
    let latency = dependency.get("latency_ms").and_then(Value::as_u64);
    html! {
        tr {
            th scope="row" { (text(dependency, "name")) }
            td {
                (page::status(text(dependency, "status")))
                small {
                    @if dependency["required"] == true { "required" } @else { "useful" }
                    @if let Some(latency) = latency { ", " (latency) " ms" }
                }
            }
        }
    }
}

async fn audit(state: &Dashboard) -> Markup {
    let read = state.core.journal.audit(None, ENTRIES).await;
    html! {
        section aria-labelledby="audit-title" {
            h2 #audit-title { "Who did what" }
            @match read {
                Err(error) => (missing("The audit log cannot be read:", &error.to_string())),
                Ok(page) => div.scroll tabindex="0" role="region" aria-labelledby="audit-title" {
                    table.list {
                        thead { tr {
                            th scope="col" { "When (UTC)" }
                            @for head in ["Who", "What", "To what", "Trace"] { th.text scope="col" { (head) } }
                        } }
                        tbody {
                            @for (_, entry) in &page.entries { tr {
                                td { (minute(entry.at)) }
                                td.text { (entry.actor) @if let Some(via) = &entry.via { " via " (via) } }
                                td.text { (entry.action) }
                                td.wrap { code { (entry.subject) } }
                                td.text { (entry.trace_id.map_or_else(|| NONE.to_owned(), |trace| trace.to_string())) }
                            } }
                            @if page.entries.is_empty() { tr { td.empty colspan="5" { "Nothing was changed yet." } } }
                        }
                    }
                }
            }
        }
    }
}
