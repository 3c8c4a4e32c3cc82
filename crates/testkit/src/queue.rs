//! Laws of [`Queue`], for one with a visibility timeout of [`VISIBILITY`] and [`MAX_RECEIVES`] receipts whose time is
//! told by a clock that the law moves.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tradai_domain::ManualClock;
use tradai_domain::ports::{DEDUP_MS, OutgoingMessage, Queue, ReceivedMessage};

/// How long a message that was received stays invisible.
pub const VISIBILITY: Duration = Duration::from_secs(30);
/// How often a message is received before it becomes a dead letter.
pub const MAX_RECEIVES: u32 = 3;

const VISIBILITY_MS: i64 = 30_000;

/// The queue and its clock.
pub type Port = (Arc<dyn Queue>, Arc<ManualClock>);

fn message(group: &str, id: &str) -> OutgoingMessage {
    OutgoingMessage {
        group: group.to_owned(),
        dedup_id: id.to_owned(),
        attributes: vec![("trace_id".to_owned(), "t".to_owned())],
        body: format!("body of {id}"),
    }
}

async fn take(queue: &Arc<dyn Queue>, most: usize) -> Vec<ReceivedMessage> {
    queue.receive(most, Duration::ZERO).await.unwrap()
}

fn bodies(messages: &[ReceivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.body.trim_start_matches("body of ")).collect()
}

/// A message arrives as it was sent, and a deleted one never again.
pub async fn delivers_and_deletes((queue, clock): Port) {
    assert!(take(&queue, 1).await.is_empty());
    let id = queue.send(&message("g", "a")).await.unwrap();
    let received = take(&queue, 10).await.remove(0);
    assert_eq!((&received.id, received.group.as_str(), received.receive_count), (&id, "g", 1));
    assert_eq!(received.attributes, message("g", "a").attributes);
    assert_eq!(received.body, "body of a");
    assert!(queue.delete(&received.receipt).await.unwrap());
    assert!(!queue.delete(&received.receipt).await.unwrap());
    clock.advance(VISIBILITY_MS + 1);
    assert!(take(&queue, 1).await.is_empty());
    assert!(!queue.delete("no receipt").await.unwrap());
}

/// Groups are in order, and wait for their earlier messages; other groups do not.
pub async fn keeps_order_within_a_group((queue, _): Port) {
    for (group, id) in [("g", "a"), ("g", "b"), ("h", "c"), ("g", "d")] {
        queue.send(&message(group, id)).await.unwrap();
    }
    let first = take(&queue, 1).await;
    assert_eq!(bodies(&first), ["a"]);
    let other = take(&queue, 10).await;
    assert_eq!(bodies(&other), ["c"], "the group of a message in flight waits");
    assert!(queue.delete(&first[0].receipt).await.unwrap());
    assert_eq!(bodies(&take(&queue, 10).await), ["b", "d"]);
    assert!(take(&queue, 10).await.is_empty());
}

/// A message that is not deleted comes back after its timeout, before later ones of its group; its old receipt is
/// worth nothing then.
pub async fn redelivers_after_the_timeout((queue, clock): Port) {
    queue.send(&message("g", "a")).await.unwrap();
    queue.send(&message("g", "b")).await.unwrap();
    let first = take(&queue, 1).await.remove(0);
    clock.advance(VISIBILITY_MS - 1);
    assert!(take(&queue, 1).await.is_empty());
    clock.advance(1);
    assert!(!queue.delete(&first.receipt).await.unwrap(), "its time is over, though nobody has it yet");
    assert!(!queue.extend(&first.receipt, VISIBILITY).await.unwrap());
    let second = take(&queue, 1).await.remove(0);
    assert_eq!((second.body.as_str(), second.receive_count), ("body of a", 2));
    assert!(!queue.delete(&first.receipt).await.unwrap());
    assert!(!queue.extend(&first.receipt, VISIBILITY).await.unwrap());
    assert!(queue.delete(&second.receipt).await.unwrap());
    assert_eq!(bodies(&take(&queue, 1).await), ["b"]);
}

