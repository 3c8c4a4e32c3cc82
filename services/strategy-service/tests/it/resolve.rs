//! What the sources of a config come to.

use std::sync::Arc;

use serde_json::{Value, json};

use tradai_platform::settings::{Inputs, load};
use tradai_service::Shutdown;
use tradai_strategy_service::{Settings, start};

use crate::support::{DIP, World};

fn source<'v>(reply: &'v Value, pointer: &str) -> &'v Value {
    let origins = reply["origins"].as_array().unwrap();
    origins.iter().find(|origin| origin["pointer"] == pointer).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn every_value_names_its_source() {
    let world = World::new();
    let text =
        DIP.to_owned() + "strategy_service: {mlflow: {tracking_uri: '${MLFLOW_TRACKING_URI:-none}'}}\n";
    world.put_file("dip.yaml", &text);
    let plain = world.get("strategies/Dip/resolved-config").await.expect(200);
    assert_eq!(plain["config_id"], Value::Null);
    assert_eq!(
        (&plain["values"]["stake_amount"], &source(&plain, "/stake_amount")["source"]),
        (&json!(100), &json!("tradai_yaml"))
    );

    let config = r#"{"config_data": {"stake_amount": 50, "settings": {"minimal_roi": {"10": 0.01}}, "parameters": {"dip": 20}}}"#;
    let pushed = world.post("strategies/Dip/configs", config).await.expect(201);
    let id = pushed["config_id"].as_str().unwrap();
    // A draft counts only when it is asked for.
    assert_eq!(world.get("strategies/Dip/resolved-config").await.json()["values"]["stake_amount"], 100);
    let asked = world.get(&format!("strategies/Dip/resolved-config?config_id={id}")).await.expect(200);
    world.post(&format!("strategies/Dip/configs/{id}/activate"), "").await.expect(200);
    let resolved = world.get("strategies/Dip/resolved-config").await.expect(200);
    assert_eq!(resolved["values"], asked["values"]);
    assert_eq!(resolved["config_id"], id);
    assert_eq!(
        source(&resolved, "/stake_amount"),
        &json!({"pointer": "/stake_amount", "source": "stored", "config_id": id})
    );
    assert_eq!(source(&resolved, "/max_open_trades")["source"], "tradai_yaml");
    let settings = json!({"timeframe": "5m", "stake_amount": 50, "max_open_trades": 3, "pair_whitelist": ["BTC/USDT"],
        "stoploss": -0.05, "minimal_roi": {"10": 0.01}});
    assert_eq!((&resolved["settings"], &resolved["parameters"]), (&settings, &json!({"dip": "20"})));
    let tags = &resolved["mlflow_tags"];
    assert_eq!(
        (&tags["pairs"], &tags["configuration_file"], &tags["status"]),
        (&json!("BTC/USDT"), &json!(id), &json!("active"))
    );
    // The address has a password in it, which is nobody's business.
    assert_eq!(resolved["values"]["strategy_service"]["mlflow"]["tracking_uri"], "[redacted]");
    assert!(!resolved.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_secret_of_the_environment_is_shown_in_no_part_of_the_reply() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let config = r#"{"description": "${MLFLOW_TRACKING_URI}", "tags": ["a", "${MLFLOW_TRACKING_URI}"],
        "settings": {"exchange": {"name": "binance", "proxy": "${MLFLOW_TRACKING_URI}"}}}"#;
    let id = world.push_of("Dip", config).await;
    let resolved = world.get(&format!("strategies/Dip/resolved-config?config_id={id}")).await.expect(200);
    assert!(!resolved.to_string().contains("hunter2"), "{resolved}");
    assert_eq!(resolved["mlflow_tags"]["description"], "[redacted]");
    let body = json!({"config_data": {"settings": {"proxy": "${URI}"}, "parameters": {"dip": "${URI}"}},
        "environment": {"URI": "http://ann:hunter2@mlflow:5000"}});
    let merged = world.post("strategies/merge", &body.to_string()).await.expect(200);
    assert!(!merged.to_string().contains("hunter2"), "{merged}");
    assert_eq!(merged["parameters"]["dip"], "[redacted]");
}

