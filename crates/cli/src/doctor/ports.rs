//! Whether every service's port is free, or the data folder's own platform answers there.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::check::Check;
use crate::remote::Http;
use crate::up::plan::{self, Addresses};
use crate::up::running::Running;

/// How long whoever listens may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(2);
const ADVICE: &str = "stop what listens there, or choose other ports: `tradai up --port-offset 100`";

/// Looks at the port of every service.
pub(super) async fn check(at: Addresses, running: Option<&Running>) -> Vec<Check> {
    let ours = |url: fn(&Running) -> &String| running.map(url).map(String::as_str);
    vec![
        one("port of the backend", at.backend, "backend", ours(|running| &running.backend)).await,
        one(
            "port of data-collection",
            at.data_collection,
            "data-collection",
            ours(|running| &running.data_collection),
        )
        .await,
        one(
            "port of the strategy-service",
            at.strategy_service,
            "strategy-service",
            ours(|running| &running.strategy_service),
        )
        .await,
    ]
}

/// Looks at one port; a platform that runs on the data folder is asked where it listens.
async fn one(name: &'static str, address: SocketAddr, service: &str, running: Option<&str>) -> Check {
    if running.is_none() && TcpListener::bind(address).is_ok() {
        return Check::ok(name, format!("{address} is free"));
    }
    let url = running.map_or_else(|| plan::url(address), str::to_owned);
    let answer = match Http::new(&url, None) {
        Ok(service) => service.get_within("/api/v1/version", PATIENCE).await.ok(),
        Err(_) => None,
    };
    let ours = answer.filter(|version| version["service"] == service);
    let Some(version) = ours else {
        let taken = format!("{url} is taken, and not by {service}");
        return Check::fail(name, taken, ADVICE);
    };
    let version = version["version"].as_str().unwrap_or("?");
    if running.is_none() {
        let taken =
            format!("{url} is taken: {service} {version} of a platform on another folder listens there");
        return Check::fail(name, taken, ADVICE);
    }
    let found = format!("{service} {version} answers at {url}");
    if version == env!("CARGO_PKG_VERSION") {
        Check::ok(name, found)
    } else {
        Check::warn(name, found, "it is of another version than this program; restart it")
    }
}
