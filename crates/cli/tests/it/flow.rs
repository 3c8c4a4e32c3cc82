//! Jobs of a platform that runs: what they come to, and that none gets lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::platform::{self, Platform, events, get, post};
use crate::program::Place;

/// As many as two cores have to take turns for.
const MANY: usize = 20;

fn submit(platform: &Platform, body: &Value) -> String {
    let reply = post(&format!("{}/api/v1/backtests", platform.backend()), body);
    assert_eq!(reply.status, 202, "{}", reply.json());
    reply.json()["job_id"].as_str().unwrap().to_owned()
}

/// The job once it has ended.
fn ended(backend: &str, id: &str) -> Value {
    loop {
        let job = get(&format!("{backend}/api/v1/backtests/{id}?wait=20")).json();
        if !matches!(job["status"].as_str(), Some("pending" | "running")) {
            return job;
        }
    }
}

/// What is told of a job from now on to its end: whether it moved, and where it got to.
fn follow(backend: &str, id: &str) -> JoinHandle<(Vec<f64>, String)> {
    let url = format!("{backend}/api/v1/backtests/{id}/events");
    std::thread::spawn(move || {
        let (mut progress, mut status) = (Vec::new(), String::new());
        for line in events(&url) {
            let Some(data) = line.strip_prefix("data:") else { continue };
            let event: Value = serde_json::from_str(data).unwrap();
            progress.extend(event["data"]["progress"].as_f64().filter(|_| event["type"] == "progress"));
            let stands = event["data"]["new_status"].as_str().or(event["data"]["status"].as_str());
            status = stands.map_or(status, str::to_owned);
        }
        (progress, status)
    })
}

/// The files of the job's folder, with the one id in place of the other. Manifest and report say when it ran.
fn assert_same_files(jobs: &Path, one: &str, other: &str) {
    for name in ["result.json", "trades.parquet", "equity.parquet"] {
        let read = |id: &str| std::fs::read(jobs.join(id).join(name)).unwrap();
        let (one_bytes, other_bytes) = (read(one), read(other));
        let told = match String::from_utf8(one_bytes.clone()) {
            Ok(text) => text.replace(one, other).into_bytes(),
            Err(_) => one_bytes,
        };
        assert!(told == other_bytes, "{name} of {one} and {other} differ");
    }
}

/// Submits over HTTP and runs the same by the command, on the same candles.
fn assert_equals_the_command(place: &Place, command: &str, body: &Value) {
    let platform = Platform::start(place, "");
    let id = submit(&platform, body);
    let job = ended(platform.backend(), &id);
    assert_eq!(job["status"], "completed", "{job:#}");
    let run = place.run(&format!("--json backtest run {command}")).ok().json();
    assert!(run["statistics"]["total_trades"].as_u64().unwrap() > 10, "{run:#}");
    let jobs = place.path().join("tradai-data/jobs");
    assert_same_files(&jobs, &id, run["job_id"].as_str().unwrap());
    let metrics = get(&format!("{}/api/v1/backtests/{id}/metrics", platform.backend())).json();
    assert_eq!(metrics["statistics"], run["statistics"]);
    place.run(&format!("verify {id}")).ok();
    // The command shows and lists it as its own.
    assert!(place.run("backtest list").ok().out.contains(&id));
    place.run(&format!("backtest show {id}")).ok();
}

/// Candles of exchanges, which a clone of the repository does not have.
fn real_candles() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("TRADAI_SHARED").unwrap_or_else(|_| default.to_owned());
    let market = PathBuf::from(shared).join("data/market");
    if market.is_dir() {
        return Some(market);
    }
    println!("skipped: no candles at {} (set TRADAI_SHARED)", market.display());
    None
}

#[test]
fn a_job_that_is_not_here_is_told_where_it_may_be() {
    let place = Place::new();
    let nowhere = place.run("verify 0123");
    assert_eq!(nowhere.code, 3, "{}", nowhere.err);
    for part in ["only tradai-data was looked at", "--data-dir", "POST /api/v1/backtests/0123/verify"] {
        assert!(nowhere.err.contains(part), "`{part}` is missing in {}", nowhere.err);
    }
    place.run("demo").ok();
    for command in ["verify", "backtest show"] {
        let answer = place.run(&format!("{command} latest"));
        assert_eq!(answer.code, 3, "{}", answer.err);
        let (_, advice) = answer.err.split_once("the demo has it: tradai ").unwrap();
        place.run(advice.trim()).ok();
    }
}

