//! The parts of a file that services read.

use super::{load, with};
use serde_json::json;
use std::path::Path;
use tradai_domain::Timeframe;
use tradai_strategy::{Settings, Strategy as _, StrategyFile};

const REFERENCE: &str = include_str!("../../fixtures/reference_tradai.yaml");

#[test]
fn the_reference_file_parses_unchanged() {
    let file = StrategyFile::parse(REFERENCE, Path::new("tradai.yaml")).unwrap();
    assert_eq!(file.strategy.entry_point, "mystrategy.strategy:MyStrategy");
    assert_eq!(file.strategy.timeframe, Timeframe::H1);
    assert_eq!(file.strategy_service.bucket_name.as_deref(), Some("tradai-data"));
    let uri = file.mlflow.tracking_uri.as_deref();
    assert_eq!(uri, Some("${MLFLOW_TRACKING_URI:-http://localhost:5001}"));
    assert_eq!(file.mlflow.auto_log_params, Some(true));
    assert_eq!(file.optimization.defaults.loss_function.as_deref(), Some("sharpe"));
    let production = &file.optimization.presets["production"];
    assert_eq!((production.epochs, production.walk_forward), (Some(1000), Some(true)));
    assert_eq!(production.spaces.as_ref().unwrap().len(), 5);
    assert_eq!((file.deployment.cpu, file.deployment.memory), (Some(512), Some(1024)));
    assert!(!file.is_declarative());
}

#[test]
fn a_header_is_texts_in_the_document_too() {
    let text = "strategy: {name: False, version: 1.10, timeframe: 1h}\nsettings: {stoploss: -0.10}\n";
    let document = StrategyFile::parse(text, Path::new("tradai.yaml")).unwrap().document();
    let header = json!({"name": "False", "version": "1.10", "timeframe": "1h"});
    assert_eq!((&document["strategy"], &document["settings"]), (&header, &json!({"stoploss": -0.1})));
}

#[test]
fn the_reference_file_can_declare_its_strategy() {
    let text =
        format!("{REFERENCE}\nsettings: {{stoploss: -0.1}}\nsignals:\n  entry: [{{when: close > open}}]\n");
    let settings = load(&text).settings();
    assert_eq!(settings["pair_whitelist"], json!(["BTC/USDT:USDT", "ETH/USDT:USDT"]));
    assert_eq!(settings["trading_mode"], "futures");
    assert_eq!(settings["stake_amount"], 1000);
    let merged = Settings::merge(&[&settings]).unwrap();
    assert_eq!((merged.timeframe, merged.max_open_trades), (Timeframe::H1, Some(3)));
}

#[test]
fn sections_of_services_may_stand_at_the_top() {
    let text = with(
        "  entry: [{when: close > open}]",
        "defaults: {max_open_trades: 2}\nmlflow: {experiment_name: e}",
    );
    let strategy = load(&text);
    assert_eq!(strategy.settings()["max_open_trades"], 2);
    assert_eq!(strategy.file().mlflow.experiment_name.as_deref(), Some("e"));
}
