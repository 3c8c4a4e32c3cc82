//! Two instances on one state, and many clients at once.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{DIP, World};

async fn statuses(world: &World) -> Vec<(String, String)> {
    let page = world.get("strategies/EmaCross/configs?limit=500").await.expect(200);
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(item, "config_id"), text(item, "status")))
        .collect()
}

fn active(statuses: &[(String, String)]) -> Vec<&str> {
    statuses.iter().filter(|(_, status)| status == "active").map(|(id, _)| id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_version_is_active_whoever_activates() {
    let one = Arc::new(World::new());
    let two = Arc::new(one.beside());
    let mut ids = Vec::new();
    for stake in 1..=8 {
        ids.push(one.push(&format!(r#"{{"stake_amount": {stake}}}"#)).await);
    }
    one.post(&format!("strategies/EmaCross/configs/{}/activate", ids[0]), "").await.expect(200);
    let watching = {
        let two = two.clone();
        tokio::spawn(async move {
            for _ in 0..200 {
                let statuses = statuses(&two).await;
                assert_eq!(active(&statuses).len(), 1, "{statuses:?}");
            }
        })
    };
    let clients = (0..32).map(|client| {
        let (world, ids) = (if client % 2 == 0 { one.clone() } else { two.clone() }, ids.clone());
        tokio::spawn(async move {
            for round in 0..8 {
                let id = &ids[(client + round) % ids.len()];
                let reply = world.post(&format!("strategies/EmaCross/configs/{id}/activate"), "").await;
                assert_eq!(reply.expect(200)["status"], "active");
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    watching.await.unwrap();
    let (here, there) = (statuses(&one).await, statuses(&two).await);
    assert_eq!(here, there);
    assert_eq!(active(&here).len(), 1);
    assert_eq!(
        one.get("strategies/EmaCross/configs/active").await.expect(200)["config_id"],
        active(&here)[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_config_pushed_at_once_is_one_version() {
    let one = Arc::new(World::new());
    let two = Arc::new(one.beside());
    let clients = (0..24).map(|client| {
        let world = if client % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let body = r#"{"config_data": {"stake_amount": 9}}"#;
            world.post("strategies/EmaCross/configs", body).await.status
        })
    });
    let statuses: Vec<u16> = join_all(clients).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)));
    assert_eq!(one.get("strategies/EmaCross/configs").await.json()["items"].as_array().unwrap().len(), 1);
}

/// Everybody read the same file and wants to put another one in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_replace_one_file_one_does() {
    let one = Arc::new(World::new());
    let two = Arc::new(one.beside());
    let etag = one.post_file("strategies/Dip/register", DIP, &[]).await.header("etag").to_owned();
    let clients = (0..12).map(|client| {
        let (world, etag) = (if client % 2 == 0 { one.clone() } else { two.clone() }, etag.clone());
        tokio::spawn(async move {
            let text = DIP.replace("1.0.0", &format!("2.0.{client}"));
            let reply = world.post_file("strategies/Dip/register", &text, &[("if-match", &etag)]).await;
            (reply.status, text)
        })
    });
    let replies: Vec<(u16, String)> = join_all(clients).await.into_iter().map(Result::unwrap).collect();
    let won: Vec<&String> =
        replies.iter().filter(|(status, _)| *status == 200).map(|(_, text)| text).collect();
    assert_eq!(won.len(), 1);
    assert!(replies.iter().all(|(status, _)| matches!(status, 200 | 412)));
    assert_eq!(two.get("strategies/Dip").await.json()["text"].as_str(), Some(won[0].as_str()));
}
