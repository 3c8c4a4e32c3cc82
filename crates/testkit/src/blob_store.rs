//! Laws of [`BlobStore`].

use std::sync::Arc;

use futures_util::future::join_all;
use tradai_domain::ports::{BlobKey, BlobStore};

type Port = Arc<dyn BlobStore>;

fn key(text: &str) -> BlobKey {
    text.parse().unwrap()
}

async fn keys(port: &Port, folder: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let listed = port.list(&key(folder), after.map(key).as_ref(), limit).await.unwrap();
    listed.into_iter().map(|entry| entry.key.to_string()).collect()
}

/// An object comes back as it was put, empty ones too, and the later put wins.
pub async fn returns_what_was_put(port: Port) {
    assert_eq!(port.get(&key("a/b")).await.unwrap(), None);
    for bytes in [b"one".to_vec(), Vec::new(), vec![0_u8, 255]] {
        port.put(&key("a/b"), bytes.clone()).await.unwrap();
        assert_eq!(port.get(&key("a/b")).await.unwrap(), Some(bytes));
    }
    assert!(port.uri(&key("a/b")).ends_with("/a/b"));
}

/// Of concurrent conditional puts one succeeds, and its payload stays.
pub async fn puts_if_absent(port: Port) {
    let outcomes = join_all((0..8_u8).map(|n| {
        let port = port.clone();
        async move { port.put_if_absent(&key("k"), vec![n; 1_000]).await.unwrap() }
    }))
    .await;
    let winner = outcomes.iter().position(|&put| put).unwrap();
    assert_eq!(outcomes.iter().filter(|&&put| put).count(), 1);
    assert_eq!(port.get(&key("k")).await.unwrap(), Some(vec![u8::try_from(winner).unwrap(); 1_000]));
    assert!(!port.put_if_absent(&key("k"), Vec::new()).await.unwrap());
}

/// A reader sees whole payloads only, however often they change.
pub async fn readers_see_whole_payloads(port: Port) {
    port.put(&key("k"), vec![0; 100_000]).await.unwrap();
    let writes = join_all((1..=8_u8).map(|n| {
        let port = port.clone();
        async move { port.put(&key("k"), vec![n; 100_000 + usize::from(n)]).await.unwrap() }
    }));
    let reads = join_all((0..32).map(|_| {
        let port = port.clone();
        async move {
            let bytes = port.get(&key("k")).await.unwrap().unwrap();
            assert!(bytes.iter().all(|&byte| byte == bytes[0]));
            assert_eq!(bytes.len(), 100_000 + usize::from(bytes[0]));
        }
    }));
    futures_util::future::join(writes, reads).await;
}

/// A list has what lies in the folder and nothing beside it, in order and in pages.
pub async fn lists_a_folder_in_order(port: Port) {
    for name in ["jobs/7/b", "jobs/7/a/x", "jobs/7/c", "jobs/70/a", "jobs/7.json", "other"] {
        port.put(&key(name), b"12345".to_vec()).await.unwrap();
    }
    assert_eq!(keys(&port, "jobs/7", None, 10).await, ["jobs/7/a/x", "jobs/7/b", "jobs/7/c"]);
    assert_eq!(keys(&port, "jobs/7", Some("jobs/7/a/x"), 1).await, ["jobs/7/b"]);
    assert!(keys(&port, "nothing", None, 10).await.is_empty());
    let listed = port.list(&key("jobs"), None, 1).await.unwrap();
    assert_eq!(listed[0].size_bytes, 5);
}

/// A deleted object is gone, and deleting it again is no error.
pub async fn deletes(port: Port) {
    port.put(&key("a/b"), vec![1]).await.unwrap();
    port.delete(&key("a/b")).await.unwrap();
    port.delete(&key("a/b")).await.unwrap();
    assert_eq!(port.get(&key("a/b")).await.unwrap(), None);
    assert!(keys(&port, "a", None, 10).await.is_empty());
    assert!(port.put_if_absent(&key("a/b"), vec![2]).await.unwrap());
}
