//! Files that are registered.

use serde_json::json;

use crate::support::{DIP, World};

#[tokio::test]
async fn a_strategy_is_stored_and_its_values_are_a_draft() {
    let world = World::new();
    let reply = world.post_file("strategies/Dip/register", DIP, &[]).await;
    let registered = reply.expect(201);
    assert_eq!(reply.header("location"), "/api/v1/strategies/Dip");
    assert_eq!(std::fs::read_to_string(world.strategies().join("Dip.yaml")).unwrap(), DIP);
    let config = &registered["config"];
    assert_eq!((&config["status"], &config["duplicate"]), (&json!("draft"), &json!(false)));
    let data = &config["config_data"];
    assert!(data.get("signals").is_none() && data["defaults"]["stake_amount"] == 100, "{data}");
    let etag = reply.header("etag");
    assert_eq!(etag, world.get("strategies/Dip").await.header("etag"));

    // Again: nothing changes.
    let again = world.post_file("strategies/Dip/register", DIP, &[]).await.expect(200);
    assert_eq!((&again["file"], &again["config"]["duplicate"]), (&json!("unchanged"), &json!(true)));
    assert_eq!(again["config"]["config_id"], config["config_id"]);
    let audit = world.audit().await;
    assert!(audit[0].starts_with("local strategy.register Dip ") && audit[1] == "local config.push Dip");
}

#[tokio::test]
async fn nobodys_file_is_overwritten_unseen() {
    let world = World::new();
    let first = world.post_file("strategies/Dip/register", DIP, &[]).await;
    let etag = first.header("etag").to_owned();
    let changed = DIP.replace("stake_amount: 100", "stake_amount: 200");
    let refused = world.post_file("strategies/Dip/register", &changed, &[]).await.problem();
    assert!(refused.0 == 409 && refused.2.contains("If-Match"), "{refused:?}");
    let stale = world.post_file("strategies/Dip/register", &changed, &[("if-match", "\"abc\"")]).await;
    assert_eq!(stale.problem().0, 412);
    assert_eq!(
        world.post_file("strategies/Dip/register", &changed, &[("if-match", "*")]).await.problem().0,
        412
    );
    assert_eq!(std::fs::read_to_string(world.strategies().join("Dip.yaml")).unwrap(), DIP);
    let replaced =
        world.post_file("strategies/Dip/register", &changed, &[("if-match", &etag)]).await.expect(200);
    assert_eq!(replaced["file"], "replaced");
    assert_eq!(replaced["config"]["version_number"], 2);
    let unknown =
        world.post_file("strategies/New/register", &DIP.replace("Dip", "New"), &[("if-match", &etag)]).await;
    assert_eq!(unknown.problem().0, 412);
    // A strategy that ships is not shadowed by accident either.
    let own = DIP.replace("name: Dip", "name: Dca");
    assert_eq!(world.post_file("strategies/Dca/register", &own, &[]).await.problem().0, 409);
    let etag = world.get("strategies/Dca").await.header("etag").to_owned();
    let shadowed = world.post_file("strategies/Dca/register", &own, &[("if-match", &etag)]).await.expect(200);
    assert_eq!(shadowed["file"], "replaced");
    assert_eq!(world.get("strategies/Dca").await.json()["origin"], "folder");
}