#[test]
fn a_job_equals_the_command_on_real_candles() {
    let Some(market) = real_candles() else { return };
    let place = Place::new();
    for pair in ["BTC", "ETH", "XRP"] {
        let file = market.join(format!("spot5m_2021__{pair}_USDT-5m.parquet"));
        place.run(&format!("data import {}", file.display())).ok();
    }
    assert_equals_the_command(
        &place,
        "EmaCross --timerange 20210201-20210401 --stake-amount 250 --param fast=9",
        &json!({
            "strategy": "EmaCross",
            "timerange": "20210201-20210401",
            "settings": {"stake_amount": 250.0},
            "parameters": {"fast": 9},
        }),
    );
}

#[test]
fn a_job_equals_the_command_on_sample_candles() {
    let place = Place::new().with_candles();
    assert_equals_the_command(
        &place,
        "EmaCross --pairs ETH/USDT,BTC/USDT --timerange 20230110-20230220 --max-open-trades 1",
        &json!({
            "strategy": "EmaCross",
            "symbols": ["ETH/USDT", "BTC/USDT"],
            "timerange": "20230110-20230220",
            "settings": {"max_open_trades": 1},
        }),
    );
}

/// So many candles that a job lasts, and has something to tell on its way.
fn minutes_of_half_a_year() -> Place {
    let place = Place::new();
    place
        .run("data sample --symbols BTC/USDT,ETH/USDT --timeframes 1m --start 2023-01-01 --end 2023-07-01")
        .ok();
    place
}

fn request(number: usize) -> Value {
    json!({"strategy": "EmaCross", "timeframe": "1m", "parameters": {"fast": 5 + number}})
}

#[test]
fn twenty_jobs_at_once_all_end_and_tell_how_far_they_are() {
    let place = minutes_of_half_a_year();
    let platform = Platform::start(&place, "");
    let mut followed = Vec::new();
    for number in 0..MANY {
        let id = submit(&platform, &request(number));
        followed.push((follow(platform.backend(), &id), id));
    }
    let mut ids = Vec::new();
    for (follower, id) in followed {
        let (progress, status) = follower.join().unwrap();
        assert_eq!(status, "completed", "{id}");
        assert!(!progress.is_empty() && progress.is_sorted(), "{id}: {progress:?}");
        ids.push(id);
    }
    assert_none_is_lost_or_double(&place, platform.backend(), &ids);
}

#[test]
fn jobs_survive_the_death_of_their_platform() {
    let place = minutes_of_half_a_year();
    let mut platform = Platform::start(&place, "");
    let ids: Vec<String> = (0..MANY).map(|number| submit(&platform, &request(number))).collect();
    for id in &ids[..3] {
        assert_eq!(ended(platform.backend(), id)["status"], "completed");
    }
    platform.signal(Signal::SIGKILL);
    assert_eq!(platform.wait(), None);
    let again = Platform::of(&mut platform::command(&place, "--free-ports"));
    for id in &ids {
        let job = ended(again.backend(), id);
        assert_eq!(job["status"], "completed", "{job:#}");
    }
    assert_none_is_lost_or_double(&place, again.backend(), &ids);
}

/// The platform knows these jobs and no others, each ran once and has its result.
fn assert_none_is_lost_or_double(place: &Place, backend: &str, ids: &[String]) {
    let page = get(&format!("{backend}/api/v1/backtests?limit=500")).json();
    let listed = page["items"].as_array().unwrap().iter();
    let listed: Vec<&str> = listed.map(|job| job["job_id"].as_str().unwrap()).collect();
    let submitted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(listed.len(), ids.len());
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), submitted);
    let folders = |name: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(place.path().join("tradai-data").join(name)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(folders("jobs"), ids.iter().cloned().collect());
    assert_eq!(folders("tasks").len(), ids.len(), "one process per job");
}
