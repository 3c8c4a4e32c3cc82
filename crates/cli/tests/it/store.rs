//! Candles that are kept elsewhere.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::program::Place;

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_REGION", "us-east-1")];

#[test]
fn another_folder() {
    let place = Place::new();
    let sample = "data sample --symbols BTC/USDT --timeframes 1h --start 2023-01-01 --end 2023-02-01";
    place.run(&format!("--store elsewhere {sample}")).ok();
    assert!(place.path().join("elsewhere/ohlcv").is_dir());
    assert!(!place.path().join("tradai-data").exists());
    let list = place.run_in("--json data list", &[("TRADAI_STORE", "elsewhere")]).ok().json();
    assert_eq!(list["series"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn locations_that_cannot_be_used() {
    let place = Place::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = format!("s3://bucket/x?endpoint=http://{closed}");
    for (location, code, says) in [
        ("gs://bucket", 2, "allowed are a directory, file:///DIR, s3://BUCKET/PREFIX and memory:"),
        ("s3://bucket?secret_access_key=hush", 2, "`secret_access_key` does not belong in a location"),
        ("s3://test:hush@bucket", 2, "s3://BUCKET/PREFIX"),
        (&down, 6, "cannot be reached; check the endpoint"),
    ] {
        let answer = place.run_in(&format!("--store {location} data list"), &KEYS);
        assert_eq!(answer.code, code, "{location}: {}", answer.err);
        assert!(answer.err.contains(says), "{location}: {}", answer.err);
        assert!(!answer.err.contains("hush"), "{location}: {}", answer.err);
    }
    let help = place.run_in("--help", &[("TRADAI_STORE", "s3://test:hush@bucket")]).ok();
    assert!(help.out.contains("TRADAI_STORE") && !help.out.contains("hush"), "{}", help.out);
}

#[test]
fn a_backtest_on_candles_in_a_bucket() {
    let Ok(server) = std::env::var("TRADAI_TEST_S3") else {
        eprintln!("skipped: candles in a bucket (TRADAI_TEST_S3 is not set)");
        return;
    };
    let mut stream = TcpStream::connect(server.trim_start_matches("http://")).unwrap();
    let request = "PUT /tradai-cli HTTP/1.1\r\nHost: s3\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_to_string(&mut String::new()).unwrap();

    let place = Place::new();
    let prefix = place.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.');
    let location = format!("s3://tradai-cli/{prefix}?endpoint={server}");
    let run = |line: &str| place.run_in(&format!("--store {location} {line}"), &KEYS).ok();
    run("data sample --symbols BTC/USDT,ETH/USDT --timeframes 5m,1h --start 2023-01-01 --end 2023-03-01");
    let there = run("--json backtest run EmaCross").json();
    run("verify latest");
    let shown = run("data show BTC/USDT 1h --as-of 1").out;
    assert!(shown.contains("2023-01-01"), "{shown}");
    run("data export BTC/USDT 1h --to btc.csv");
    assert!(place.path().join("btc.csv").is_file());

    let here = Place::new().with_candles().run("--json backtest run EmaCross").ok().json();
    assert_eq!(there["statistics"], here["statistics"]);
}
