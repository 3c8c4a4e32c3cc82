//! Settings: documented names.

use std::path::Path;

use tradai_platform::settings::{End, Inputs, Start, load, start};
use tradai_strategy_service::Settings;

#[test]
fn documented_names_are_read() {
    let inputs = Inputs::default()
        .variable("STRATEGY_SERVICE_DATA_DIR", "/srv/tradai")
        .variable("STRATEGY_SERVICE_MLFLOW_TRACKING_URI", "http://mlflow:5000")
        .variable("STRATEGY_SERVICE_CONFIG_VARIABLES", "REGION,TENANT")
        .variable("STRATEGY_SERVICE_PORT", "8103");
    let settings = load::<Settings>(&inputs).unwrap().settings;
    assert_eq!(settings.strategy_path, Path::new("/srv/tradai/strategies"));
    assert_eq!(settings.mlflow_tracking_uri.as_deref(), Some("http://mlflow:5000"));
    assert_eq!(settings.config_variables, ["REGION", "TENANT"]);
    assert_eq!(settings.http.address.port(), 8103);
    let own = inputs.variable("STRATEGY_SERVICE_STRATEGY_PATH", "/srv/mine");
    assert_eq!(load::<Settings>(&own).unwrap().settings.strategy_path, Path::new("/srv/mine"));
    // The name that jobs know it by.
    let shared = Inputs::default().variable("CONFIG_VARIABLES", "REGION");
    assert_eq!(load::<Settings>(&shared).unwrap().settings.config_variables, ["REGION"]);
    let plain = load::<Settings>(&Inputs::default()).unwrap().settings;
    assert_eq!(
        (plain.http.address.port(), plain.strategy_path.as_path()),
        (8003, Path::new("tradai-data/strategies"))
    );
}

#[test]
fn settings_are_printed_with_their_docs() {
    let inputs = Inputs::default().argument("--print-settings");
    let Start::End(End { code: 0, text }) = start::<Settings>(&inputs) else { panic!("it should print") };
    assert!(text.contains("folder of strategies beside those that ship"), "{text}");
}
