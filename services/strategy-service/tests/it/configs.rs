//! Versions of configs, from push to expiry.

use serde_json::json;

use crate::support::{DIP, World};

#[tokio::test]
async fn a_config_is_pushed_activated_and_superseded() {
    let world = World::new();
    let body = r#"{"config_data": {"stake_amount": 50, "settings": {"dry_run_wallet": 500}}, "description": "small"}"#;
    let reply = world.post("strategies/EmaCross/configs", body).await;
    let one = reply.expect(201);
    let id = one["config_id"].as_str().unwrap();
    assert_eq!(reply.header("location"), format!("/api/v1/strategies/EmaCross/configs/{id}"));
    assert_eq!(
        (&one["status"], &one["version_number"], &one["duplicate"]),
        (&json!("draft"), &json!(1), &json!(false))
    );
    assert_eq!(
        (&one["created_at"], &one["description"]),
        (&json!("2024-01-01T00:00:00.000Z"), &json!("small"))
    );
    // The order of keys does not count.
    let same = r#"{"config_data": {"settings": {"dry_run_wallet": 500}, "stake_amount": 50}}"#;
    let duplicate = world.post("strategies/EmaCross/configs", same).await.expect(200);
    assert_eq!((&duplicate["duplicate"], &duplicate["config_id"]), (&json!(true), &one["config_id"]));

    assert_eq!(world.get("strategies/EmaCross/configs/active").await.problem().0, 404);
    let activated = world.post(&format!("strategies/EmaCross/configs/{id}/activate"), "").await.expect(200);
    assert_eq!((&activated["status"], &activated["superseded"]), (&json!("active"), &json!(null)));
    let two = world.push(r#"{"stake_amount": 60}"#).await;
    world.clock.advance(1_000);
    let activated = world.post(&format!("strategies/EmaCross/configs/{two}/activate"), "").await.expect(200);
    assert_eq!(activated["superseded"], id);
    assert_eq!(world.get("strategies/EmaCross/configs/active").await.expect(200)["config_id"], two);
    assert_eq!(world.get("strategies/EmaCross").await.json()["active_config"]["config_id"], two);
    let old = world.get(&format!("strategies/EmaCross/configs/{id}")).await;
    let shown = old.expect(200);
    assert_eq!((&shown["status"], &shown["superseded_by"]), (&json!("deprecated"), &json!(two)));
    assert_eq!(shown["expires_at"], "2024-03-31T00:00:01.000Z");
    let etag = old.header("etag").to_owned();
    world.post(&format!("strategies/EmaCross/configs/{id}/activate"), "").await.expect(200);
    assert_ne!(world.get(&format!("strategies/EmaCross/configs/{id}")).await.header("etag"), etag);
    let deprecated = world.post(&format!("strategies/EmaCross/configs/{id}/deprecate"), "").await.expect(200);
    assert_eq!(deprecated["status"], "deprecated");
    assert_eq!(world.get("strategies/EmaCross/configs/active").await.status, 404);

    let audit = world.audit().await;
    assert_eq!(audit[0], "local config.push EmaCross");
    assert_eq!(audit[2], format!("local config.activate EmaCross/{id}"));
    assert_eq!(audit.last().unwrap(), &format!("local config.deprecate EmaCross/{id}"));
}

#[tokio::test]
async fn versions_are_listed_and_compared() {
    let world = World::new();
    let mut ids = Vec::new();
    for stake in 1..=5 {
        ids.push(world.push(&format!(r#"{{"stake_amount": {stake}, "settings": {{"fee": 0.001}}}}"#)).await);
    }
    let (mut seen, mut path) = (Vec::new(), "strategies/EmaCross/configs?limit=2".to_owned());
    loop {
        let page = world.get(&path).await.expect(200);
        for item in page["items"].as_array().unwrap() {
            assert!(item.get("config_data").is_none());
            seen.push(item["config_id"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("strategies/EmaCross/configs?limit=2&cursor={cursor}");
    }
    seen.reverse();
    assert_eq!(seen, ids);
    let other = world.push(r#"{"stake_amount": 1, "symbols": ["BTC/USDT"]}"#).await;
    let path = format!("strategies/EmaCross/configs/diff?a={}&b={other}", ids[0]);
    let diff = world.get(&path).await.expect(200);
    assert_eq!(
        diff["differences"],
        json!([
            {"pointer": "/settings", "change": "removed", "before": {"fee": 0.001}, "after": null},
            {"pointer": "/symbols", "change": "added", "before": null, "after": ["BTC/USDT"]},
        ])
    );
    assert_eq!(
        world.get("strategies/EmaCross/configs/diff?a=v1-00000000&b=v9-00000000").await.problem().0,
        404
    );
    assert_eq!(world.get("strategies/EmaCross/configs/diff?a=x&b=v9-00000000").await.problem().0, 422);
    assert_eq!(world.get("strategies/EmaCross/configs/diff?a=v1-00000000").await.problem().0, 422);
    let none = world.get("strategies/Dca/configs").await.expect(200);
    assert_eq!(none, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn a_config_that_the_strategy_cannot_run_with_is_not_stored() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let push = async |config: &str| {
        world.post("strategies/Dip/configs", &format!(r#"{{"config_data": {config}}}"#)).await.problem()
    };
    for (config, parts) in [
        (
            r#"{"settings": {"stoploss": 0.5, "max_open_tradez": 1}}"#,
            vec!["settings.max_open_tradez: is unknown"],
        ),
        (
            r#"{"stoploss": 0.5, "stake_amount": -1}"#,
            vec!["settings.stoploss: is 0.5", "settings.stake_amount: is -1"],
        ),
        (
            r#"{"parameters": {"dip": 99, "dop": 1}}"#,
            vec![
                "parameters.dip: parameter `dip` is 99; a whole number from 15 to 40",
                "has no parameter `dop`",
            ],
        ),
        (r#"{"symbols": ["BTC/USDT:USDT"]}"#, vec!["has BTC/USDT:USDT, a futures market"]),
        (
            r#"{"minimal_roi": {"0": 1}}"#,
            vec!["minimal_roi: is unknown; settings by Freqtrade's names stand under"],
        ),
        (r#"{"signals": {"entry": []}}"#, vec!["signals: only the strategy's file has rules"]),
        (r#"{"strategy_name": "Other"}"#, vec!["strategy_name: is another strategy's"]),
        (r#"{"stake_amount": 1, "settings": {"stake_amount": 2}}"#, vec!["one setting with two values"]),
        (r#"{"description": "${HOME}"}"#, vec!["the variable HOME is not set"]),
        (
            r#"{"exchange": {"api_key": "k3y-k3y"}}"#,
            vec!["exchange.api_key: looks like a credential", "secret store"],
        ),
        ("{}", vec!["must not be empty"]),
    ] {
        let (status, _, detail) = push(config).await;
        assert!(
            status == 422 && parts.iter().all(|part| detail.contains(part)),
            "{config}: {status} {detail}"
        );
        assert!(detail.contains("/config_data") && !detail.contains("k3y-k3y"), "{detail}");
    }
    assert_eq!(world.get("strategies/Dip/configs").await.json()["items"], json!([]));
    let unknown = world.post("strategies/Nobody/configs", r#"{"config_data": {"stake_amount": 1}}"#).await;
    assert_eq!(unknown.problem().0, 404);
    assert_eq!(world.post("strategies/Dip/configs", r#"{"config": {}}"#).await.problem().0, 422);
}

/// The strategy changed after the config was pushed.
#[tokio::test]
async fn activation_checks_again() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let body = r#"{"config_data": {"parameters": {"dip": 35}}}"#;
    let id = world.post("strategies/Dip/configs", body).await.expect(201)["config_id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.put_file("dip.yaml", DIP.replace("range: [15, 40]", "range: [15, 30]"));
    let path = format!("strategies/Dip/configs/{id}/activate");
    let (status, _, detail) = world.post(&path, "").await.problem();
    assert!(status == 422 && detail.contains("a whole number from 15 to 30"), "{detail}");
    assert_eq!(world.get("strategies/Dip/configs/active").await.status, 404);
    world.put_file("dip.yaml", DIP);
    world.post(&path, "").await.expect(200);
    std::fs::remove_file(world.strategies().join("dip.yaml")).unwrap();
    assert_eq!(world.post(&path, "").await.problem().0, 404);
    assert_eq!(world.get("strategies/Dip/configs/active").await.expect(200)["config_id"], id);
    assert_eq!(world.post("strategies/Dip/configs/v9-00000000/activate", "").await.problem().0, 404);
}

#[tokio::test]
async fn a_push_can_be_repeated_with_its_key() {
    let world = World::new();
    let (key, body) = ([("idempotency-key", "k")], r#"{"config_data": {"stake_amount": 5}}"#);
    let first = world.post_with("strategies/EmaCross/configs", body, &key).await;
    let again = world.post_with("strategies/EmaCross/configs", body, &key).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!((again.header("idempotency-replayed"), again.text == first.text), ("true", true));
    assert_eq!(again.header("location"), first.header("location"));
}

#[tokio::test]
async fn a_version_is_changed_as_it_was_read_or_not_at_all() {
    let world = World::new();
    let id = world.push(r#"{"stake_amount": 5}"#).await;
    let path = format!("strategies/EmaCross/configs/{id}");
    let draft = world.get(&path).await.header("etag").to_owned();
    let change = async |what: &str, etag: &str| {
        world.post_with(&format!("{path}/{what}"), "", &[("if-match", etag)]).await
    };
    assert_eq!(change("activate", "\"v9-00000000\"").await.problem().0, 412);
    assert_eq!(world.get(&path).await.json()["status"], "draft");
    let activated = change("activate", &draft).await;
    assert_eq!(
        (activated.status, &activated.json()["status"]),
        (200, &json!("active")),
        "{}",
        activated.text
    );
    let active = activated.header("etag").to_owned();
    assert_ne!(active, draft);
    assert_eq!(change("deprecate", &draft).await.problem().0, 412, "it is not as it was read");
    assert_eq!(change("deprecate", &active).await.status, 200);
    // Without the header nobody has to have read it.
    assert_eq!(world.post(&format!("{path}/activate"), "").await.status, 200);
}

#[tokio::test]
async fn versions_of_no_strategy_are_not_found() {
    let world = World::new();
    assert_eq!(world.get("strategies/Nobody/configs").await.problem().0, 404);
    assert_eq!(world.get("strategies/EmaCross/configs").await.expect(200)["items"], json!([]));
}
