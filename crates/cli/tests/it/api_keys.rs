//! API keys of a platform that runs.

use std::process::Stdio;

use serde_json::Value;

use crate::platform::{Platform, command};
use crate::program::{Answer, Place};

/// A command as the holder of a key.
fn run(place: &Place, key: &str, line: &str) -> Answer {
    place.run_in(line, &[("TRADAI_URL", ""), ("TRADAI_API_KEY", key)])
}

#[test]
fn a_key_is_made_used_at_every_service_and_revoked() {
    let place = Place::new();
    let root = place.run("--json new-key root admin").ok().json();
    let (root, item) = (root["key"].as_str().unwrap().to_owned(), root["item"].as_str().unwrap().to_owned());
    let mut up = command(&place, "--free-ports");
    for service in ["BACKEND", "STRATEGY_SERVICE", "DATA_COLLECTION"] {
        up.env(format!("{service}_API_KEYS"), &item);
    }
    let _platform = Platform::of(up.stderr(Stdio::null()));

    let made = run(&place, &root, "--json api-key create ci viewer --expires 2999-01-01").ok().json();
    let key = made["key"].as_str().unwrap();
    assert_eq!((&made["name"], &made["role"]), (&"ci".into(), &"viewer".into()));
    let again = run(&place, &root, "api-key create ci viewer");
    assert_eq!(again.code, 4, "{}", again.err);
    assert_eq!(run(&place, &root, "api-key create ci owner").code, 2);
    let listed = run(&place, &root, "api-key list").ok();
    assert!(
        listed.out.contains("settings:root") && listed.out.contains(&key[key.len() - 4..]),
        "{}",
        listed.out
    );
    assert!(!listed.out.contains(key), "{}", listed.out);
    // A viewer reads, at the backend and at the strategy-service, and manages no keys.
    let strategies: Value = until_ok(|| run(&place, key, "--json strategy list")).json();
    assert!(strategies.as_array().is_some_and(|all| !all.is_empty()), "{strategies}");
    let refused = run(&place, key, "api-key list");
    assert!(refused.code == 2 && refused.err.contains("role admin"), "{}", refused.err);

    assert_eq!(run(&place, &root, "api-key revoke root").code, 4, "it is one of the settings");
    assert_eq!(run(&place, &root, "api-key revoke nobody").code, 3);
    run(&place, &root, "api-key revoke ci").ok();
    let refused = run(&place, key, "api-key list");
    assert!(refused.code == 2 && refused.err.contains("TRADAI_API_KEY"), "{}", refused.err);
}

/// Other services learn of a key within seconds.
fn until_ok(ask: impl Fn() -> Answer) -> Answer {
    for _ in 0..200 {
        let answer = ask();
        if answer.code == 0 {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    ask().ok()
}
