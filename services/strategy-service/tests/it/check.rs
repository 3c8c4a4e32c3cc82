//! Whether a job can run.

use serde_json::{Value, json};

use crate::support::{DIP, World};

async fn check(world: &World, body: &Value) -> Value {
    world.post("strategies/Dip/check", &body.to_string()).await.expect(200)
}

#[tokio::test]
async fn what_a_job_asks_for_is_held_to_its_strategy_and_config() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let fine =
        json!({"strategy_version": "1.0.0", "settings": {"stoploss": -0.1}, "parameters": {"dip": "20"}});
    let said = check(&world, &fine).await;
    assert_eq!((&said["valid"], &said["faults"]), (&json!(true), &json!([])));
    // What it comes to, and nothing that the environment may have brought in.
    assert_eq!(said["settings"], json!({"timeframe": "5m", "pair_whitelist": ["BTC/USDT"]}));

    let wrong = json!({"strategy_version": "2", "config_id": "v9-00000000", "settings": {"stoploss": 5, "stake": 1},
        "parameters": {"dip": "99", "nope": "1"}});
    let said = check(&world, &wrong).await;
    let faults = said["faults"].as_array().unwrap();
    let mut places: Vec<String> = faults
        .iter()
        .map(|fault| {
            format!("{} {}", fault["field"].as_str().unwrap(), fault["key"].as_str().unwrap_or_default())
        })
        .collect();
    places.sort_unstable();
    let expected = [
        "config_id ",
        "parameters dip",
        "parameters nope",
        "settings stake",
        "settings stoploss",
        "strategy_version ",
    ];
    assert_eq!((places, &said["valid"]), (expected.map(str::to_owned).to_vec(), &json!(false)));
    assert_eq!(world.post("strategies/None/check", "{}").await.status, 404);
    assert_eq!(world.post("strategies/Dip/check", r#"{"config_id": "x"}"#).await.status, 422);
}

/// A config that its strategy cannot run with any more is no fault of the request.
#[tokio::test]
async fn what_the_config_says_is_told_from_what_the_request_says() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let config = r#"{"config_data": {"parameters": {"dip": 20}}}"#;
    let id = world.post("strategies/Dip/configs", config).await.expect(201)["config_id"].clone();
    world.put_file("dip.yaml", DIP.replace("dip: {type", "depth: {type").replace("< dip", "< depth"));
    let said = check(&world, &json!({"config_id": id})).await;
    let fault = &said["faults"][0];
    assert_eq!((&fault["field"], &fault["key"]), (&json!("config_id"), &Value::Null), "{said}");
    assert!(fault["message"].as_str().unwrap().contains("parameters.dip"), "{said}");
}
