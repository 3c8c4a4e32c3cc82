//! Whether a backtest can run, as far as other services can tell before it is taken in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tradai_control_plane::jobs::{check_size, request_settings};
use tradai_control_plane::{Error, RequestFault};
use tradai_domain::jobs::{BacktestConfig, TraceId};
use tradai_domain::{Clock, IdSource, Millis, StrategyName};

use crate::infrastructure::peer::{Peer, PeerTrace};

/// How long a submission waits for what another service says: it is taken without, too.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long what was said counts.
const STILL_SO_MS: Millis = 30_000;
/// Replies that are remembered.
const REMEMBERED: usize = 100;
/// Fields of a request that stand for settings.
const STAND_FOR: [(&str, &str); 3] =
    [("pair_whitelist", "symbols"), ("timeframe", "timeframe"), ("timerange", "timerange")];

/// Asks the strategy service and data-collection whether a job can run. Whoever runs it looks again, so that what
/// nobody answers holds nothing up.
pub(crate) struct Checks {
    strategy_service: Peer,
    data_collection: Peer,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    known: Mutex<Known>,
}

/// What was said.
#[derive(Default)]
struct Known {
    replies: BTreeMap<Question, (Millis, Arc<Value>)>,
    /// How often something was forgotten: what was asked before that is not remembered after it.
    forgotten: u64,
}

/// What a reply depends on.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Question {
    /// Which exchanges there are.
    Exchanges,
    /// Whether a strategy can run what a job asks for.
    Job(StrategyName, String),
}

impl Checks {
    pub(crate) fn new(
        strategy_service: Peer,
        data_collection: Peer,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let apart = |peer: Peer| peer.apart(clock.clone(), ids.clone());
        let (strategy_service, data_collection) = (apart(strategy_service), apart(data_collection));
        Self { strategy_service, data_collection, clock, ids, known: Mutex::default() }
    }

    /// Refuses what cannot run, with one fault for each field.
    pub(crate) async fn check(
        &self,
        config: &BacktestConfig,
        trace_id: Option<TraceId>,
    ) -> Result<(), Error> {
        let (said, exchanges) =
            tokio::join!(self.of_strategy(config, trace_id), self.exchanges(config, trace_id));
        let mut faults = Vec::new();
        let reported = said.as_ref().and_then(|said| said["faults"].as_array());
        faults.extend(reported.into_iter().flatten().filter_map(|fault| fault_of(fault, config)));
        if let (Some(asked), Some(known)) = (&config.exchange, exchanges)
            && !known.iter().any(|known| known == asked.as_str())
        {
            let reason = format!("no candles of {asked} are collected; allowed are {}", known.join(", "));
            faults.push(RequestFault::new("exchange", reason));
        }
        let settings = said.as_ref().and_then(|said| said["settings"].as_object());
        faults.extend(check_size(config, settings, self.clock.now_ms()).err());
        if faults.is_empty() { Ok(()) } else { Err(Error::Request(faults)) }
    }

    /// Forgets what was said of a strategy, which has changed.
    pub(super) fn forget(&self, strategy: &StrategyName) {
        let mut known = self.known();
        known.replies.retain(|about, _| !matches!(about, Question::Job(name, _) if name == strategy));
        known.forgotten += 1;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what the strategy service says of a job; `None` where it does not answer.
    async fn of_strategy(&self, config: &BacktestConfig, trace_id: Option<TraceId>) -> Option<Arc<Value>> {
        // Everything that the answer depends on.
        let rest = serde_json::to_string(&(
            &config.strategy_version,
            &config.config_id,
            (&config.symbols, config.timeframe, config.start, config.end, &config.settings),
            &config.parameters,
        ));
        let ask = async {
            let body = json!({
                "strategy_version": config.strategy_version,
                "config_id": config.config_id.as_ref().map(ToString::to_string),
                "settings": request_settings(config),
                "parameters": config.parameters,
            });
            let path = format!("/api/v1/strategies/{}/check", config.strategy);
            self.within(&self.strategy_service, trace_id).post_again(&path, &body, PATIENCE).await.ok()
        };
        let fits = |said: &Value| said["faults"].as_array().is_some_and(Vec::is_empty);
        let question = Question::Job(config.strategy.clone(), rest.ok()?);
        self.remembered(question, &self.strategy_service, fits, ask).await
    }

    /// Returns the exchanges that candles are collected of; `None` where nobody asks for one, or nobody answers.
    async fn exchanges(&self, config: &BacktestConfig, trace_id: Option<TraceId>) -> Option<Vec<String>> {
        let asked = config.exchange.as_ref()?;
        let path = "/api/v1/exchanges";
        let has_it = |reply: &Value| exchanges_of(reply).any(|known| known == asked.as_str());
        let ask = async { self.within(&self.data_collection, trace_id).get(path, &[], PATIENCE).await.ok() };
        let reply = self.remembered(Question::Exchanges, &self.data_collection, has_it, ask).await?;
        Some(exchanges_of(&reply).map(str::to_owned).collect())
    }

    fn within(&self, peer: &Peer, trace_id: Option<TraceId>) -> Peer {
        match trace_id {
            Some(trace_id) => peer.within(PeerTrace::of(trace_id, &*self.ids, &*self.clock)),
            None => peer.clone(),
        }
    }

    /// Returns what was said a moment ago, or else asks. Only what lets a job in counts for longer: who is refused mends
    /// what is wrong, and asks again at once. A service that is left alone is not bothered.
    async fn remembered(
        &self,
        question: Question,
        peer: &Peer,
        lets_in: impl Fn(&Value) -> bool,
        ask: impl Future<Output = Option<Value>>,
    ) -> Option<Arc<Value>> {
        let now = self.clock.now_ms();
        let is_fresh =
            |(at, value): &&(Millis, Arc<Value>)| now.saturating_sub(*at) < STILL_SO_MS && lets_in(value);
        let forgotten = {
            let known = self.known();
            if let Some((_, value)) = known.replies.get(&question).filter(is_fresh) {
                return Some(value.clone());
            }
            known.forgotten
        };
        if peer.refuses().is_some() {
            return None;
        }
        let value = Arc::new(ask.await?);
        if !lets_in(&value) {
            return Some(value);
        }
        let mut known = self.known();
        if known.forgotten == forgotten {
            known.replies.insert(question, (now, value.clone()));
        }
        if known.replies.len() > REMEMBERED {
            let oldest = known.replies.iter().min_by_key(|(_, (at, _))| *at);
            let oldest = oldest.map(|(question, _)| question.clone());
            oldest.and_then(|question| known.replies.remove(&question));
        }
        Some(value)
    }
}

fn exchanges_of(reply: &Value) -> impl Iterator<Item = &str> {
    reply["items"].as_array().into_iter().flatten().filter_map(|item| item["exchange"].as_str())
}

/// Reads a fault of the strategy service, by the field of the request that says what is wrong.
fn fault_of(fault: &Value, config: &BacktestConfig) -> Option<RequestFault> {
    let reason = fault["message"].as_str()?.to_owned();
    let key = fault["key"].as_str();
    let field = match fault["field"].as_str()? {
        "strategy_version" => "strategy_version",
        "config_id" => "config_id",
        "parameters" => "parameters",
        _ => "settings",
    };
    let Some(key) = key else { return Some(RequestFault::new(field, reason)) };
    let first = key.split('.').next().unwrap_or_default();
    let own = STAND_FOR.iter().find(|(setting, _)| *setting == first && !config.settings.contains_key(first));
    Some(match own {
        Some((_, own)) if field == "settings" => RequestFault::new(own, reason),
        _ => RequestFault::at(field, key, reason),
    })
}
