//! A job runs with the config version in use, or the one that it names.

use serde_json::{Value, json};
use tradai_control_plane::configs::Configs;
use tradai_control_plane::jobs::BacktestRequest;
use tradai_domain::jobs::{JobChange, JobStatus, PinnedConfig};
use tradai_runner::{strategies, verify};

use crate::world::{World, ann, request};

#[tokio::test]
async fn the_active_version_counts_unless_another_is_named_and_the_request_wins() {
    let world = World::new();
    let wiring = &world.wiring;
    let configs = Configs::new(wiring.configs.clone(), wiring.audit.clone(), wiring.clock.clone());
    let strategy = "EmaCross".parse().unwrap();
    let push = async |data: Value| {
        let Value::Object(data) = data else { unreachable!() };
        configs.push(&strategy, data, None, &ann()).await.unwrap().version.config_id
    };
    let active =
        push(json!({"stake_amount": 50, "max_open_trades": 1, "parameters": {"fast": 7, "slow": 40},
        "settings": {"dry_run_wallet": 500}}))
        .await;
    let other = push(json!({"stake_amount": 20, "symbols": ["ETH/USDT"]})).await;
    configs.activate(&strategy, &active, &ann()).await.unwrap();

    let plain = BacktestRequest { settings: Default::default(), ..request() };
    let with_active = BacktestRequest {
        settings: serde_json::from_str(r#"{"max_open_trades": 2}"#).unwrap(),
        parameters: serde_json::from_str(r#"{"fast": 9}"#).unwrap(),
        ..plain.clone()
    };
    let named = BacktestRequest { config_id: Some(other.to_string()), symbols: Vec::new(), ..plain.clone() };
    let missing = BacktestRequest { config_id: Some("v9-00000000".to_owned()), ..plain };
    let platform = world.platform(3);
    let mut ids = Vec::new();
    for request in [with_active, named, missing] {
        ids.push(platform.jobs.submit(&request, &ann()).await.unwrap().record.job_id);
    }

    let settings =
        |id| serde_json::from_slice::<Value>(&world.read(id, "result.json")).unwrap()["settings"].clone();
    world.completed(ids[0]).await;
    let found = settings(ids[0]);
    assert_eq!(
        (&found["stake_amount"], &found["max_open_trades"], &found["dry_run_wallet"]),
        (&json!(50), &json!(2), &json!(500))
    );
    let manifest = world.folders().manifest(&ids[0]).unwrap();
    assert_eq!(manifest.config_id, Some(active));
    let tradai_runner::backtest::StrategySource::Declarative { parameters, .. } = &manifest.source else {
        panic!("it is declarative")
    };
    let parameters: Vec<(&str, &str)> =
        parameters.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(parameters, [("fast", "9"), ("slow", "40")]);

    world.completed(ids[1]).await;
    assert_eq!(settings(ids[1])["pair_whitelist"], json!(["ETH/USDT"]));
    assert_eq!(world.folders().manifest(&ids[1]).unwrap().config_id, Some(other));

    let record = world.ended(ids[2]).await;
    assert_eq!(record.status, JobStatus::Failed);
    assert_eq!(record.error.unwrap(), "there is no config version v9-00000000 of EmaCross");

    // The manifest has all that counted, so that what is stored later changes nothing.
    let strategy = strategies::remake(&manifest.source).unwrap();
    let verified = verify::verify(&world.folders(), &ids[0], strategy, &world.store(None), &()).unwrap();
    assert!(verified.is_same(), "{verified:?}");
}

/// Somebody activates another version between the look at what a job needs and its start.
#[tokio::test]
async fn what_was_settled_for_a_job_counts_whatever_is_in_use_by_then() {
    let world = World::new();
    let wiring = &world.wiring;
    let configs = Configs::new(wiring.configs.clone(), wiring.audit.clone(), wiring.clock.clone());
    let strategy = "EmaCross".parse().unwrap();
    let push = async |stake: u32| {
        let Value::Object(data) = json!({"stake_amount": stake}) else { unreachable!() };
        configs.push(&strategy, data, None, &ann()).await.unwrap().version
    };
    let (found, later) = (push(50).await, push(20).await);
    configs.activate(&strategy, &later.config_id, &ann()).await.unwrap();
    let request = BacktestRequest { settings: Default::default(), ..request() };
    let run = async |settled: Option<PinnedConfig>| {
        let record = world.stored(&request).await;
        let change = JobChange { config: settled, ..JobChange::default() };
        wiring.jobs.apply(record.job_id, &change).await.unwrap().unwrap();
        let ended = world.command(&record, &request).output().unwrap();
        (record.job_id, ended.status.code())
    };
    let taken = async |id| (world.folders().manifest(&id).unwrap().config_id, world.record(id).await.config);

    let settled = PinnedConfig::of(Some(&found));
    let (id, code) = run(Some(settled.clone())).await;
    assert_eq!((code, taken(id).await), (Some(0), (Some(found.config_id.clone()), Some(settled))));
    let (id, code) = run(Some(PinnedConfig::None)).await;
    assert_eq!((code, taken(id).await), (Some(0), (None, Some(PinnedConfig::None))));
    // A job for which nothing was settled takes the active one, and its record says so.
    let (id, code) = run(None).await;
    let active = PinnedConfig::of(Some(&later));
    assert_eq!((code, taken(id).await), (Some(0), (Some(later.config_id), Some(active))));
    // The content is another one.
    let other = PinnedConfig::Version { config_id: found.config_id, config_hash: later.config_hash };
    let (id, code) = run(Some(other)).await;
    let error = world.record(id).await.error.unwrap();
    assert!(code == Some(4) && error.contains("is not the one any more"), "{code:?} {error}");
}

#[tokio::test]
async fn a_job_whose_candles_an_exchange_does_not_have_says_what_can_be_done() {
    let world = World::empty();
    world.add_candles(Some("binance"), &["BTC/USDT"], "2024-01-01", "2024-01-11");
    let request = BacktestRequest { exchange: Some("binance".to_owned()), ..request() };
    let record = world.stored(&request).await;
    let ended = world.command(&record, &request).output().unwrap();
    let error = world.record(record.job_id).await.error.unwrap();
    assert_eq!(ended.status.code(), Some(3), "{error}");
    assert!(error.starts_with("no ETH/USDT 5m"), "{error}");
    let command = "tradai data sync --exchange binance --symbols ETH/USDT --timeframe 5m --start";
    assert!(error.contains(command), "{error}");
}
