//! Settings: documented names, every fault at once.

use tradai_data_collection::Settings;
use tradai_platform::settings::{End, Inputs, Start, load, start};
use tradai_timeseries::{Location, S3Credentials};

#[test]
fn documented_names_are_read() {
    let inputs = Inputs::default()
        .variable("DATA_COLLECTION_EXCHANGES", r#"["binance_futures", "okx"]"#)
        .variable("DATA_COLLECTION_ARCTIC_S3_BUCKET", "file:///srv/candles")
        .variable("DATA_COLLECTION_EXCHANGE_URLS", "okx=http://127.0.0.1:8090");
    let settings = load::<Settings>(&inputs).unwrap().settings;
    let exchanges: Vec<&str> = settings.exchanges.iter().map(|key| key.as_str()).collect();
    assert_eq!(exchanges, ["binance_futures", "okx"]);
    assert_eq!(settings.location.to_string(), "/srv/candles");
    assert_eq!((settings.http.address.port(), settings.concurrency), (8002, 8));
    // The shared names of the bucket, by their precedence.
    let inputs =
        Inputs::default().variable("ARCTIC_BUCKET", "memory:").variable("ARCTICDB_S3_URI", "file:///a");
    assert_eq!(load::<Settings>(&inputs).unwrap().settings.location.to_string(), "/a");
    let none = load::<Settings>(&Inputs::default()).unwrap().settings;
    assert_eq!(none.location.to_string(), "tradai-data/store");
}

#[test]
fn who_asks_a_bucket_is_part_of_the_settings() {
    let bucket = Inputs::default().variable("ARCTIC_S3_BUCKET", "candles");
    let of_a_task =
        bucket.clone().variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/of-a-task");
    let Location::S3(settings) = load::<Settings>(&of_a_task).unwrap().settings.location else {
        panic!("a bare name is a bucket");
    };
    let relative_uri = "/v2/credentials/of-a-task".to_owned();
    assert_eq!(settings.credentials, S3Credentials::Container { relative_uri });
    let half = load::<Settings>(&bucket.variable("AWS_ACCESS_KEY_ID", "id")).unwrap_err().to_string();
    assert!(half.contains("ARCTIC_S3_BUCKET") && half.contains("AWS_SECRET_ACCESS_KEY"), "{half}");
}

#[test]
fn every_fault_is_reported_at_once() {
    let inputs = Inputs::default()
        .variable("DATA_COLLECTION_EXCHANGES", "binance,kraken,Bad Name")
        .variable("DATA_COLLECTION_EXCHANGE_URLS", "okx=http://127.0.0.1:1")
        .variable("DATA_COLLECTION_ARCTIC_S3_BUCKET", "gs://elsewhere")
        .variable("DATA_COLLECTION_ARCTIC_LIBRARY_NAME", "other")
        .variable("DATA_COLLECTION_CONCURRENCY", "0")
        .variable("DATA_COLLECTION_SYNC_WAIT_SECONDS", "30")
        .variable("DATA_COLLECTION_PORT", "many");
    let faults = load::<Settings>(&inputs).unwrap_err().to_string();
    for place in [
        "`kraken` is not known",
        "`Bad Name`",
        "`okx` is none of the exchanges",
        "gs://",
        "candles are in the library ohlcv",
        "DATA_COLLECTION_CONCURRENCY: 0 is not allowed",
        "DATA_COLLECTION_SYNC_WAIT_SECONDS: 30 is not below",
        "DATA_COLLECTION_PORT",
    ] {
        assert!(faults.contains(place), "{place} in {faults}");
    }
}

#[test]
fn settings_are_printed_with_their_docs() {
    let inputs = Inputs::default().argument("--print-settings");
    let Start::End(End { code: 0, text }) = start::<Settings>(&inputs) else { panic!("it should print") };
    assert!(text.contains("DATA_COLLECTION_EXCHANGES=binance_futures"), "{text}");
    assert!(text.contains("DATA_COLLECTION_MAX_CANDLES=25000000"), "{text}");
}
