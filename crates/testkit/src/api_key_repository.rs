//! Laws of [`ApiKeyRepository`].

use std::sync::Arc;

use futures_util::future::join_all;
use tradai_domain::Millis;
use tradai_domain::access::{ApiKeyId, ApiKeyRecord, KeyHash, Role};
use tradai_domain::ports::{
    ApiKeyRepository, CreatedApiKey, MAX_API_KEYS, NewApiKey, REPLY_TTL_MS, RequestKey,
};

use crate::sample::job_id;

type Port = Arc<dyn ApiKeyRepository>;

/// The time of every request that does not say otherwise.
const NOW: Millis = 1_000;

fn key(n: u32, name: &str) -> NewApiKey {
    let record = ApiKeyRecord {
        id: ApiKeyId(job_id(n).0),
        name: name.parse().unwrap(),
        role: Role::Trader,
        hash: KeyHash([u8::try_from(n % 256).unwrap(); 32]),
        ending: "wxyz".to_owned(),
        created_at: NOW,
        created_by: "ada".to_owned(),
        expires_at: Some(NOW + 1),
    };
    NewApiKey { record, request: None, now: NOW }
}

fn asked_by(key: NewApiKey, request: &str, fingerprint: u8) -> NewApiKey {
    let request = RequestKey { key: request.to_owned(), fingerprint: [fingerprint; 32] };
    NewApiKey { request: Some(request), ..key }
}

/// Keys come back as they were stored, ordered by name, until they are deleted.
pub async fn keeps_keys_until_they_are_deleted(port: Port) {
    let (b, a) = (key(1, "b"), key(2, "a"));
    for new in [&b, &a] {
        assert_eq!(port.create(new).await.unwrap(), CreatedApiKey::New);
    }
    assert_eq!(port.list().await.unwrap(), [a.record.clone(), b.record.clone()]);
    assert_eq!(port.delete(a.record.id).await.unwrap(), Some(a.record.clone()));
    assert_eq!(port.delete(a.record.id).await.unwrap(), None);
    assert_eq!(port.list().await.unwrap(), [b.record]);
}

/// Of concurrent requests for one name, one makes a key; a deleted key's name is free.
pub async fn a_name_stands_for_one_key(port: Port) {
    let made: Vec<CreatedApiKey> = join_all((1..=8).map(|n| {
        let port = port.clone();
        async move { port.create(&key(n, "ci")).await.unwrap() }
    }))
    .await;
    let count = |wanted: &CreatedApiKey| made.iter().filter(|created| *created == wanted).count();
    assert_eq!((count(&CreatedApiKey::New), count(&CreatedApiKey::NameTaken)), (1, 7), "{made:?}");
    let there = port.list().await.unwrap();
    assert_eq!(there.len(), 1);
    port.delete(there[0].id).await.unwrap();
    assert_eq!(port.create(&key(9, "ci")).await.unwrap(), CreatedApiKey::New);
}

/// A repeated request gets the key of the first one, for a day; with other content it is refused.
pub async fn a_request_makes_one_key(port: Port) {
    let first = asked_by(key(1, "ci"), "r", 1);
    assert_eq!(port.create(&first).await.unwrap(), CreatedApiKey::New);
    let again = asked_by(key(2, "ci"), "r", 1);
    let before = CreatedApiKey::Before(Box::new(first.record.clone()));
    assert_eq!(port.create(&again).await.unwrap(), before);
    let other = asked_by(key(3, "other"), "r", 2);
    assert_eq!(port.create(&other).await.unwrap(), CreatedApiKey::OtherRequest);
    // What made nothing binds nothing.
    let taken = asked_by(key(4, "ci"), "s", 1);
    assert_eq!(port.create(&taken).await.unwrap(), CreatedApiKey::NameTaken);
    let id = first.record.id;
    port.delete(id).await.unwrap();
    assert_eq!(port.create(&again).await.unwrap(), CreatedApiKey::Deleted(id));
    assert_eq!(port.create(&taken).await.unwrap(), CreatedApiKey::New);
    port.delete(taken.record.id).await.unwrap();
    let later = NewApiKey { now: NOW + REPLY_TTL_MS, ..again };
    assert_eq!(port.create(&later).await.unwrap(), CreatedApiKey::New);
}

/// No more keys are kept than every service can hold.
pub async fn no_more_keys_than_may(port: Port) {
    for n in 0..MAX_API_KEYS {
        let new = key(u32::try_from(n).unwrap() + 1, &format!("k{n}"));
        assert_eq!(port.create(&new).await.unwrap(), CreatedApiKey::New);
    }
    assert_eq!(port.create(&key(9_999, "more")).await.unwrap(), CreatedApiKey::TooMany);
    port.delete(port.list().await.unwrap()[0].id).await.unwrap();
    assert_eq!(port.create(&key(9_999, "more")).await.unwrap(), CreatedApiKey::New);
}
