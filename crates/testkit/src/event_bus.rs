//! Laws of [`EventBus`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tradai_domain::JobId;
use tradai_domain::jobs::{JobEvent, JobEventKind, Progress};
use tradai_domain::ports::{Delivery, EventBus, EventSubscription, MAX_EVENTS};

use crate::sample::{job, job_id};

type Port = Arc<dyn EventBus>;

/// Longer than any machine takes; a law that waits so long is broken.
const PATIENCE: Duration = Duration::from_secs(60);

fn progressed(n: u32, thousandths: u64) -> JobEvent {
    let progress = Progress::of(thousandths, 1_000);
    let created = JobEvent::created(&job(n));
    JobEvent { kind: JobEventKind::Progress { progress }, ..created }
}

async fn numbers(port: &Port, job: Option<JobId>, after: u64) -> Vec<u64> {
    port.read(job, after).await.unwrap().events.iter().map(|event| event.seq).collect()
}

async fn next(subscription: &mut EventSubscription) -> Delivery {
    tokio::time::timeout(PATIENCE, subscription.next()).await.unwrap().unwrap()
}

/// Numbers grow from 1 in the order of publication, and events come back as they were told.
pub async fn numbers_what_it_is_told(port: Port) {
    assert_eq!(port.newest().await.unwrap(), 0);
    assert!(port.read(None, 0).await.unwrap().events.is_empty());
    let told = [JobEvent::created(&job(1)), JobEvent::created(&job(2)), progressed(1, 10)];
    for (index, event) in told.iter().enumerate() {
        assert_eq!(port.publish(event).await.unwrap(), u64::try_from(index + 1).unwrap());
    }
    let batch = port.read(None, 0).await.unwrap();
    assert_eq!(batch.events.iter().map(|event| event.event.clone()).collect::<Vec<_>>(), told);
    assert_eq!((batch.read_to, batch.missed_to, port.newest().await.unwrap()), (3, None, 3));
}

/// A reader goes on after the number it has, in one job's events or all.
pub async fn resumes_after_a_number(port: Port) {
    for n in [1, 2, 1, 2, 1] {
        let told = port.newest().await.unwrap();
        port.publish(&progressed(n, told)).await.unwrap();
    }
    assert_eq!(numbers(&port, None, 3).await, [4, 5]);
    assert_eq!(numbers(&port, Some(job_id(1)), 0).await, [1, 3, 5]);
    assert_eq!(numbers(&port, Some(job_id(2)), 2).await, [4]);
    assert_eq!(port.read(Some(job_id(2)), 4).await.unwrap().read_to, 5);
}

/// An event that was told is not told again.
pub async fn tells_an_event_once(port: Port) {
    let event = progressed(1, 5);
    let outcomes = join_all((0..8).map(|_| port.publish(&event))).await;
    assert!(outcomes.into_iter().all(|seq| seq.unwrap() == 1));
    assert_eq!(port.publish(&progressed(1, 6)).await.unwrap(), 2);
    assert_eq!(port.publish(&event).await.unwrap(), 1);
    assert_eq!(port.newest().await.unwrap(), 2);
}

/// A subscriber that waits is woken by the next event.
pub async fn wakes_who_waits(port: Port) {
    let mut subscription = EventSubscription::new(port.clone(), Some(job_id(1)), 0);
    let publisher = {
        let port = port.clone();
        tokio::spawn(async move {
            port.publish(&progressed(2, 1)).await.unwrap();
            tokio::task::yield_now().await;
            port.publish(&progressed(1, 1)).await.unwrap()
        })
    };
    let Delivery::Event(event) = next(&mut subscription).await else { panic!("missed an event") };
    assert_eq!(event.seq, publisher.await.unwrap());
    assert_eq!(event.event, progressed(1, 1));
}

/// A subscriber that does not read holds up neither publishers nor other subscribers, and gets all in the end.
pub async fn a_slow_subscriber_holds_up_nobody(port: Port) {
    let mut slow = EventSubscription::new(port.clone(), None, 0);
    let mut quick = EventSubscription::new(port.clone(), None, 0);
    let many = u64::try_from(MAX_EVENTS).unwrap() + 10;
    for n in 0..many {
        let event = progressed(u32::try_from(n).unwrap(), 1);
        tokio::time::timeout(PATIENCE, port.publish(&event)).await.unwrap().unwrap();
        assert!(matches!(next(&mut quick).await, Delivery::Event(event) if event.seq == n + 1));
    }
    for n in 0..many {
        assert!(matches!(next(&mut slow).await, Delivery::Event(event) if event.seq == n + 1));
    }
}

/// Whatever a log forgets, its reader is told; what it has not forgotten follows without a gap.
pub async fn tells_what_was_missed(port: Port) {
    let mut told = 0;
    // Enough for any log that forgets at all in tests; fixtures give one that keeps few.
    for n in 0..200 {
        told = port.publish(&progressed(n, 1)).await.unwrap();
    }
    let mut subscription = EventSubscription::new(port.clone(), None, 0);
    let mut expected = 1;
    while expected <= told {
        match next(&mut subscription).await {
            Delivery::Missed { to } => {
                assert_eq!(expected, 1, "only the oldest are forgotten");
                assert!((1..told).contains(&to));
                expected = to + 1;
            }
            Delivery::Event(event) => {
                assert_eq!(event.seq, expected);
                expected += 1;
            }
        }
    }
    let batch = port.read(None, told).await.unwrap();
    assert_eq!((batch.missed_to, batch.read_to), (None, told));
    // The nth of these happened at n.
    let oldest = port.read(None, 0).await.unwrap().events[0].clone();
    let since = port.remembered_since().await.unwrap();
    assert_eq!(since, (oldest.seq > 1).then_some(oldest.event.at));
}
