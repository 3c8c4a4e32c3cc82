//! Loading, faults and printing of settings.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use tradai_platform::settings::sections::{
    ArcticSettings, AuthSettings, HttpSettings, KeyScope, LogSettings, MlflowSettings,
};
use tradai_platform::settings::{End, Inputs, Origin, Reader, SETTINGS_DIR, Settings, Start, load, start};

#[derive(Debug)]
struct Demo {
    http: HttpSettings,
    arctic: ArcticSettings,
    mlflow: MlflowSettings,
    _log: LogSettings,
    exchanges: Vec<String>,
    region: String,
}

impl Settings for Demo {
    const SERVICE: &'static str = "data-collection";
    const PREFIX: &'static str = "DATA_COLLECTION_";

    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            http: HttpSettings::read(reader, 8002),
            arctic: ArcticSettings::read(reader),
            mlflow: MlflowSettings::read(reader),
            _log: LogSettings::read(reader),
            exchanges: reader.key("EXCHANGES", "exchange keys").list(&["binance_futures"]),
            region: reader.key("REGION", "AWS region").also(&["AWS_REGION"]).required(String::new()),
        }
    }
}

fn inputs() -> Inputs {
    Inputs::default().variable(SETTINGS_DIR, "/nonexistent").variable("AWS_REGION", "eu-central-1")
}

fn with_file(text: &str) -> (tempfile::TempDir, Inputs) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data-collection.toml"), text).unwrap();
    let inputs = inputs().variable(SETTINGS_DIR, folder.path().to_str().unwrap());
    (folder, inputs)
}

#[test]
fn environment_wins_over_the_file_and_the_file_over_defaults() {
    let (_folder, inputs) = with_file("port = 9000\nexchanges = [\"okx_futures\", \"bybit_futures\"]\n");
    let loaded = load::<Demo>(&inputs.clone()).unwrap();
    assert_eq!(loaded.settings.http.address.to_string(), "127.0.0.1:9000");
    assert_eq!(loaded.settings.exchanges, ["okx_futures", "bybit_futures"]);
    assert_eq!(loaded.settings.region, "eu-central-1");
    let loaded = load::<Demo>(&inputs.variable("DATA_COLLECTION_PORT", "9001")).unwrap();
    assert_eq!(loaded.settings.http.address.port(), 9001);
    let port = loaded.variables.iter().find(|variable| variable.name == "DATA_COLLECTION_PORT").unwrap();
    assert_eq!(port.origin, Origin::Environment("DATA_COLLECTION_PORT".to_owned()));
}

#[test]
fn every_fault_is_reported_at_once_with_exit_code_2() {
    let (_folder, inputs) = with_file("prot = 9000\nrequest_timeout_seconds = \"soon\"\n[deep]\nx = 1\n");
    let inputs = inputs
        .variable("AWS_REGION", "")
        .variable("DATA_COLLECTION_PORT", "65536")
        .variable("DATA_COLLECTION_BODY_LIMIT_BYTES", "0")
        .variable("DATA_COLLECTION_HOST", "0.0.0.0")
        .variable("DATA_COLLECTION_CORS_ORIGINS", "*,https://a.example")
        .variable("LOG_FORMAT", "xml");
    let Start::End(End { code, text }) = start::<Demo>(&inputs) else { panic!("must not start") };
    assert_eq!(code, 2);
    for place in [
        "DATA_COLLECTION_PORT: `65536`",
        "DATA_COLLECTION_BODY_LIMIT_BYTES: 0",
        "DATA_COLLECTION_HOST: 0.0.0.0 is reachable",
        "DATA_COLLECTION_CORS_ORIGINS: `*`",
        "LOG_FORMAT: `xml`",
        "request_timeout_seconds in ",
        "prot in ",
        "deep in ",
        "DATA_COLLECTION_REGION: is not set; set DATA_COLLECTION_REGION or AWS_REGION",
        "9 faults",
    ] {
        assert!(text.contains(place), "{place} in\n{text}");
    }
}

