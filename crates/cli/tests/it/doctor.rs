//! `tradai doctor`: what it finds, and that it leaves nothing behind.

use std::net::TcpListener;

use serde_json::Value;

use crate::platform::Platform;
use crate::program::Place;

/// Ports that nobody listens on: those of the documents may be somebody's on this machine.
fn free_ports() -> Vec<(&'static str, String)> {
    let held: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports = held.iter().map(|listener| listener.local_addr().unwrap().port().to_string());
    ["BACKEND_PORT", "DATA_COLLECTION_PORT", "STRATEGY_SERVICE_PORT"].into_iter().zip(ports).collect()
}

/// What the doctor says of each check, by its name.
fn examine(place: &Place, environment: &[(&str, String)]) -> (i32, Value) {
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = place.run_in("--json doctor", &environment);
    let answered = answer.json();
    let checks = answered["checks"].as_array().unwrap().iter();
    let by_name = checks.map(|check| (check["name"].as_str().unwrap().to_owned(), check.clone())).collect();
    (answer.code, Value::Object(by_name))
}

#[test]
fn an_empty_folder_is_fit_and_stays_empty() {
    let place = Place::new();
    let (code, checks) = examine(&place, &free_ports());
    assert_eq!(code, 0, "{checks:#}");
    assert!(checks["data folder"]["detail"].as_str().unwrap().contains("can be made"), "{checks:#}");
    assert!(checks["port of the backend"]["detail"].as_str().unwrap().contains("is free"), "{checks:#}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn what_stands_in_the_way_is_named_with_advice() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut environment = free_ports();
    environment[0].1 = taken.local_addr().unwrap().port().to_string();
    place.file("tradai-data/state.db", "no database at all, and longer than its header would be".repeat(20));
    let (code, checks) = examine(&place, &environment);
    assert_eq!(code, 1);
    assert_eq!(checks["port of the backend"]["status"], "fail", "{checks:#}");
    assert!(
        checks["port of the backend"]["advice"].as_str().unwrap().contains("--port-offset"),
        "{checks:#}"
    );
    assert_eq!(checks["port of data-collection"]["status"], "ok", "{checks:#}");
    assert_eq!(checks["state"]["status"], "fail", "{checks:#}");
    assert!(checks["state"]["detail"].as_str().unwrap().contains("state.db"), "{checks:#}");
    let (_, checks) = examine(&place, &[("BACKEND_MAX_CONNECTIONS", "0".to_owned())]);
    assert!(checks["settings"]["detail"].as_str().unwrap().contains("BACKEND_MAX_CONNECTIONS"), "{checks:#}");
}

#[test]
fn a_platform_on_another_folder_stands_in_the_way() {
    let (place, other) = (Place::new(), Place::new());
    let platform = Platform::start(&other, "");
    let services = [
        ("BACKEND_PORT", "backend", "port of the backend"),
        ("DATA_COLLECTION_PORT", "data_collection", "port of data-collection"),
        ("STRATEGY_SERVICE_PORT", "strategy_service", "port of the strategy-service"),
    ];
    let port = |service| platform.url(service).rsplit_once(':').unwrap().1.to_owned();
    let environment = services.map(|(variable, service, _)| (variable, port(service)));
    let (code, checks) = examine(&place, &environment);
    assert_eq!(code, 1, "{checks:#}");
    for (_, _, name) in services {
        let check = &checks[name];
        assert_eq!(check["status"], "fail", "{check:#}");
        assert!(check["detail"].as_str().unwrap().contains("a platform on another folder"), "{check:#}");
        assert!(check["advice"].as_str().unwrap().contains("--port-offset"), "{check:#}");
    }
    let variables = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(place.run_in("up", &variables).code, 6, "the doctor is right");
}

#[test]
fn a_platform_that_runs_is_recognised() {
    let place = Place::new();
    let platform = Platform::start(&place, "");
    let (code, checks) = examine(&place, &[]);
    assert_eq!(code, 0, "{checks:#}");
    let found = checks["port of the backend"]["detail"].as_str().unwrap();
    assert!(found.contains("answers at") && found.contains(platform.backend()), "{found}");
    assert_eq!(checks["jobs"]["detail"], "none is under way");
    assert!(checks["data folder"]["detail"].as_str().unwrap().contains("written and locked"), "{checks:#}");
}
