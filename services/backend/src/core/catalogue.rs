//! Strategies, as the strategy service knows them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tracing::warn;
use tradai_control_plane::configs::Variables;
use tradai_control_plane::{Error, RequestFault};
use tradai_domain::configs::{ConfigId, ConfigVersion};
use tradai_domain::jobs::TraceId;
use tradai_domain::{Clock, IdSource, Millis, StrategyName};

use super::Checks;
use crate::infrastructure::peer::{Peer, PeerError, PeerTrace};

/// How long a reply is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long activating a config version may take.
const ACTIVATION_PATIENCE: Duration = Duration::from_secs(10);
/// How long a submission waits to learn whether its strategy is there: it is taken without, too.
const CHECK_PATIENCE: Duration = Duration::from_secs(2);
/// For how long a strategy that was there counts as there when jobs are submitted.
const STILL_THERE: Duration = Duration::from_secs(30);
/// Replies that are remembered.
const REMEMBERED: usize = 100;
/// Names that a refusal lists.
const NAMES: usize = 10;
/// How much alike a name must be to be what was meant, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Asks for strategies, and remembers what it was told.
pub(crate) struct Catalogue {
    peer: Peer,
    checks: Arc<Checks>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    known: Mutex<BTreeMap<String, Known>>,
    /// Whether the service did not answer when it was last asked about a job's strategy.
    away: AtomicBool,
}

struct Known {
    at: Millis,
    value: Value,
}

/// A document of the strategy service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The document.
    pub(crate) value: Value,
    /// How old it is, where the service did not answer and this is what it said last.
    pub(crate) stale_for: Option<Duration>,
}

/// A strategy that was brought to the strategy service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Staged {
    /// What became of its file and its config version.
    pub(crate) registered: Value,
    /// The config version that jobs take which name none; `None` when they go by the file.
    pub(crate) active: Option<String>,
}

impl Catalogue {
    /// Returns the strategies of a service; `checks` is told of those that change here.
    pub(crate) fn new(
        peer: Peer,
        checks: Arc<Checks>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { peer, checks, clock, ids, known: Mutex::default(), away: AtomicBool::new(false) }
    }

    /// Returns a page of the list.
    pub(crate) async fn list(&self, query: &[(&str, &str)], trace: PeerTrace) -> Result<Answer, PeerError> {
        self.ask("/api/v1/strategies", query, &self.peer.within(trace)).await
    }

    /// Returns a strategy, with the text of its file.
    pub(crate) async fn show(&self, name: &StrategyName, trace: PeerTrace) -> Result<Answer, PeerError> {
        self.ask(&path_of(name), &[], &self.peer.within(trace)).await
    }

    /// Returns what a strategy's file, a stored config and an environment come to: the job's own environment, which the
    /// strategy service does not know.
    pub(crate) async fn merged(
        &self,
        file: &str,
        stored: Option<&ConfigVersion>,
        environment: &Variables,
        trace: PeerTrace,
    ) -> Result<Value, PeerError> {
        let mut body = json!({"environment": environment.values()});
        if !file.is_empty() {
            body["tradai_yaml"] = json!(file);
        }
        if let Some(version) = stored {
            body["config_data"] = Value::Object(version.config_data.clone());
        }
        self.peer.within(trace).post_again("/api/v1/strategies/merge", &body, PATIENCE).await
    }

