//! Schedules over HTTP.

use serde_json::json;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::support::{Reply, World, json_request};

fn put(body: &str, revision: Option<&str>) -> Request<Body> {
    let mut request = json_request("PUT", "/api/v1/schedules", body);
    if let Some(revision) = revision {
        request.headers_mut().insert("if-match", revision.parse().unwrap());
    }
    request
}

const HOURLY: &str = r#"{"schedules": [{"name": "majors", "symbols": ["BTC/USDT:USDT"], "timeframe": "1h",
                         "start": "2024-01-01", "every": "hour"}]}"#;

#[tokio::test]
async fn they_are_replaced_only_by_who_has_read_them() {
    let world = World::new();
    let empty = world.get("/api/v1/schedules").await;
    assert_eq!((empty.header("etag"), &empty.json()["schedules"]), ("\"0\"", &json!([])));
    assert_eq!(world.send(put(HOURLY, None)).await.problem().0, 422);
    let replaced: Reply = world.send(put(HOURLY, Some("\"0\""))).await;
    assert_eq!((replaced.status, replaced.header("etag")), (200, "\"1\""), "{}", replaced.text);
    // It is 16:00 on 2024-02-11, a thousand hours after 2024-01-01.
    assert_eq!(replaced.json()["schedules"][0]["next_run"], "2024-02-11T16:01:00Z");
    let stale = world.send(put(r#"{"schedules": []}"#, Some("\"0\""))).await.problem();
    assert_eq!((stale.0, stale.1.as_str()), (412, "RES005"));
    for nonsense in ["*", "x", "\"x\"", "W/\"1\""] {
        assert_eq!(world.send(put(HOURLY, Some(nonsense))).await.problem().0, 412, "{nonsense}");
    }
    assert_eq!(world.get("/api/v1/schedules").await.json(), replaced.json());
}

#[tokio::test]
async fn wrong_ones_are_named() {
    let world = World::new();
    let body = r#"{"schedules": [{"name": "a", "timeframe": "1h", "every": "hour", "minute": 60},
        {"name": "b c", "timeframe": "1x", "every": "week", "symbols": ["nope"], "exchange": "OKX"}]}"#;
    let (status, _, errors) = world.send(put(body, Some("\"0\""))).await.problem();
    assert_eq!(status, 422);
    for pointer in
        ["/schedules/1/timeframe", "/schedules/1/every", "/schedules/1/symbols/0", "/schedules/1/exchange"]
    {
        assert!(errors.contains(pointer), "{pointer} in {errors}");
    }
    let body = r#"{"schedules": [{"name": "a", "timeframe": "1h", "every": "hour", "minute": 60}]}"#;
    let (_, _, errors) = world.send(put(body, Some("\"0\""))).await.problem();
    assert!(errors.contains("/schedules/0 the hour is from 0 to 23"), "{errors}");
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_collected() {
    let world = World::new();
    assert_eq!(world.send(put(HOURLY, Some("\"0\""))).await.status, 200);
    // The scheduler looks once before the clock moves, and once after.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    world.clock.advance(60_000);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let schedule =
        world.until("/api/v1/schedules", |reply| reply["schedules"][0]["last_job_id"].is_string()).await;
    let schedule = &schedule["schedules"][0];
    assert_eq!(schedule["last_run"], "2024-02-11T16:01:00Z");
    let path = format!("/api/v1/sync/{}", schedule["last_job_id"].as_str().unwrap());
    let done = world.until(&path, |job| job["status"] == "completed").await;
    assert_eq!(done["rows_synced"], 1_000);
}
