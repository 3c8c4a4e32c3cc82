//! What a queue in a database bounds, and several of them in one.

use std::sync::Arc;
use std::time::Duration;

use tradai_domain::ports::{OutgoingMessage, Queue, ReceivedMessage};
use tradai_domain::{ErrorKind, ManualClock};
use tradai_embedded::{Database, QueueSettings, SqliteQueue};

fn message(group: &str, id: &str, body: &str) -> OutgoingMessage {
    OutgoingMessage {
        group: group.to_owned(),
        dedup_id: id.to_owned(),
        attributes: Vec::new(),
        body: body.to_owned(),
    }
}

fn queue(database: &Database, name: &str, settings: QueueSettings, clock: &Arc<ManualClock>) -> SqliteQueue {
    SqliteQueue::new(database.clone(), name, settings, clock.clone())
}

/// The same groups, dedup ids and receipts in both: nothing that is done to one is seen in the other.
#[tokio::test]
async fn queues_of_one_database_are_apart() {
    let (database, clock) = (Database::in_memory().unwrap(), Arc::new(ManualClock::at(1_000)));
    let settings = QueueSettings { max_receives: 1, ..QueueSettings::default() };
    let (one, other) =
        (queue(&database, "one", settings, &clock), queue(&database, "other", settings, &clock));
    let sent = one.send(&message("g", "a", "of one")).await.unwrap();
    assert_ne!(other.send(&message("g", "a", "of other")).await.unwrap(), sent);
    assert_eq!(one.send(&message("g", "a", "again")).await.unwrap(), sent);

    let bodies = |messages: &[ReceivedMessage]| -> Vec<String> {
        messages.iter().map(|message| message.body.clone()).collect()
    };
    let of_one = one.receive(10, Duration::ZERO).await.unwrap();
    assert_eq!(bodies(&of_one), ["of one"]);
    assert!(!other.delete(&of_one[0].receipt).await.unwrap());
    assert!(!other.extend(&of_one[0].receipt, Duration::ZERO).await.unwrap());
    // The group of the same name does not wait for what is in flight in the first queue.
    let of_other = other.receive(10, Duration::ZERO).await.unwrap();
    assert_eq!(bodies(&of_other), ["of other"]);
    assert!(other.delete(&of_other[0].receipt).await.unwrap());

    clock.advance(30_000);
    assert!(other.receive(10, Duration::ZERO).await.unwrap().is_empty());
    assert!(one.dead_letters(10).await.unwrap().is_empty(), "it is dead once its own queue is looked into");
    assert!(one.receive(10, Duration::ZERO).await.unwrap().is_empty());
    assert_eq!(one.dead_letters(10).await.unwrap()[0].body, "of one");
    assert!(other.dead_letters(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn bodies_and_numbers_have_the_bounds_of_sqs() {
    let (database, clock) = (Database::in_memory().unwrap(), Arc::new(ManualClock::at(1_000)));
    let queue = queue(&database, "q", QueueSettings { max_receives: 0, ..QueueSettings::default() }, &clock);
    queue.send(&message("long", "long", &"x".repeat(262_144))).await.unwrap();
    let refused = queue.send(&message("g", "longer", &"x".repeat(262_145))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert_eq!(refused.message, "a message has 262145 bytes; 262144 are allowed");
    for number in 0..12 {
        queue.send(&message(&number.to_string(), &number.to_string(), "")).await.unwrap();
    }
    let long = queue.receive(0, Duration::ZERO).await.unwrap();
    assert_eq!((long.len(), long[0].body.len()), (1, 262_144), "at least one, and once at least");
    assert_eq!(queue.receive(100, Duration::ZERO).await.unwrap().len(), 10);
    assert_eq!(queue.receive(100, Duration::ZERO).await.unwrap().len(), 2);
}