    /// Brings a strategy's file to the strategy service, for somebody: its text, or that of the strategy that is there
    /// without. Another file of this name is replaced only if that is asked for, and only the one that was looked at.
    /// Returns what became of it, and which config version is in use.
    ///
    /// What is remembered of the strategy is forgotten.
    pub(crate) async fn stage(
        &self,
        name: &StrategyName,
        file: Option<String>,
        replace: bool,
        caller: &str,
        trace: PeerTrace,
    ) -> Result<Staged, PeerError> {
        let (path, peer) = (path_of(name), self.peer.within(trace).on_behalf_of(caller));
        let there = match peer.get(&path, &[], PATIENCE).await {
            Ok(there) => Some(there),
            Err(PeerError::Refused { status: 404, .. }) if file.is_some() => None,
            Err(error) => return Err(error),
        };
        let text_of = |name: &str| there.as_ref().and_then(|there| there[name].as_str()).map(str::to_owned);
        let text = file.or_else(|| text_of("text")).unwrap_or_default();
        let replaces = text_of("source_hash").filter(|_| replace);
        let register = format!("{path}/register");
        let registered =
            peer.post_file(&register, "application/yaml", text, replaces.as_deref(), PATIENCE).await;
        // It may have been replaced although the answer got lost.
        self.forget(name);
        let registered = registered?;
        let active = match peer.get(&format!("{path}/configs/active"), &[], PATIENCE).await {
            Ok(version) => version["config_id"].as_str().map(str::to_owned),
            Err(PeerError::Refused { status: 404, .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Staged { registered, active })
    }

    /// Makes a config version of a strategy the one in use, for somebody. What is remembered of the strategy is forgotten.
    pub(crate) async fn activate(
        &self,
        name: &StrategyName,
        id: &ConfigId,
        caller: &str,
        trace: PeerTrace,
    ) -> Result<(), PeerError> {
        let path = format!("{}/configs/{id}/activate", path_of(name));
        let peer = self.peer.within(trace).on_behalf_of(caller);
        let activated = peer.post(&path, &json!({}), ACTIVATION_PATIENCE).await;
        // It may be in use although the answer got lost.
        self.forget(name);
        activated.map(drop)
    }

    fn forget(&self, name: &StrategyName) {
        self.known().remove(&key_of(&path_of(name), &[]));
        self.checks.forget(name);
    }

    /// Refuses a strategy that is not there, naming those that are alike. Where nobody answers, it passes: whoever runs
    /// the job looks again. Where we are not let in it does not, as that would go unnoticed.
    pub(crate) async fn check(&self, name: &StrategyName, trace_id: Option<TraceId>) -> Result<(), Error> {
        let key = key_of(&path_of(name), &[]);
        if self.known().get(&key).is_some_and(|known| self.age(known) < STILL_THERE) {
            return Ok(());
        }
        if self.away.load(Ordering::Relaxed) && self.peer.refuses().is_some() {
            return Ok(());
        }
        let peer = match trace_id {
            Some(trace_id) => self.peer.within(PeerTrace::of(trace_id, &*self.ids, &*self.clock)),
            None => self.peer.clone(),
        };
        match peer.get(&path_of(name), &[], CHECK_PATIENCE).await {
            Err(PeerError::Refused { status: 404, .. }) => {
                self.away.store(false, Ordering::Relaxed);
                let names = self.names(&peer).await.unwrap_or_default();
                Err(Error::Request(vec![RequestFault::new("strategy", unknown(name.as_str(), &names))]))
            }
            Err(error @ PeerError::KeyRefused { .. }) => {
                warn!(%error, strategy = %name, "a job is not taken in: {error}");
                Err(Error::Port(error.into()))
            }
            Err(error) => {
                // Once for each time that it is away, and not for each job.
                if !self.away.swap(true, Ordering::Relaxed) {
                    warn!(%error, strategy = %name, "nobody knows yet whether {name} is there, nor other strategies of jobs: {error}");
                }
                Ok(())
            }
            Ok(value) => {
                self.away.store(false, Ordering::Relaxed);
                self.remember(key, &value);
                Ok(())
            }
        }
    }

    async fn names(&self, peer: &Peer) -> Result<Vec<String>, PeerError> {
        let list = peer.get("/api/v1/strategies", &[("limit", "500")], CHECK_PATIENCE).await?;
        let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(items.iter().filter_map(|item| item["name"].as_str().map(str::to_owned)).collect())
    }

    /// Asks for a document; where the service does not answer, returns what it said last.
    async fn ask(&self, path: &str, query: &[(&str, &str)], peer: &Peer) -> Result<Answer, PeerError> {
        let key = key_of(path, query);
        match peer.get(path, query, PATIENCE).await {
            Ok(value) => {
                self.remember(key, &value);
                Ok(Answer { value, stale_for: None })
            }
            Err(error) if error.is_away() => self.recall(&key).ok_or(error),
            Err(error) => Err(error),
        }
    }

    fn remember(&self, key: String, value: &Value) {
        let mut known = self.known();
        known.insert(key, Known { at: self.clock.now_ms(), value: value.clone() });
        if known.len() > REMEMBERED {
            let oldest = known.iter().min_by_key(|(_, known)| known.at).map(|(key, _)| key.clone());
            oldest.and_then(|key| known.remove(&key));
        }
    }

    fn recall(&self, key: &str) -> Option<Answer> {
        let known = self.known();
        let known = known.get(key)?;
        Some(Answer { value: known.value.clone(), stale_for: Some(self.age(known)) })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn age(&self, known: &Known) -> Duration {
        Duration::from_millis(u64::try_from(self.clock.now_ms().saturating_sub(known.at)).unwrap_or(0))
    }
}

fn key_of(path: &str, query: &[(&str, &str)]) -> String {
    format!("{path} {query:?}")
}

fn path_of(name: &StrategyName) -> String {
    // A name has letters, digits, `_` and `-` only.
    format!("/api/v1/strategies/{name}")
}

/// Says that a strategy is not there, and which ones may be meant.
fn unknown(name: &str, names: &[String]) -> String {
    let likeness = |other: &String| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let mut near: Vec<(f64, &String)> = names.iter().map(|other| (likeness(other), other)).collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    let alike: Vec<&str> = near
        .iter()
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .map(|(_, name)| name.as_str())
        .take(3)
        .collect();
    let all: Vec<&str> = names.iter().map(String::as_str).take(NAMES).collect();
    let more = if names.len() > NAMES { ", …" } else { "" };
    match (alike.is_empty(), all.is_empty()) {
        (_, true) => format!("there is no strategy `{name}`"),
        (true, _) => format!("there is no strategy `{name}`; there are {}{more}", all.join(", ")),
        (false, _) => format!("there is no strategy `{name}`; did you mean {}?", alike.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::AtomicU16;

    use tradai_domain::{ManualClock, SequentialIds};
    use tradai_service::axum::Router;
    use tradai_service::axum::http::StatusCode;

    use super::*;
    use crate::settings::PeerUrl;

    /// What was logged on this thread.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn warnings(&self) -> usize {
            String::from_utf8_lossy(&self.0.lock().unwrap()).matches("nobody knows yet").count()
        }
    }

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A service that answers everything with this status, and the catalogue that asks it.
    async fn asking(status: Arc<AtomicU16>, clock: Arc<ManualClock>) -> Catalogue {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = PeerUrl::loopback(listener.local_addr().unwrap().port());
        let answer = move || {
            let status = StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap();
            async move { (status, "{}") }
        };
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
        let ids = Arc::new(SequentialIds::default());
        let peer = Peer::new("strategy-service", url, None, clock.clone(), ids.clone());
        let checks = Arc::new(Checks::new(peer.clone(), peer.clone(), clock.clone(), ids.clone()));
        Catalogue::new(peer, checks, clock, ids)
    }

    #[tokio::test]
    async fn an_outage_is_warned_of_once_however_many_jobs_come_meanwhile() {
        let (log, status) = (Log::default(), Arc::new(AtomicU16::new(503)));
        let (clock, written) = (Arc::new(ManualClock::at(0)), log.clone());
        let subscriber = tracing_subscriber::fmt().with_writer(move || written.clone()).finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let catalogue = asking(status.clone(), clock.clone()).await;
        let name: StrategyName = "EmaCross".parse().unwrap();
        for outage in 1..=2 {
            status.store(503, Ordering::Relaxed);
            for _ in 0..5 {
                catalogue.check(&name, None).await.unwrap();
            }
            assert_eq!(log.warnings(), outage);
            // It may be asked again by then, and is there; later it does not count as there any more.
            status.store(200, Ordering::Relaxed);
            clock.advance(60_000);
            catalogue.check(&name, None).await.unwrap();
            clock.advance(60_000);
        }
    }

    #[test]
    fn names_that_are_alike_are_offered() {
        let names = ["EmaCross", "DonchianBreakout", "RsiMeanReversion"].map(str::to_owned);
        assert_eq!(unknown("EmaCros", &names), "there is no strategy `EmaCros`; did you mean EmaCross?");
        assert_eq!(
            unknown("Qqqq", &names),
            "there is no strategy `Qqqq`; there are EmaCross, DonchianBreakout, RsiMeanReversion"
        );
        assert_eq!(unknown("X", &[]), "there is no strategy `X`");
    }
}
