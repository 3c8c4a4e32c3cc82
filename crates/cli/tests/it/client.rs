//! Commands that talk to a platform, or do without.

use serde_json::Value;

use crate::lossy::Lossy;
use crate::platform::Platform;
use crate::program::{Answer, Place};

/// A command that looks for the platform itself: on its data folder.
fn run(place: &Place, line: &str) -> Answer {
    place.run_in(line, &[("TRADAI_URL", "")])
}

fn says(answer: &Answer, code: i32, parts: &[&str]) {
    let text = format!("{}{}", answer.out, answer.err);
    assert_eq!(answer.code, code, "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

#[test]
fn a_job_is_submitted_watched_shown_and_listed() {
    let place = Place::new().with_candles();
    let platform = Platform::start(&place, "");
    let watched = run(&place, "backtest submit EmaCross --pairs BTC/USDT --watch").ok();
    says(&watched, 0, &["Results by exit reason", "completed, on SYNTHETIC candles", "report.html"]);
    let accepted = run(&place, "--json backtest submit EmaCross --idempotency-key once").ok().json();
    let again = run(&place, "--json backtest submit EmaCross --idempotency-key once").ok().json();
    assert_eq!(accepted["job_id"], again["job_id"], "the key stands for one job");
    let id = accepted["job_id"].as_str().unwrap();
    let ended = run(&place, &format!("--json backtest watch {}", &id[..id.len() - 2])).ok().json();
    assert_eq!((&ended["status"], &ended["progress"]), (&"completed".into(), &1.0.into()));
    let folder = run(&place, "--json backtest list").ok().json();
    // From elsewhere, by its address.
    let elsewhere = Place::new();
    let url = [("TRADAI_URL", platform.backend())];
    let listed = elsewhere.run_in("--json backtest list", &url).ok().json();
    let ids = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|job| job["job_id"].clone()).collect()
    };
    assert_eq!(ids(&listed), ids(&folder));
    let shown = elsewhere.run_in("--json backtest show latest", &url).ok().json();
    assert_eq!(shown["statistics"]["total_trades"], folder[0]["result"]["total_trades"]);
    says(&elsewhere.run_in("backtest show latest", &url), 0, &["Results by exit reason"]);
    says(&run(&place, &format!("backtest cancel {id}")), 4, &["completed"]);
}

#[test]
fn a_job_that_fails_says_why_and_so_does_a_refusal() {
    let place = Place::new();
    let _platform = Platform::start(&place, "");
    // There are no candles.
    says(&run(&place, "backtest submit EmaCross --pairs BTC/USDT --watch"), 1, &["failed", "BTC/USDT"]);
    says(&run(&place, "backtest list"), 0, &["EmaCross", "failed"]);
    says(&run(&place, "backtest show latest"), 1, &["failed", "BTC/USDT"]);
    let refused = run(&place, "backtest submit EmaCross --pairs BTC/USDT,nonsense --timeframe 7m");
    says(&refused, 2, &["symbols[1]", "timeframe"]);
    let refused = run(&place, "--json backtest submit EmaCross --timeframe 7m");
    assert_eq!(refused.json()["error"]["problem"]["errors"][0]["pointer"], "/timeframe");
    says(&run(&place, "backtest submit Mine/tradai.yaml"), 2, &["strategy stage"]);
    says(&run(&place, "backtest watch 0123"), 3, &["0123"]);
}

#[test]
fn nobody_there_is_said_with_what_to_do() {
    let place = Place::new();
    let nobody = [("TRADAI_URL", "http://127.0.0.1:1")];
    says(&place.run_in("backtest submit EmaCross", &nobody), 6, &["127.0.0.1:1", "tradai up"]);
    says(&place.run_in("config list EmaCross", &nobody), 6, &["nobody listens there"]);
    says(&place.run_in("backtest list", &[("TRADAI_URL", "ftp://x")]), 2, &["ftp://x", "http://"]);
    says(&place.run("backtest submit EmaCross"), 6, &["tradai up"]);
}

/// The versions of a strategy's config: id and status, newest first.
fn versions(answer: &Answer) -> Vec<(String, String)> {
    let text = |version: &Value, key: &str| version[key].as_str().unwrap().to_owned();
    let listed = answer.json();
    listed.as_array().unwrap().iter().map(|v| (text(v, "config_id"), text(v, "status"))).collect()
}

