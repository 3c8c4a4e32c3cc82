//! API keys over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use tradai_domain::ErrorKind;
use tradai_domain::access::{ApiKeyId, ApiKeyRecord};
use tradai_domain::ports::{ApiKeyRepository, CreatedApiKey, NewApiKey, PortError};
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;

use crate::support::{Reply, World, json_request};

const KEYS: &str = "/api/v1/api-keys";
const ADA: &str = "key-of-ada";

/// A service whose admin is ada, and whose trader tom.
fn world() -> World {
    World::with(&[("BACKEND_API_KEYS", &keys_of_settings())])
}

fn keys_of_settings() -> String {
    let item = |name: &str, role: &str| {
        format!("{name}:{role}:{}", blake3::hash(format!("key-of-{name}").as_bytes()).to_hex())
    };
    [item("ada", "admin"), item("tom", "trader")].join(",")
}

/// Keys that cannot be read any more once one was deleted.
struct LostByDelete {
    inner: Arc<dyn ApiKeyRepository>,
    is_lost: AtomicBool,
}

#[async_trait]
impl ApiKeyRepository for LostByDelete {
    async fn create(&self, key: &NewApiKey) -> Result<CreatedApiKey, PortError> {
        self.inner.create(key).await
    }

    async fn list(&self) -> Result<Vec<ApiKeyRecord>, PortError> {
        if self.is_lost.load(Ordering::SeqCst) {
            return Err(PortError::new(ErrorKind::Unavailable, "lost"));
        }
        self.inner.list().await
    }

    async fn delete(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, PortError> {
        self.is_lost.store(true, Ordering::SeqCst);
        self.inner.delete(id).await
    }
}

async fn send(world: &World, key: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
    let request =
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    let request = request.header("host", "localhost");
    world
        .send(match body {
            Some(body) => json_request(request, body),
            None => request.body(Body::empty()).unwrap(),
        })
        .await
}

async fn create(world: &World, body: &Value) -> Reply {
    send(world, ADA, "POST", KEYS, Some(body)).await
}

#[tokio::test]
async fn a_key_is_shown_once_lets_in_and_is_revoked() {
    let world = world();
    let body = json!({"name": "ci", "role": "trader", "expires_at": "2999-01-01"});
    let made = create(&world, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let document = made.json();
    let (id, key) = (document["id"].as_str().unwrap(), document["key"].as_str().unwrap());
    assert_eq!(made.header("location"), format!("{KEYS}/{id}"));
    assert_eq!(document["expires_at"], "2999-01-01T00:00:00.000Z");
    let me = send(&world, key, "GET", "/api/v1/me", None).await.json();
    assert_eq!((&me["name"], &me["role"]), (&json!("ci"), &json!("trader")));

    let list = send(&world, ADA, "GET", KEYS, None).await;
    let names: Vec<_> =
        list.json()["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert_eq!(names, ["ada", "ci", "tom"]);
    let shown = send(&world, ADA, "GET", &format!("{KEYS}/{id}"), None).await;
    assert_eq!(shown.json()["ending"], key[key.len() - 4..]);
    assert_eq!(shown.json()["created_by"], "ada");
    let hash = blake3::hash(key.as_bytes()).to_hex();
    for text in [&list.text, &shown.text] {
        assert!(!text.contains(key) && !text.contains(hash.as_str()), "{text}");
    }
    let state = std::fs::read(world.folder.path().join("state.db-wal")).unwrap();
    let holds = |wanted: &[u8]| state.windows(wanted.len()).any(|window| window == wanted);
    assert!(
        holds(hash.as_bytes()) && !holds(key.as_bytes()),
        "the hash is kept, and nothing else of the key"
    );

    assert_eq!(send(&world, ADA, "DELETE", &format!("{KEYS}/{id}"), None).await.status, 204);
    assert_eq!(send(&world, key, "GET", "/api/v1/me", None).await.code(), "AUTH001");
    assert_eq!(send(&world, ADA, "DELETE", &format!("{KEYS}/{id}"), None).await.status, 404);
    let audit = send(&world, ADA, "GET", "/api/v1/audit", None).await.json();
    let entry = |at: usize| (audit["items"][at]["action"].clone(), audit["items"][at]["subject"].clone());
    assert_eq!(entry(0), (json!("api_key.revoke"), json!(format!("ci/{id}"))));
    assert_eq!(entry(1), (json!("api_key.create"), json!("ci")));
}

#[tokio::test]
async fn a_revoked_key_ends_at_once_also_while_keys_cannot_be_read() {
    let world = World::new();
    let keys = LostByDelete { inner: world.wiring.api_keys.clone(), is_lost: AtomicBool::new(false) };
    let world = world.with_api_keys(Arc::new(keys), &[("BACKEND_API_KEYS", &keys_of_settings())]);
    let made = create(&world, &json!({"name": "ci", "role": "trader"})).await.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert_eq!(send(&world, key, "GET", "/api/v1/me", None).await.status, 200);
    assert_eq!(send(&world, ADA, "DELETE", &format!("{KEYS}/{id}"), None).await.status, 204);
    assert_eq!(send(&world, key, "GET", "/api/v1/me", None).await.code(), "AUTH001");
}

#[tokio::test]
async fn a_repeated_request_makes_no_other_key_and_shows_none() {
    let world = world();
    let body = json!({"name": "ci", "role": "viewer"});
    let keyed = async |body: &Value| {
        let request = Request::post(KEYS).header("x-api-key", ADA).header("idempotency-key", "once");
        world.send(json_request(request, body)).await
    };
    let first = keyed(&body).await;
    let again = keyed(&body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"), "{}", again.text);
    assert_eq!((&again.json()["id"], &again.json()["key"]), (&first.json()["id"], &Value::Null));
    assert_eq!(keyed(&json!({"name": "other", "role": "viewer"})).await.status, 422);
    assert_eq!(create(&world, &body).await.status, 409);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let world = world();
    for (body, pointer) in [
        (json!({"name": "a b", "role": "viewer"}), "/name"),
        (json!({"name": "local", "role": "viewer"}), "/name"),
        (json!({"name": "tom", "role": "viewer"}), "/name"),
        (json!({"name": "ci", "role": "owner"}), "/role"),
        (json!({"name": "ci", "role": "viewer", "expires_at": "soon"}), "/expires_at"),
        (json!({"name": "ci", "role": "viewer", "expires_at": "2001-01-01"}), "/expires_at"),
        (json!({"name": "ci", "role": "viewer", "scope": "service"}), "/scope"),
    ] {
        let reply = create(&world, &body).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    let of_settings = send(&world, ADA, "DELETE", &format!("{KEYS}/settings:tom"), None).await;
    assert_eq!(of_settings.status, 409, "{}", of_settings.text);
    for path in [format!("{KEYS}/settings:nobody"), format!("{KEYS}/x")] {
        assert_eq!(send(&world, ADA, "DELETE", &path, None).await.status, 404);
    }
    assert_eq!(send(&world, "key-of-tom", "GET", KEYS, None).await.code(), "AUTH002");
}

#[tokio::test]
async fn where_nobody_is_asked_no_key_is_made() {
    let world = World::new();
    let reply = world.post(KEYS, &json!({"name": "ci", "role": "admin"})).await;
    assert!(reply.status == 409 && reply.text.contains("BACKEND_API_KEYS"), "{}", reply.text);
    assert_eq!(world.get(KEYS).await.json()["items"], json!([]));
}
