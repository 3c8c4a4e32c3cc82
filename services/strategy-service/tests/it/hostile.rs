//! Bodies that are none, callers who may not, files that want too much.

use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::support::{DIP, World};

#[tokio::test]
async fn bodies_that_are_no_files() {
    let world = World::new();
    let send = async |kind: &str, body: Vec<u8>| {
        let request = Request::post("/api/v1/strategies/validate").header("content-type", kind);
        world.send(request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(send("image/png", b"x".to_vec()).await.problem().1, "VAL003");
    assert_eq!(send("application/yaml", vec![0xff, 0xfe]).await.problem().1, "VAL001");
    assert_eq!(send("application/yaml", vec![b'a'; 2 * 1024 * 1024]).await.problem().1, "VAL004");
    assert_eq!(send("text/plain; charset=utf-8", Vec::new()).await.json()["valid"], false);
    // Aliases that would come to 9^30 values.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", ")));
    }
    for text in [bomb.as_str(), &"[".repeat(100_000), "\u{0}", "a: \u{0}\nb: \u{feff}", "%YAML 9.9\n---\n"] {
        let reply = send("application/yaml", text.as_bytes().to_vec()).await;
        assert_eq!(
            (reply.status, &reply.json()["valid"]),
            (200, &serde_json::json!(false)),
            "{}",
            reply.text
        );
    }
}

#[tokio::test]
async fn roles_are_asked_for() {
    let key = |role: &str| (format!("{role}-key"), blake3::hash(format!("{role}-key").as_bytes()).to_hex());
    let [viewer, trader] = ["viewer", "trader"].map(key);
    let keys = format!("vic:viewer:{},tom:trader:{}", viewer.1, trader.1);
    let world = World::with(&[("STRATEGY_SERVICE_API_KEYS", keys.as_str())]);
    let config = r#"{"config_data": {"stake_amount": 5}}"#;
    let [viewer, trader] = [viewer.0, trader.0].map(|key| format!("Bearer {key}"));
    let push = async |who: &str| {
        world.post_with("strategies/EmaCross/configs", config, &[("authorization", who)]).await
    };
    assert_eq!(world.get("strategies").await.problem().0, 401);
    assert_eq!(push(&viewer).await.problem().0, 403);
    let id = push(&trader).await.expect(201)["config_id"].as_str().unwrap().to_owned();
    for (path, body) in [
        (format!("strategies/EmaCross/configs/{id}/activate"), ""),
        (format!("strategies/EmaCross/configs/{id}/deprecate"), ""),
        ("strategies/Dip/register".to_owned(), DIP),
    ] {
        let who = [("authorization", viewer.as_str())];
        assert_eq!(world.post_file(&path, body, &who).await.problem().0, 403, "{path}");
        let who = [("authorization", trader.as_str())];
        assert!(world.post_file(&path, body, &who).await.status < 300, "{path}");
    }
    let who = [("authorization", viewer.as_str())];
    assert_eq!(world.post_file("strategies/validate", DIP, &who).await.status, 200);
    assert_eq!(world.post_with("strategies/merge", "{}", &who).await.status, 200);
    assert!(world.audit().await.iter().all(|entry| entry.starts_with("tom ")));
}