#[test]
fn config_versions_are_the_same_with_a_platform_and_without() {
    let place = Place::new();
    place.file("small.yaml", "stake_amount: 100\nmax_open_trades: 2\n");
    place.file("large.json", r#"{"stake_amount": 1000, "parameters": {"fast": 9}}"#);
    place.file("wrong.yaml", "stake_amount: 100\nparameters: {fast: 9999}\n");
    let small = place.run("--json config push EmaCross small.yaml --description cautious").ok().json();
    let small = small["config_id"].as_str().unwrap().to_owned();
    says(&place.run("config push EmaCross small.yaml"), 0, &["has it already", &small]);
    says(&place.run("config push EmaCross wrong.yaml"), 2, &["fast"]);
    says(&place.run("config push Nobody small.yaml"), 3, &["Nobody"]);
    says(&place.run("config show EmaCross"), 3, &["active"]);
    says(&place.run(&format!("config activate EmaCross {small}")), 0, &[&small]);

    let _platform = Platform::start(&place, "");
    let large = run(&place, "--json config push EmaCross large.json --activate").ok().json();
    assert_eq!((&large["status"], &large["superseded"]), (&"active".into(), &small.as_str().into()));
    let large = large["config_id"].as_str().unwrap().to_owned();
    let listed = run(&place, "--json config list EmaCross").ok();
    let expected = [(large.clone(), "active".to_owned()), (small.clone(), "deprecated".to_owned())];
    assert_eq!(versions(&listed), expected);
    assert_eq!(versions(&place.run("--json config list EmaCross").ok()), expected, "without it, too");
    let diff = run(&place, &format!("config diff EmaCross {small} {large}")).ok();
    says(&diff, 0, &["stake_amount", "100", "1000", "max_open_trades", "parameters"]);
    says(&run(&place, "config resolve EmaCross"), 0, &["stake_amount", "1000", &large, "tradai.yaml"]);
    says(&run(&place, &format!("config show EmaCross {small}")), 0, &["cautious", "deprecated"]);
    says(&run(&place, &format!("config deprecate EmaCross {large}")), 0, &["out of use"]);
}

#[test]
fn a_strategy_is_staged_and_then_run_by_name() {
    let place = Place::new().with_candles();
    let platform = Platform::start(&place, "");
    place.run("strategy new Mine --from EmaCross").ok();
    let stage = "strategy stage Mine/tradai.yaml";
    says(&run(&place, &format!("{stage} --version 9.9.9")), 2, &["9.9.9", "strategy.version"]);
    let staged = run(&place, &format!("--json {stage}")).ok().json();
    assert_eq!(
        (&staged["staged"]["file"], &staged["staged"]["config"]["status"]),
        (&"created".into(), &"draft".into())
    );
    says(&run(&place, stage), 0, &["unchanged"]);
    let job = run(&place, "--json backtest submit Mine --pairs BTC/USDT --watch").ok().json();
    assert_eq!(job["strategy"], "Mine");
    // Its strategy-service is at a port that nobody can guess.
    let listed = place.run(&format!("--json strategy list --url {}", platform.backend())).ok().json();
    let mine = listed.as_array().unwrap().iter().find(|strategy| strategy["name"] == "Mine").unwrap();
    assert_eq!(mine["source"], "folder");

    let path = place.path().join("Mine/tradai.yaml");
    let changed = format!("{}\n# changed\n", std::fs::read_to_string(&path).unwrap());
    std::fs::write(&path, changed).unwrap();
    says(&run(&place, stage), 4, &["Mine"]);
    says(&run(&place, &format!("{stage} --replace")), 0, &["replaced"]);
}

#[test]
fn a_staged_version_is_tested_before_it_is_activated() {
    let place = Place::new().with_candles();
    let _platform = Platform::start(&place, "");
    place.run("strategy new Mine --from EmaCross").ok();
    let staged = |options: &str| {
        let staged = run(&place, &format!("--json strategy stage Mine/tradai.yaml {options}")).ok().json();
        (
            staged["staged"]["config"]["config_id"].as_str().unwrap().to_owned(),
            staged["active_config"].clone(),
        )
    };
    let (first, in_use) = staged("");
    assert_eq!(in_use, Value::Null);
    says(&run(&place, "strategy stage Mine/tradai.yaml"), 0, &["In use: no stored version"]);
    run(&place, &format!("config activate Mine {first}")).ok();

    let path = place.path().join("Mine/tradai.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("max_open_trades: 3"), "{text}");
    std::fs::write(&path, text.replace("max_open_trades: 3", "max_open_trades: 1")).unwrap();
    let told = run(&place, "strategy stage Mine/tradai.yaml --replace").ok();
    let (second, in_use) = staged("");
    assert_eq!(in_use, first.as_str());
    let next = format!("tradai backtest submit Mine --config-id {second}, then");
    says(&told, 0, &[&format!("In use: {first} stays"), &next]);
    // What is told is what tests the version that was staged.
    let submit = format!("backtest submit Mine --config-id {second} --pairs BTC/USDT --watch");
    run(&place, &submit).ok();
    let shown = run(&place, "--json backtest show latest").ok().json();
    assert_eq!(shown["settings"]["max_open_trades"], 1);
    run(&place, "backtest submit Mine --pairs BTC/USDT --watch").ok();
    let shown = run(&place, "--json backtest show latest").ok().json();
    assert_ne!(shown["settings"]["max_open_trades"], 1, "the active version");
}

#[test]
fn a_submission_whose_answer_is_lost_makes_one_job() {
    let place = Place::new();
    let platform = Platform::start(&place, "");
    let lossy = Lossy::before(platform.backend(), 2);
    let accepted = place.run_in("--json backtest submit EmaCross", &[("TRADAI_URL", &lossy.url)]).ok().json();
    let jobs = run(&place, "--json backtest list").ok().json();
    let ids: Vec<&Value> = jobs.as_array().unwrap().iter().map(|job| &job["job_id"]).collect();
    assert_eq!(ids, [&accepted["job_id"]]);
    assert_eq!(lossy.keys().len(), 3);

    let deaf = Lossy::before(platform.backend(), usize::MAX);
    let lost = place.run_in("backtest submit EmaCross", &[("TRADAI_URL", &deaf.url)]);
    let keys = deaf.keys();
    assert!(keys.len() > 1 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    says(&lost, 6, &["the connection broke", &format!("--idempotency-key {}", keys[0])]);
    let again = run(&place, &format!("--json backtest submit EmaCross --idempotency-key {}", keys[0])).ok();
    let jobs = run(&place, "--json backtest list").ok().json();
    assert_eq!((jobs.as_array().unwrap().len(), &jobs[0]["job_id"]), (2, &again.json()["job_id"]));
}

#[test]
fn a_folder_that_is_named_has_no_platform_but_its_own() {
    let place = Place::new();
    let answer = place.run_in("--data-dir prod backtest submit EmaCross", &[("TRADAI_URL", "")]);
    says(&answer, 6, &["no platform runs on prod", "--url"]);
}
