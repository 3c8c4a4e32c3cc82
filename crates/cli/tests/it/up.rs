//! `tradai up` as a process: what it says, what it refuses, how it ends.

use std::net::TcpListener;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::platform::{self, Platform, get};
use crate::program::{Answer, Place};

fn refused(place: &Place, arguments: &str, environment: &[(&str, &str)]) -> Answer {
    place.run_in(&format!("up {arguments}"), environment)
}

#[test]
fn every_service_is_up_and_ends_together() {
    let place = Place::new();
    let mut platform = Platform::start(&place, "");
    for (service, name) in [
        ("backend", "backend"),
        ("data_collection", "data-collection"),
        ("strategy_service", "strategy-service"),
    ] {
        let url = platform.url(service).to_owned();
        assert_eq!(get(&format!("{url}/api/v1/health")).status, 200, "{service}");
        assert_eq!(get(&format!("{url}/api/v1/version")).json()["service"], name);
    }
    assert_eq!(platform.started["open_to_this_machine"], true);
    assert_eq!(platform.started["data_dir"], json!(place.path().join("tradai-data").canonicalize().unwrap()));
    platform.signal(Signal::SIGTERM);
    assert_eq!(platform.wait(), Some(0));
    // The folder is free again.
    let mut again = Platform::start(&place, "");
    again.signal(Signal::SIGINT);
    assert_eq!(again.wait(), Some(0));
}

#[test]
fn interrupted_twice_it_ends_at_once() {
    let place = Place::new();
    let mut command = platform::command(&place, "--free-ports");
    let mut platform = Platform::of(command.stderr(Stdio::piped()));
    // The first word waits for what is under way.
    let _held = platform::unfinished(&format!("{}/api/v1/backtests", platform.backend()));
    platform.signal(Signal::SIGINT);
    platform.until_said("once more (Ctrl-C) ends at once");
    platform.signal(Signal::SIGINT);
    assert_eq!(platform.wait(), Some(130));
    // Nothing of it holds the folder.
    let mut again = Platform::start(&place, "");
    again.signal(Signal::SIGTERM);
    assert_eq!(again.wait(), Some(0));
}

#[test]
fn a_new_key_opens_the_platform_that_is_told_of_it() {
    let place = Place::new();
    let made = place.run("--json new-key ann viewer").ok().json();
    let (key, item) = (made["key"].as_str().unwrap(), made["item"].as_str().unwrap());
    let mut command = platform::command(&place, "--free-ports");
    let platform = Platform::of(command.env("BACKEND_API_KEYS", item));
    let jobs = |key: &str| {
        let url = format!("{}/api/v1/backtests", platform.backend());
        platform::get_with(&url, &format!("Authorization: Bearer {key}\r\n")).status
    };
    assert_eq!((jobs(key), jobs("another")), (200, 401));
    let said = place.run("new-key ann viewer").ok().out;
    assert!(
        said.contains("shown this once") && said.contains("ann:viewer:") && !said.contains(key),
        "{said}"
    );
    let of_a_service = place.run("--json new-key backend trader --service").ok().json();
    assert!(of_a_service["item"].as_str().unwrap().ends_with(":service"), "{of_a_service}");
    for wrong in ["new-key", "new-key a:b viewer", "new-key ann king"] {
        assert_eq!(place.run(wrong).code, 2, "{wrong}");
    }
}

#[test]
fn a_folder_has_one_platform() {
    let place = Place::new();
    let platform = Platform::start(&place, "");
    let second = refused(&place, "--free-ports", &[]);
    assert_eq!(second.code, 4, "{}", second.err);
    for part in ["tradai-data is in use", platform.backend(), "--data-dir"] {
        assert!(second.err.contains(part), "`{part}` is missing in {}", second.err);
    }
    let _beside = Platform::of(&mut platform::command(&place, "--free-ports --data-dir other"));
}

#[test]
fn taken_ports_are_named_before_anything_starts() {
    let place = Place::new();
    let (one, two) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    let answer = refused(
        &place,
        "",
        &[
            ("BACKEND_PORT", &port(&one)),
            ("STRATEGY_SERVICE_PORT", &port(&two)),
            ("DATA_COLLECTION_PORT", "0"),
        ],
    );
    assert_eq!(answer.code, 6, "{}", answer.err);
    for part in [
        &format!("port {} of the backend is taken (BACKEND_PORT", port(&one)),
        &format!("port {} of the strategy-service is taken (STRATEGY_SERVICE_PORT", port(&two)),
        "--port-offset",
    ] {
        assert!(answer.err.contains(part), "`{part}` is missing in {}", answer.err);
    }
    assert!(!place.path().join("tradai-data/state.db").exists(), "nothing was started");
}

#[test]
fn settings_are_checked_all_at_once() {
    let place = Place::new();
    let answer = refused(
        &place,
        "--host 0.0.0.0",
        &[("BACKEND_MAX_CONNECTIONS", "0"), ("DATA_COLLECTION_EXCHANGES", "nowhere"), ("LOG_FORMAT", "loud")],
    );
    assert_eq!(answer.code, 2, "{}", answer.err);
    for part in ["BACKEND_HOST", "STRATEGY_SERVICE_HOST", "BACKEND_MAX_CONNECTIONS", "`nowhere` is not known"]
    {
        assert!(answer.err.contains(part), "`{part}` is missing in {}", answer.err);
    }
    assert_eq!(answer.err.matches("`loud`").count(), 1, "a shared fault is told once: {}", answer.err);
    let apart = refused(&place, "--free-ports", &[("BACKEND_DATA_DIR", "elsewhere")]);
    assert_eq!(apart.code, 2);
    assert!(apart.err.contains("BACKEND_DATA_DIR") && apart.err.contains("--data-dir"), "{}", apart.err);
    let beyond = refused(&place, "--port-offset 60000", &[]);
    assert_eq!((beyond.code, beyond.err.contains("more than 65535")), (2, true), "{}", beyond.err);
}

#[test]
fn the_demo_begins_with_candles_a_strategy_and_an_exchange() {
    let place = Place::new();
    let mut platform = Platform::start(&place, "--demo");
    let demo = place.path().join("tradai-data/demo");
    assert!(demo.join("strategies/MyFirst/tradai.yaml").is_file());
    let stored = place.run("--data-dir tradai-data/demo data list").ok();
    assert!(stored.out.contains("SYNTHETIC"), "{}", stored.out);
    let data = String::from_utf8(get(&format!("{}/data", platform.backend())).body).unwrap();
    assert!(data.contains("Imported") && data.contains("SYNTHETIC"), "{data}");
    let ticker = get(&format!("{}/api/v3/ticker/price", platform.url("sandbox"))).json();
    assert_eq!(ticker.as_array().unwrap().len(), 2, "{ticker}");
    let exchanges = get(&format!("{}/api/v1/exchanges", platform.url("data_collection"))).json().to_string();
    assert!(exchanges.contains("\"sandbox\"") && exchanges.contains("\"sandbox_futures\""), "{exchanges}");
    platform.signal(Signal::SIGTERM);
    assert_eq!(platform.wait(), Some(0));
    // What a user changed stays.
    place.file("tradai-data/demo/strategies/MyFirst/tradai.yaml", "changed");
    drop(Platform::start(&place, "--demo"));
    let kept = std::fs::read_to_string(demo.join("strategies/MyFirst/tradai.yaml")).unwrap();
    assert_eq!(kept, "changed");
}
