//! Staging a strategy at the backend.

use serde_json::{Value, json};
use tradai_platform::settings::{Inputs, load};
use tradai_service::Shutdown;
use tradai_service::axum::http::Request;

use crate::submission::serve;
use crate::support::{BACKTESTS, Reply, World, json_request, request};

fn item(name: &str, role: &str) -> String {
    format!("{name}:{role}:{}", blake3::hash(format!("key-of-{name}").as_bytes()).to_hex())
}

/// The backend, whose people are tom and vera, before a strategy service that knows the backend's own key.
async fn world() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let service = format!("{}:service", item("backend", "trader"));
    let inputs = Inputs::default()
        .variable("TRADAI_DATA_DIR", folder.path().to_str().unwrap())
        .variable("STRATEGY_SERVICE_API_KEYS", &[service, item("ada", "admin")].join(","));
    let settings = load::<tradai_strategy_service::Settings>(&inputs).unwrap().settings;
    let app = tradai_strategy_service::start(&settings, &Shutdown::manual()).await.unwrap();
    let strategies = serve(app.router).await;
    let world = World::with(&[
        ("BACKEND_STRATEGY_SERVICE_URL", &strategies),
        ("BACKEND_PEER_API_KEY", "key-of-backend"),
        ("BACKEND_API_KEYS", &[item("tom", "trader"), item("vera", "viewer")].join(",")),
    ]);
    (world, folder)
}

async fn send(world: &World, who: &str, method: &str, path: &str, body: &Value) -> Reply {
    let request = Request::builder().method(method).uri(path).header("x-api-key", format!("key-of-{who}"));
    world.send(json_request(request.header("host", "localhost"), body)).await
}

async fn stage(world: &World, name: &str, body: &Value) -> Reply {
    send(world, "tom", "POST", &format!("/api/v1/strategies/{name}/stage"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_is_staged_for_whoever_asks() {
    let (world, folder) = world().await;
    let bundled = stage(&world, "EmaCross", &json!({})).await;
    assert_eq!(bundled.status, 200, "{}", bundled.text);
    assert_eq!(bundled.json()["active_config"], Value::Null);
    let shown = send(&world, "tom", "GET", "/api/v1/strategies/EmaCross", &Value::Null).await.json();
    let text = shown["text"].as_str().unwrap().replace("EmaCross", "Mine");
    let first = stage(&world, "Mine", &json!({"file": text})).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.json()["staged"]["file"], "created");
    assert_eq!(first.json()["staged"]["config"]["status"], "draft");
    assert_eq!(stage(&world, "Mine", &json!({"file": text})).await.json()["staged"]["file"], "unchanged");
    // Another file of the name takes its place only when asked to.
    let other = format!("{text}\n# another\n");
    let refused = stage(&world, "Mine", &json!({"file": other})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let replaced = stage(&world, "Mine", &json!({"file": other, "replace": true})).await;
    assert_eq!(replaced.json()["staged"]["file"], "replaced", "{}", replaced.text);
    let shown = send(&world, "vera", "GET", "/api/v1/strategies/Mine", &Value::Null).await.json();
    assert_eq!(shown["text"], other, "what was remembered of it is forgotten");
    let wiring = tradai_platform::wiring::Wiring::open(
        &tradai_platform::settings::sections::StateSettings::new(folder.path().to_owned()),
        [],
    )
    .unwrap();
    let entries = wiring.audit.list(None, 100).await.unwrap();
    assert!(!entries.is_empty());
    for (_, entry) in entries {
        assert_eq!((entry.actor.as_str(), entry.via.as_deref()), ("tom", Some("backend")), "{entry:?}");
    }
}

/// What a strategy can run is remembered for a while, and not beyond a change that was made here.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_checked_by_the_file_that_was_staged_last() {
    let (world, _folder) = world().await;
    let shown = send(&world, "tom", "GET", "/api/v1/strategies/EmaCross", &Value::Null).await.json();
    let text = shown["text"].as_str().unwrap().replace("EmaCross", "Mine");
    assert_eq!(stage(&world, "Mine", &json!({"file": text})).await.status, 200);
    let mut job = request("Mine");
    job["parameters"] = json!({"fast": 30});
    let submit = async || send(&world, "tom", "POST", BACKTESTS, &job).await;
    assert_eq!(submit().await.status, 202);
    let narrow = text.replace("range: [5, 30]", "range: [5, 20]");
    let replaced = stage(&world, "Mine", &json!({"file": narrow, "replace": true})).await;
    assert_eq!(replaced.json()["staged"]["file"], "replaced", "{}", replaced.text);
    let refused = submit().await;
    assert_eq!(
        (refused.status, &refused.json()["errors"][0]["pointer"]),
        (422, &json!("/parameters/fast")),
        "{}",
        refused.text
    );
    assert_eq!(stage(&world, "Mine", &json!({"file": text, "replace": true})).await.status, 200);
    assert_eq!(submit().await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_staged_is_refused_as_the_strategy_service_says() {
    let (world, _folder) = world().await;
    assert_eq!(stage(&world, "Nobody", &json!({})).await.status, 404);
    assert_eq!(stage(&world, "a%20b", &json!({})).await.status, 404);
    let broken = stage(&world, "Mine", &json!({"file": "strategy: {name: Mine\n"})).await;
    assert_eq!(
        (broken.status, &broken.json()["errors"][0]["pointer"]),
        (422, &json!("/file")),
        "{}",
        broken.text
    );
    let viewer = send(&world, "vera", "POST", "/api/v1/strategies/EmaCross/stage", &json!({})).await;
    assert_eq!(viewer.code(), "AUTH002");
    let away = World::new();
    let reply = away.post("/api/v1/strategies/EmaCross/stage", &json!({})).await;
    assert_eq!(reply.status, 503, "{}", reply.text);
}
