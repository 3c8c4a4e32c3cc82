//! Laws of [`ConfigRepository`].

use std::sync::Arc;

use futures_util::future::join_all;
use tradai_domain::configs::{ConfigId, ConfigStatus, ConfigVersion, DEPRECATED_TTL_MS};
use tradai_domain::ports::{ConfigRepository, NewConfig};
use tradai_domain::{Millis, StrategyName};

use crate::sample::object;

type Port = Arc<dyn ConfigRepository>;

fn demo() -> StrategyName {
    "Demo".parse().unwrap()
}

fn config(strategy: &str, stake: u32) -> NewConfig {
    NewConfig {
        strategy_name: strategy.parse().unwrap(),
        config_data: object(&format!(r#"{{"timeframe": "1h", "stake_amount": {stake}}}"#)),
        description: Some(format!("stake {stake}")),
        at: Millis::from(stake),
    }
}

async fn push(port: &Port, stake: u32) -> ConfigVersion {
    port.push(&config("Demo", stake)).await.unwrap().version
}

async fn activate(port: &Port, id: &ConfigId, at: Millis) {
    port.activate(&demo(), id, at).await.unwrap().unwrap();
}

async fn all(port: &Port) -> Vec<ConfigVersion> {
    port.list(&demo(), None, 1_000).await.unwrap()
}

fn actives(versions: &[ConfigVersion]) -> Vec<&ConfigId> {
    let active = versions.iter().filter(|version| version.status == ConfigStatus::Active);
    active.map(|version| &version.config_id).collect()
}

/// A pushed config is the strategy's next version, a draft, and comes back as it was pushed.
pub async fn pushes_drafts_with_numbers(port: Port) {
    let one = port.push(&config("Demo", 1)).await.unwrap();
    assert!(!one.duplicate);
    let expected = ConfigVersion::draft(demo(), 1, config("Demo", 1).config_data, Some("stake 1".into()), 1);
    assert_eq!(one.version, expected);
    assert_eq!(port.get(&demo(), &expected.config_id).await.unwrap(), Some(expected.clone()));
    assert_eq!(push(&port, 2).await.version_number, 2);
    let other = port.push(&config("Other", 1)).await.unwrap().version;
    assert_eq!((other.version_number, other.config_hash), (1, expected.config_hash));
    assert_eq!(
        port.get(&"Other".parse().unwrap(), &ConfigId::new(2, &all(&port).await[0].config_hash))
            .await
            .unwrap(),
        None
    );
}

/// Equal contents are one version, whatever the order of keys and however often they are pushed at once.
pub async fn detects_duplicates(port: Port) {
    let outcomes = join_all((0..8).map(|_| {
        let port = port.clone();
        async move { port.push(&config("Demo", 7)).await.unwrap() }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|pushed| !pushed.duplicate).count(), 1);
    assert!(outcomes.iter().all(|pushed| pushed.version == outcomes[0].version));
    let reordered =
        NewConfig { config_data: object(r#"{"stake_amount": 7, "timeframe": "1h"}"#), ..config("Demo", 7) };
    let again = port.push(&reordered).await.unwrap();
    assert!(again.duplicate && again.version == outcomes[0].version);
    assert_eq!(all(&port).await.len(), 1);
}

/// Activating deprecates the one that was active, in the same step.
pub async fn activation_supersedes(port: Port) {
    let (one, two) = (push(&port, 1).await, push(&port, 2).await);
    assert_eq!(port.active(&demo()).await.unwrap(), None);
    let first = port.activate(&demo(), &one.config_id, 10).await.unwrap().unwrap();
    assert_eq!((first.superseded, first.version.deployed_at), (None, Some(10)));
    let second = port.activate(&demo(), &two.config_id, 20).await.unwrap().unwrap();
    assert_eq!(second.superseded.as_ref(), Some(&one.config_id));
    let one = port.get(&demo(), &one.config_id).await.unwrap().unwrap();
    assert_eq!((one.status, one.deprecated_at), (ConfigStatus::Deprecated, Some(20)));
    assert_eq!(one.superseded_by.as_ref(), Some(&two.config_id));
    assert_eq!(port.active(&demo()).await.unwrap().unwrap().config_id, two.config_id);
    let again = port.activate(&demo(), &two.config_id, 30).await.unwrap().unwrap();
    assert_eq!((again.superseded, again.version.deployed_at), (None, Some(20)));
    let unknown = ConfigId::new(9, &two.config_hash);
    assert_eq!(port.activate(&demo(), &unknown, 40).await.unwrap(), None);
    assert_eq!(actives(&all(&port).await), [&two.config_id]);
}

/// At every moment at most one version is active, whoever activates what at the same time.
pub async fn never_two_active(port: Port) {
    let mut versions = Vec::new();
    for stake in 0..8 {
        versions.push(push(&port, stake).await.config_id);
    }
    activate(&port, &versions[0], 1).await;
    let activations = join_all(versions.iter().cycle().take(48).map(|id| activate(&port, id, 2)));
    let looks = join_all((0..48).map(|_| async {
        let listed = all(&port).await;
        assert_eq!(actives(&listed).len(), 1);
        assert!(port.active(&demo()).await.unwrap().is_some());
    }));
    futures_util::future::join(activations, looks).await;
    assert_eq!(actives(&all(&port).await).len(), 1);
}

/// Deprecating takes a version out of use; repeating it changes nothing.
pub async fn deprecates(port: Port) {
    let one = push(&port, 1).await;
    activate(&port, &one.config_id, 1).await;
    let first = port.deprecate(&demo(), &one.config_id, 5).await.unwrap().unwrap();
    assert_eq!((first.status, first.deprecated_at), (ConfigStatus::Deprecated, Some(5)));
    assert_eq!(port.deprecate(&demo(), &one.config_id, 9).await.unwrap().unwrap(), first);
    assert_eq!(port.active(&demo()).await.unwrap(), None);
    let unknown = ConfigId::new(9, &one.config_hash);
    assert_eq!(port.deprecate(&demo(), &unknown, 9).await.unwrap(), None);
    activate(&port, &one.config_id, 10).await;
    assert_eq!(actives(&all(&port).await), [&one.config_id]);
}

/// A list has the highest numbers below `before`.
pub async fn lists_newest_first(port: Port) {
    for stake in 0..5 {
        push(&port, stake).await;
    }
    let numbers = |versions: Vec<ConfigVersion>| -> Vec<u32> {
        versions.iter().map(|version| version.version_number).collect()
    };
    assert_eq!(numbers(port.list(&demo(), None, 2).await.unwrap()), [5, 4]);
    assert_eq!(numbers(port.list(&demo(), Some(4), 10).await.unwrap()), [3, 2, 1]);
    assert!(port.list(&"Nobody".parse().unwrap(), None, 10).await.unwrap().is_empty());
}

/// Deprecated versions go after 90 days; others stay, and a number is not used again.
pub async fn expires_deprecated_versions(port: Port) {
    let (one, two) = (push(&port, 1).await, push(&port, 2).await);
    activate(&port, &one.config_id, 10).await;
    activate(&port, &two.config_id, 20).await;
    port.deprecate(&demo(), &two.config_id, 30).await.unwrap();
    assert_eq!(port.delete_expired(19 + DEPRECATED_TTL_MS).await.unwrap(), 0);
    assert_eq!(port.delete_expired(30 + DEPRECATED_TTL_MS).await.unwrap(), 2);
    assert!(all(&port).await.is_empty());
    assert_eq!(push(&port, 2).await.version_number, 3);
}