/// Whoever has several services in one process gives each its own variables.
#[tokio::test]
async fn configs_read_variables_that_the_settings_came_with() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = Inputs::default()
        .variable("TRADAI_DATA_DIR", folder.path().to_str().unwrap())
        .variable("CONFIG_VARIABLES", "TRADAI_TEST_REGION")
        .variable("TRADAI_TEST_REGION", "eu");
    let settings = load::<Settings>(&inputs).unwrap().settings;
    assert!(!format!("{settings:?}").contains("\"eu\""), "{settings:?}");
    let app = start(&settings, &Shutdown::manual()).await.unwrap();
    let world = World { app, folder: Arc::new(folder), ..World::new() };
    world.put_file("dip.yaml", DIP);
    let id = world.push_of("Dip", r#"{"description": "${TRADAI_TEST_REGION}"}"#).await;
    let resolved = world.get(&format!("strategies/Dip/resolved-config?config_id={id}")).await.expect(200);
    assert_eq!(resolved["mlflow_tags"]["description"], "eu", "{resolved}");
}

#[tokio::test]
async fn a_stage_may_be_named_before_there_are_models() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let plain = world.get("strategies/Dip/resolved-config").await.expect(200);
    assert_eq!((&plain["stage"], &plain["model"]), (&json!("Production"), &Value::Null));
    let staging = world.get("strategies/Dip/resolved-config?stage=staging").await.expect(200);
    assert_eq!((&staging["stage"], &staging["values"]), (&json!("Staging"), &plain["values"]));
    let (status, _, detail) = world.get("strategies/Dip/resolved-config?stage=prod").await.problem();
    assert!(status == 422 && detail.contains("Production"), "{detail}");
}

/// A file can be changed past the service, too.
#[tokio::test]
async fn a_config_that_the_strategy_cannot_run_with_is_not_shown_as_if_it_could() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let id = world.push_of("Dip", r#"{"parameters": {"dip": 35}}"#).await;
    world.post(&format!("strategies/Dip/configs/{id}/activate"), "").await.expect(200);
    world.get("strategies/Dip/resolved-config").await.expect(200);
    world.put_file("dip.yaml", DIP.replace("range: [15, 40]", "range: [15, 30]"));
    let (status, _, detail) = world.get("strategies/Dip/resolved-config").await.problem();
    assert!(status == 422 && detail.contains("parameters.dip"), "{status} {detail}");
}

#[tokio::test]
async fn sources_are_merged_as_they_come() {
    let world = World::new();
    let body = json!({"tradai_yaml": DIP, "config_data": {"timeframe": "1h"}, "model_tags": {"pairs": "ETH/USDT"},
        "environment": {"STAKE_AMOUNT": "7", "PATH": "/bin"}});
    let merged = world.post("strategies/merge", &body.to_string()).await.expect(200);
    assert_eq!(
        (&merged["values"]["timeframe"], &merged["values"]["symbols"], &merged["values"]["stake_amount"]),
        (&json!("1h"), &json!(["ETH/USDT"]), &json!(7))
    );
    for (pointer, expected) in [
        ("/timeframe", "stored"),
        ("/symbols", "model_tags"),
        ("/stake_amount", "environment"),
        ("/stoploss", "tradai_yaml"),
    ] {
        assert_eq!(
            source(&merged, pointer),
            &json!({"pointer": pointer, "source": expected, "config_id": null})
        );
    }
    let bad = json!({"tradai_yaml": {"a": "${MISSING}"}, "environment": {"MAX_OPEN_TRADES": "x"}});
    let (status, _, detail) = world.post("strategies/merge", &bad.to_string()).await.problem();
    assert!(status == 422 && detail.contains("MISSING") && detail.contains("MAX_OPEN_TRADES"), "{detail}");
    let (status, _, detail) = world.post("strategies/merge", r#"{"tradai_yaml": "a: ["}"#).await.problem();
    assert!(status == 422 && detail.contains("line"), "{detail}");
    assert_eq!(world.post("strategies/merge", r#"{"tradai_yaml": 5}"#).await.problem().0, 422);
    assert_eq!(world.post("strategies/merge", "{}").await.expect(200)["values"], json!({}));
}