/// A receiver that needs longer keeps its message; one that gives it up lets it come back at once.
pub async fn extends_visibility((queue, clock): Port) {
    queue.send(&message("g", "a")).await.unwrap();
    let first = take(&queue, 1).await.remove(0);
    clock.advance(VISIBILITY_MS - 1);
    assert!(queue.extend(&first.receipt, VISIBILITY).await.unwrap());
    clock.advance(VISIBILITY_MS - 1);
    assert!(take(&queue, 1).await.is_empty());
    assert!(queue.extend(&first.receipt, Duration::ZERO).await.unwrap());
    assert_eq!(take(&queue, 1).await[0].receive_count, 2);
}

/// A message that nobody can deal with becomes a dead letter, and its group goes on.
pub async fn gives_up_after_so_many_receipts((queue, clock): Port) {
    queue.send(&message("g", "poison")).await.unwrap();
    queue.send(&message("g", "b")).await.unwrap();
    for count in 1..=MAX_RECEIVES {
        let received = take(&queue, 1).await.remove(0);
        assert_eq!((received.body.as_str(), received.receive_count), ("body of poison", count));
        assert!(take(&queue, 1).await.is_empty());
        assert!(queue.dead_letters(10).await.unwrap().is_empty(), "whoever has it may still deal with it");
        clock.advance(VISIBILITY_MS);
    }
    assert_eq!(bodies(&take(&queue, 10).await), ["b"]);
    let dead = queue.dead_letters(10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].body.as_str(), dead[0].receive_count), ("body of poison", MAX_RECEIVES));
    assert_eq!(queue.dead_letters(10).await.unwrap(), dead);
}

/// Whoever has a message for the last time may still be done with it.
pub async fn takes_the_last_receipt_for_as_good_as_any((queue, clock): Port) {
    queue.send(&message("g", "a")).await.unwrap();
    for _ in 1..MAX_RECEIVES {
        take(&queue, 1).await;
        clock.advance(VISIBILITY_MS);
    }
    let last = take(&queue, 1).await.remove(0);
    assert!(take(&queue, 1).await.is_empty());
    assert!(queue.extend(&last.receipt, VISIBILITY).await.unwrap());
    assert!(queue.delete(&last.receipt).await.unwrap());
    clock.advance(VISIBILITY_MS);
    assert!(take(&queue, 1).await.is_empty());
    assert!(queue.dead_letters(10).await.unwrap().is_empty());
}

/// A message is stored once, however often it is sent, until its dedup id is forgotten.
pub async fn recognises_a_message_sent_again((queue, clock): Port) {
    let outcomes = join_all((0..8).map(|_| {
        let queue = queue.clone();
        async move { queue.send(&message("g", "a")).await.unwrap() }
    }))
    .await;
    assert!(outcomes.iter().all(|id| *id == outcomes[0]));
    let received = take(&queue, 10).await;
    assert_eq!(received.len(), 1);
    assert!(queue.delete(&received[0].receipt).await.unwrap());
    clock.advance(DEDUP_MS - 1);
    assert_eq!(queue.send(&message("g", "a")).await.unwrap(), outcomes[0]);
    assert!(take(&queue, 1).await.is_empty());
    clock.advance(1);
    assert_ne!(queue.send(&message("g", "a")).await.unwrap(), outcomes[0]);
    assert_eq!(take(&queue, 1).await.len(), 1);
}

/// Of concurrent receivers each message reaches one.
pub async fn gives_a_message_to_one_receiver((queue, _): Port) {
    for n in 0..20 {
        queue.send(&message(&format!("g{n}"), &n.to_string())).await.unwrap();
    }
    let taken = join_all((0..8).map(|_| {
        let queue = queue.clone();
        async move { take(&queue, 5).await }
    }))
    .await;
    let mut ids: Vec<String> = taken.into_iter().flatten().map(|message| message.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

/// A receiver that waits gets a message that is sent meanwhile.
pub async fn wakes_who_waits((queue, _): Port) {
    let receiver = {
        let queue = queue.clone();
        tokio::spawn(async move { queue.receive(1, Duration::from_secs(60)).await.unwrap() })
    };
    tokio::task::yield_now().await;
    queue.send(&message("g", "a")).await.unwrap();
    assert_eq!(bodies(&receiver.await.unwrap()), ["a"]);
}
