//! Laws of [`IdempotencyRepository`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tradai_domain::Millis;
use tradai_domain::ports::{Claim, IdempotencyRepository, REPLY_TTL_MS};

type Port = Arc<dyn IdempotencyRepository>;

const LEASE: Duration = Duration::from_secs(60);

async fn begin(port: &Port, key: &str, print: u8, now: Millis) -> Claim {
    port.begin(key, [print; 32], now, LEASE).await.unwrap()
}

/// A key is taken, and replayed for a day after its reply.
pub async fn takes_then_replays(port: Port) {
    assert_eq!(begin(&port, "k", 1, 0).await, Claim::New);
    assert_eq!(begin(&port, "k", 1, 1).await, Claim::InFlight);
    assert_eq!(begin(&port, "k", 2, 1).await, Claim::OtherRequest);
    assert_eq!(begin(&port, "other", 2, 1).await, Claim::New);
    port.complete("k", b"done".to_vec(), 10).await.unwrap();
    port.release("k").await.unwrap();
    assert_eq!(begin(&port, "k", 1, REPLY_TTL_MS + 9).await, Claim::Replay(b"done".to_vec()));
    assert_eq!(begin(&port, "k", 2, REPLY_TTL_MS + 9).await, Claim::OtherRequest);
    assert_eq!(begin(&port, "k", 2, REPLY_TTL_MS + 10).await, Claim::New);
}

/// A key that was given back is free, and so is one whose holder is gone.
pub async fn frees_what_is_released_or_abandoned(port: Port) {
    assert_eq!(begin(&port, "k", 1, 0).await, Claim::New);
    port.release("k").await.unwrap();
    port.release("k").await.unwrap();
    assert_eq!(begin(&port, "k", 2, 0).await, Claim::New);
    assert_eq!(begin(&port, "k", 2, 59_999).await, Claim::InFlight);
    assert_eq!(begin(&port, "k", 3, 60_000).await, Claim::New);
}

/// Of concurrent first requests one is new.
pub async fn one_is_first(port: Port) {
    let claims = join_all((0..8).map(|_| begin(&port, "k", 1, 0))).await;
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::New).count(), 1);
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::InFlight).count(), 7);
}

/// A key that nobody took is not made by completing it.
pub async fn completing_a_free_key_does_nothing(port: Port) {
    port.complete("k", b"x".to_vec(), 0).await.unwrap();
    assert_eq!(begin(&port, "k", 1, 1).await, Claim::New);
}