#[test]
fn a_broken_file_is_a_fault_with_its_line() {
    let (_folder, inputs) = with_file("port = 1\nexchanges = [\n");
    let error = load::<Demo>(&inputs).unwrap_err();
    assert!(error.to_string().contains("data-collection.toml: line 2"), "{error}");
}

#[test]
fn lists_are_read_as_python_wrote_them() {
    for text in ["a,b", "[\"a\", \"b\"]", " a , b ,", "['a','b']"] {
        let loaded = load::<Demo>(&inputs().variable("DATA_COLLECTION_EXCHANGES", text)).unwrap();
        assert_eq!(loaded.settings.exchanges, ["a", "b"], "{text}");
    }
}

#[test]
fn shared_names_are_read_in_the_documented_order() {
    let inputs = inputs().variable("ARCTIC_BUCKET", "third").variable("ARCTIC_S3_BUCKET", "second");
    let bucket = |inputs: &Inputs| load::<Demo>(inputs).unwrap().settings.arctic.s3_bucket;
    assert_eq!(bucket(&inputs).as_deref(), Some("second"));
    let inputs = inputs.variable("ARCTICDB_S3_URI", "s3://first");
    assert_eq!(bucket(&inputs).as_deref(), Some("s3://first"));
    let inputs = inputs.variable("DATA_COLLECTION_ARCTIC_S3_BUCKET", "own");
    assert_eq!(bucket(&inputs).as_deref(), Some("own"));
}

#[test]
fn the_candle_store_has_one_library() {
    let library = |name, library| load::<Demo>(&inputs().variable(name, library));
    assert!(library("ARCTIC_LIBRARY", "ohlcv").is_ok());
    let error = library("ARCTIC_LIBRARY_NAME", "ticks").unwrap_err().to_string();
    assert!(error.contains("ARCTIC_LIBRARY_NAME: `ticks` is not there"), "{error}");
}

