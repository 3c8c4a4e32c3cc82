//! Health, readiness and version.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Extension;
use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};
use utoipa::ToSchema;

use crate::extract::Json;
use crate::problem::{Code, FieldFault, Place, Problem};
use crate::shutdown::Shutdown;

/// How old the results may be that readiness answers from.
const FRESH: Duration = Duration::from_secs(1);
/// How old the results may be that health shows; it is asked often and must stay cheap.
const SUMMARY: Duration = Duration::from_secs(10);
/// How long health waits for newer ones.
const SOON: Duration = Duration::from_millis(250);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A question to something that the service needs.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    hard: bool,
    patience: Duration,
    ask: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl Check {
    /// Returns a check of something without which the service cannot work: while it fails, `/ready` answers 503.
    /// The error of `ask` is logged, not sent; no answer within `patience` is a failure.
    pub fn hard<F, A>(name: &'static str, patience: Duration, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, hard: true, patience, ask: Arc::new(move || Box::pin(ask())) }
    }

    /// Returns a check of something without which the service works less well: while it fails, `/ready` answers 200 and
    /// says `degraded`.
    pub fn soft<F, A>(name: &'static str, patience: Duration, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { hard: false, ..Self::hard(name, patience, ask) }
    }

    fn unknown(&self) -> Dependency {
        let status = DependencyStatus::Unknown;
        Dependency { name: self.name, required: self.hard, status, latency_ms: 0, error: None }
    }

    async fn run(&self) -> Dependency {
        let started = Instant::now();
        let (status, error) = match timeout(self.patience, (self.ask)()).await {
            Ok(Ok(())) => (DependencyStatus::Up, None),
            Ok(Err(error)) => (DependencyStatus::Down, Some(error)),
            Err(_) => (DependencyStatus::TimedOut, Some(format!("no answer in {:?}", self.patience))),
        };
        let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Dependency { name: self.name, required: self.hard, status, latency_ms, error }
    }
}

/// What a check found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Dependency {
    name: &'static str,
    /// Whether the service cannot work without it.
    required: bool,
    status: DependencyStatus,
    latency_ms: u64,
    #[serde(skip)]
    error: Option<String>,
}

impl Dependency {
    fn is_up(&self) -> bool {
        self.status == DependencyStatus::Up
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DependencyStatus {
    Up,
    Down,
    TimedOut,
    /// Never asked to the end.
    Unknown,
}

/// The checks of a service and what they found last.
pub(crate) struct Checks {
    checks: Vec<Check>,
    shutdown: Shutdown,
    /// Held while the checks run: however many ask, they run once at a time.
    running: Mutex<()>,
    last: std::sync::Mutex<Option<(Instant, Vec<Dependency>)>>,
}

impl Checks {
    pub(crate) fn new(checks: Vec<Check>, shutdown: Shutdown) -> Self {
        Self { checks, shutdown, running: Mutex::new(()), last: std::sync::Mutex::default() }
    }

    /// Returns the last results and when they were found.
    fn last(&self) -> Option<(Instant, Vec<Dependency>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns results that are at most `age` old, asking if need be.
    async fn results(&self, age: Duration) -> Vec<Dependency> {
        let _running = self.running.lock().await;
        let last = self.last();
        if let Some((at, results)) = &last
            && at.elapsed() <= age
        {
            return results.clone();
        }
        let results = join_all(self.checks.iter().map(Check::run)).await;
        let before = last.map(|(_, before)| before).unwrap_or_default();
        for (index, now) in results.iter().enumerate() {
            log_change(before.get(index).map(|before| before.status), now);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), results.clone()));
        results
    }

    /// Returns fresh results if there are any soon, and the last ones otherwise: a dependency that hangs must not
    /// make the service look dead.
    async fn summary(self: Arc<Self>) -> Vec<Dependency> {
        let asking = self.clone();
        // Not awaited when slow: it ends within the checks' patience, and leaves its results.
        let asked = tokio::spawn(async move { asking.results(SUMMARY).await });
        if let Ok(Ok(results)) = timeout(SOON, asked).await {
            return results;
        }
        self.last().map_or_else(|| self.checks.iter().map(Check::unknown).collect(), |(_, results)| results)
    }
}

/// Logs a dependency when it goes down or comes back, not each time it is asked.
fn log_change(before: Option<DependencyStatus>, now: &Dependency) {
    let name = now.name;
    match (&now.error, before) {
        (Some(error), before) if before != Some(now.status) => {
            warn!(dependency = name, %error, "{name} is down: {error}");
        }
        (None, Some(DependencyStatus::Down | DependencyStatus::TimedOut)) => {
            info!(dependency = name, "{name} is back");
        }
        _ => {}
    }
}

/// What a service says of itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Version {
    /// The service's name.
    pub(crate) service: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    /// The commit it was built from, where the build said so.
    pub(crate) git_commit: Option<&'static str>,
    /// When it started, RFC 3339.
    pub(crate) started_at: String,
}

/// A service that answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `degraded` while a dependency fails.
    status: &'static str,
    service: &'static str,
    version: &'static str,
    /// What the checks found last.
    dependencies: Vec<Dependency>,
}

/// Whether the service lives; always 200
#[utoipa::path(get, path = "/api/v1/health", tag = "service", responses((status = 200, body = Health)))]
pub(crate) async fn health(
    Extension(checks): Extension<Arc<Checks>>,
    Extension(version): Extension<Version>,
) -> Json<Health> {
    let dependencies = checks.summary().await;
    let status = if dependencies.iter().all(Dependency::is_up) { "ok" } else { "degraded" };
    Json(Health { status, service: version.service, version: version.version, dependencies })
}

/// A service that can work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// `ready`, or `degraded` while a dependency fails that the service can do without.
    status: &'static str,
    /// What the checks found, a second ago at most.
    dependencies: Vec<Dependency>,
}

/// Whether the service can work; 503 names each dependency that fails and is required
#[utoipa::path(get, path = "/api/v1/ready", tag = "service",
    responses((status = 200, body = Ready), (status = 503, description = "Not ready")))]
pub(crate) async fn ready(Extension(checks): Extension<Arc<Checks>>) -> Result<Json<Ready>, Problem> {
    if checks.shutdown.is_stopping() {
        return Err(not_ready("the service is stopping".to_owned(), Vec::new()));
    }
    let dependencies = checks.results(FRESH).await;
    let failing: Vec<&Dependency> =
        dependencies.iter().filter(|dependency| dependency.required && !dependency.is_up()).collect();
    if failing.is_empty() {
        let status = if dependencies.iter().all(Dependency::is_up) { "ready" } else { "degraded" };
        return Ok(Json(Ready { status, dependencies }));
    }
    let names = failing.iter().map(|dependency| dependency.name).collect::<Vec<_>>().join(", ");
    let faults = failing.iter().map(|dependency| FieldFault {
        place: Place::Dependency,
        pointer: format!("/{}", dependency.name),
        reason: if dependency.status == DependencyStatus::Down { "is down" } else { "timed out" }.to_owned(),
    });
    Err(not_ready(format!("failing: {names}"), faults.collect()))
}

fn not_ready(detail: String, errors: Vec<FieldFault>) -> Problem {
    Problem::new(Code::NotReady, detail).errors(errors).retry_after(Duration::from_secs(5))
}

/// What runs
#[utoipa::path(get, path = "/api/v1/version", tag = "service", responses((status = 200, body = Version)))]
pub(crate) async fn version(Extension(version): Extension<Version>) -> Json<Version> {
    Json(version)
}