/// Every job would fail otherwise, and nobody would have been told why.
#[tokio::test]
async fn a_file_that_the_config_in_use_does_not_fit_is_refused() {
    let world = World::new();
    let etag = world.post_file("strategies/Dip/register", DIP, &[]).await.header("etag").to_owned();
    let id = world.push_of("Dip", r#"{"parameters": {"dip": 25}}"#).await;
    world.post(&format!("strategies/Dip/configs/{id}/activate"), "").await.expect(200);
    let renamed = DIP.replace("dip: {type", "drop: {type").replace("rsi < dip", "rsi < drop");
    let path = "strategies/Dip/register";
    let (status, _, detail) = world.post_file(path, &renamed, &[("if-match", &etag)]).await.problem();
    assert!(status == 422 && detail.contains("parameters.dip") && detail.contains(&id), "{detail}");
    assert_eq!(std::fs::read_to_string(world.strategies().join("Dip.yaml")).unwrap(), DIP);
    assert_eq!(world.get("strategies/Dip/configs").await.json()["items"].as_array().unwrap().len(), 2);

    world.post(&format!("strategies/Dip/configs/{id}/deprecate"), "").await.expect(200);
    world.post_file(path, &renamed, &[("if-match", &etag)]).await.expect(200);
    // Whoever was cut off may repeat it, whatever became of the config since.
    world.post_file(path, &renamed, &[]).await.expect(200);
}

#[tokio::test]
async fn a_file_stays_where_it_is() {
    let world = World::new();
    world.put_file("mine/tradai.yaml", DIP);
    let etag = world.get("strategies/Dip").await.header("etag").to_owned();
    let changed = DIP.replace("1.0.0", "1.1.0");
    world.post_file("strategies/Dip/register", &changed, &[("if-match", &etag)]).await.expect(200);
    assert_eq!(std::fs::read_to_string(world.strategies().join("mine/tradai.yaml")).unwrap(), changed);
    assert!(!world.strategies().join("Dip.yaml").exists());
    // A file that holds something else is not overwritten.
    world.put_file("Other.yaml", "not: a strategy");
    let taken =
        world.post_file("strategies/Other/register", &DIP.replace("Dip", "Other"), &[]).await.problem();
    assert!(taken.0 == 409 && taken.2.contains("Other.yaml"), "{taken:?}");
}

#[tokio::test]
async fn what_cannot_be_registered() {
    let world = World::new();
    let register = async |name: &str, text: &str| {
        world.post_file(&format!("strategies/{name}/register"), text, &[]).await.problem()
    };
    for (name, text, status, part) in [
        ("Dip", DIP.replace("rsi < dip", "rsj"), 422, "line 8: signals.entry[0].when: there is no `rsj`"),
        ("Other", DIP.to_owned(), 422, "strategy.name: is Dip; it is to be registered as Other"),
        ("..%2F..%2Fetc", DIP.to_owned(), 422, "/name"),
        ("a.b", DIP.to_owned(), 422, "cannot name a strategy"),
        ("merge", DIP.replace("Dip", "merge"), 422, "part of this API's paths"),
        ("Py", "strategy: {name: Py, timeframe: 1h, entry_point: 'a.b:C'}".to_owned(), 422, "entry_point"),
        ("Dip", DIP.replace("category: mean", "category: AKIAIOSFODNN7EXAMPLE mean"), 422, "secret store"),
        (
            "Dip",
            DIP.replace("category: mean", "category: '${HOME}', summary: mean"),
            422,
            "variable HOME is not set",
        ),
    ] {
        let (found, _, detail) = register(name, &text).await;
        assert!(found == status && detail.contains(part), "{name}: {found} {detail}");
    }
    let left: Vec<_> = std::fs::read_dir(world.strategies()).unwrap().collect();
    assert!(left.is_empty(), "nothing is stored, not even the lock: {left:?}");
    assert_eq!(world.audit().await.len(), 0);
}

/// A client that lost the reply sends the same request again.
#[tokio::test]
async fn a_repeated_request_gets_the_first_ones_reply() {
    let world = World::new();
    let key = [("idempotency-key", "k1")];
    let first = world.post_file("strategies/Dip/register", DIP, &key).await;
    // Another instance: the reply is in the state.
    let again = world.beside().post_file("strategies/Dip/register", DIP, &key).await;
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, "true"));
    assert_eq!(first.text, again.text);
    let other = world.post_file("strategies/Dip/register", &DIP.replace("1.0.0", "2.0.0"), &key).await;
    assert_eq!(other.problem().1, "VAL006");
}