#[test]
fn secrets_are_never_printed() {
    let key = format!("ann:admin:{}", "ab".repeat(32));
    let inputs = inputs()
        .variable("MLFLOW_TRACKING_PASSWORD", "hunter2")
        .variable("DATA_COLLECTION_API_KEYS", &key)
        .variable("DATA_COLLECTION_CURSOR_SECRET", "0123456789abcdef0123456789abcdef");
    let loaded = load::<Demo>(&inputs).unwrap();
    assert!(loaded.settings.mlflow.password.is_some());
    assert!(
        matches!(&loaded.settings.http.auth, AuthSettings::Required(known) if known.keys[0].name == "ann")
    );
    let Start::End(End { code: 0, text }) = start::<Demo>(&inputs.argument("--print-settings")) else {
        panic!("must print");
    };
    assert!(text.contains("DATA_COLLECTION_MLFLOW_PASSWORD=[redacted]"), "{text}");
    for shown in [text, format!("{loaded:?}")] {
        for secret in ["hunter2", "abab", "0123456789"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn faults_of_secrets_do_not_repeat_them() {
    let inputs = inputs().variable("DATA_COLLECTION_CURSOR_SECRET", "tooshort");
    let inputs = inputs.variable("DATA_COLLECTION_API_KEYS", "ann:admin:theplainkey");
    let error = load::<Demo>(&inputs).unwrap_err().to_string();
    assert!(error.contains("CURSOR_SECRET") && !error.contains("tooshort"), "{error}");
    assert!(error.contains("API_KEYS") && !error.contains("theplainkey"), "{error}");
}

#[test]
fn figures_are_open_to_the_outside_only_where_somebody_says_so() {
    let key = format!("ann:admin:{}", "ab".repeat(32));
    let read = |address: &str, open: &str| {
        let inputs = inputs().variable("DATA_COLLECTION_METRICS_ADDRESS", address);
        let inputs = inputs.variable("DATA_COLLECTION_API_KEYS", &key);
        let loaded = load::<Demo>(&inputs.variable("DATA_COLLECTION_METRICS_OPEN", open));
        loaded.map(|loaded| loaded.settings.http.metrics_address).map_err(|faults| faults.to_string())
    };
    for (address, open) in [("127.0.0.1:9100", "false"), ("[::1]:9100", "false"), ("0.0.0.0:9100", "true")] {
        assert_eq!(read(address, open), Ok(Some(address.parse().unwrap())));
    }
    for address in ["0.0.0.0:9100", "[::]:9100", "10.0.0.5:9100"] {
        let refused = read(address, "false").unwrap_err();
        let told = format!("DATA_COLLECTION_METRICS_ADDRESS: {address} is reachable from outside");
        assert!(refused.contains(&told) && refused.contains("METRICS_OPEN=true"), "{refused}");
    }
    assert!(read("9100", "false").is_err());
}

#[test]
fn a_key_may_be_a_services_own() {
    let read = |item: &str| load::<Demo>(&inputs().variable("DATA_COLLECTION_API_KEYS", item));
    let hash = "ab".repeat(32);
    let loaded = read(&format!("ann:trader:{hash},backend:trader:{}:service", "cd".repeat(32))).unwrap();
    let AuthSettings::Required(known) = &loaded.settings.http.auth else { panic!("somebody is asked") };
    assert_eq!([known.keys[0].scope, known.keys[1].scope], [KeyScope::Own, KeyScope::Service]);
    let shown = loaded.variables.iter().find(|variable| variable.name.ends_with("_API_KEYS")).unwrap();
    assert_eq!(shown.value, "ann:trader:[redacted],backend:trader:[redacted]:service");
    for wrong in [format!("ann:trader:{hash}:services"), format!("ann:trader:{hash}:"), format!("ann:{hash}")]
    {
        let error = read(&wrong).unwrap_err().to_string();
        assert!(error.contains("API_KEYS: `[redacted]`"), "{error}");
    }
}

#[test]
fn misspelt_variables_are_named() {
    let loaded = load::<Demo>(&inputs().variable("DATA_COLLECTION_EXCHANGE", "binance")).unwrap();
    assert_eq!(loaded.unknown, ["DATA_COLLECTION_EXCHANGE"]);
}

#[test]
fn every_variable_is_listed() {
    let Start::End(End { text, .. }) = start::<Demo>(&inputs().argument("--print-settings")) else {
        panic!("must print");
    };
    tradai_testkit::checked_in(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/settings.txt"), &text);
}

#[test]
fn tokens_need_a_source_an_issuer_and_an_audience() {
    let jwks = inputs().variable("AUTH_JWKS_URL", "https://idp.example/jwks.json");
    let full =
        jwks.clone().variable("AUTH_JWT_ISSUER", "https://idp.example").variable("AUTH_JWT_AUDIENCE", "a,b");
    let loaded = load::<Demo>(&full.clone().variable("DATA_COLLECTION_HOST", "0.0.0.0")).unwrap();
    let AuthSettings::Required(known) = loaded.settings.http.auth else { panic!("somebody is asked") };
    let tokens = known.tokens.unwrap();
    assert_eq!((tokens.issuer.as_str(), tokens.audience.len()), ("https://idp.example", 2));
    assert_eq!((tokens.roles_claim.as_str(), tokens.leeway.as_secs()), ("cognito:groups", 60));
    for (inputs, text) in [
        (jwks.clone(), "AUTH_JWT_ISSUER: is needed"),
        (jwks, "AUTH_JWT_AUDIENCE: is needed"),
        (inputs().variable("AUTH_JWT_ISSUER", "x"), "AUTH_JWKS_URL: is needed"),
        (full.clone().variable("AUTH_JWKS_FILE", "keys.json"), "one of the two is enough"),
        (full.clone().variable("AUTH_JWKS_URL", "http://idp.example/"), "expected https://"),
        (full.clone().variable("AUTH_JWT_LEEWAY_SECONDS", "301"), "301 is more than 300"),
        (
            full.variable("DATA_COLLECTION_API_KEYS", &format!("a:viewer:{0},a:admin:{0}", "0".repeat(64))),
            "twice",
        ),
    ] {
        let error = load::<Demo>(&inputs).unwrap_err().to_string();
        assert!(error.contains(text), "{text} in {error}");
    }
}
