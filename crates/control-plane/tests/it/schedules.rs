//! Schedules: kept in revisions, and run when they are due.

use std::sync::Arc;

use tradai_control_plane::Error;
use tradai_control_plane::data::{Every, JobLimits, Schedule, Scheduler, Schedules, SyncJobs};
use tradai_domain::{Clock, SequentialIds, Timeframe};
use tradai_timeseries::Location;
use tradai_timeseries::port::StoreDocuments;

use crate::exchange::{HOUR, START, World};

fn hourly_schedule(name: &str) -> Schedule {
    Schedule {
        name: name.to_owned(),
        exchange: None,
        symbols: vec!["BTC/USDT".parse().unwrap()],
        timeframe: Timeframe::H1,
        start: Some(START),
        every: Every::Hour { minute: 1 },
        enabled: true,
    }
}

fn schedules() -> Schedules {
    Schedules::new(Arc::new(StoreDocuments::open(&Location::Memory).unwrap()))
}

#[tokio::test]
async fn of_two_who_change_them_the_second_must_read_again() {
    let (world, schedules) = (World::new(10), schedules());
    let exchanges = world.collector.exchanges();
    assert_eq!(schedules.load().await.unwrap().revision, 0);
    let book = schedules.replace(exchanges, 0, vec![hourly_schedule("a")]).await.unwrap();
    assert_eq!(book.revision, 1);
    let stale = schedules.replace(exchanges, 0, Vec::new()).await.unwrap_err();
    assert!(matches!(stale, Error::StaleRevision { current: 1, given: 0, .. }), "{stale}");
    assert_eq!(schedules.load().await.unwrap(), book, "what was refused changed nothing");
}

#[tokio::test]
async fn schedules_that_make_no_sense_are_refused_all_at_once() {
    let (world, schedules) = (World::new(10), schedules());
    let wrong = Schedule {
        name: "a b".to_owned(),
        exchange: "kraken".parse().ok(),
        every: Every::Day { hour: 24, minute: 0 },
        ..hourly_schedule("")
    };
    let refused = schedules.replace(
        world.collector.exchanges(),
        0,
        vec![hourly_schedule("a"), hourly_schedule("a"), wrong],
    );
    let Err(Error::Request(faults)) = refused.await else { panic!("they should be refused") };
    let places: Vec<_> = faults.iter().map(|fault| fault.index).collect();
    assert_eq!(places, [Some(1), Some(2), Some(2), Some(2)], "{faults:?}");
}

#[tokio::test]
async fn what_came_due_is_started_once_and_what_is_off_is_not() {
    let (world, schedules) = (World::new(10), schedules());
    let off = Schedule { enabled: false, ..hourly_schedule("off") };
    let broken = Schedule { timeframe: Timeframe::M5, ..hourly_schedule("broken") };
    let book = vec![hourly_schedule("on"), off, broken];
    schedules.replace(world.collector.exchanges(), 0, book).await.unwrap();
    let ids = Arc::new(SequentialIds::default());
    let jobs =
        Arc::new(SyncJobs::new(world.collector.clone(), world.clock.clone(), ids, JobLimits::default()));
    let scheduler = Scheduler::new(world.collector.clone(), jobs.clone(), schedules, world.clock.clone());
    // Three hours pass at once: due three times, started once.
    let since = world.clock.now_ms();
    world.clock.advance(3 * HOUR);
    scheduler.tick(since, world.clock.now_ms()).await.unwrap();
    let started = jobs.list();
    assert_eq!(started.len(), 1);
    started[0].wait().await;
    assert_eq!(world.stored_hours("BTC/USDT").await.len(), 13);
    scheduler.tick(world.clock.now_ms(), world.clock.now_ms() + 1).await.unwrap();
    assert_eq!(jobs.list().len(), 1, "nothing is due a millisecond later");
    let runs = scheduler.runs();
    assert_eq!(runs["on"].job_id, Some(started[0].id));
    assert!(runs["broken"].error.as_ref().unwrap().contains("5m"), "{runs:?}");
    assert!(!runs.contains_key("off"));
}

#[tokio::test]
async fn a_run_that_takes_longer_than_an_hour_is_not_joined_by_a_second() {
    let (world, schedules) = (World::new(10), schedules());
    schedules.replace(world.collector.exchanges(), 0, vec![hourly_schedule("long")]).await.unwrap();
    let ids = Arc::new(SequentialIds::default());
    let jobs =
        Arc::new(SyncJobs::new(world.collector.clone(), world.clock.clone(), ids, JobLimits::default()));
    let scheduler = Scheduler::new(world.collector.clone(), jobs.clone(), schedules, world.clock.clone());
    world.exchange.permits.forget_permits(usize::MAX >> 3);
    for _ in 0..3 {
        let since = world.clock.now_ms();
        world.clock.advance(HOUR);
        scheduler.tick(since, world.clock.now_ms()).await.unwrap();
    }
    assert_eq!(jobs.list().len(), 1);
    world.exchange.permits.add_permits(100);
    jobs.list()[0].wait().await;
    let since = world.clock.now_ms();
    world.clock.advance(HOUR);
    scheduler.tick(since, world.clock.now_ms()).await.unwrap();
    assert_eq!(jobs.list().len(), 2, "once it has ended, the next one starts");
}

#[tokio::test]
async fn what_finds_no_room_among_the_jobs_starts_when_there_is() {
    let (world, schedules) = (World::new(10), schedules());
    let book = ["a", "b", "c"].map(hourly_schedule).to_vec();
    schedules.replace(world.collector.exchanges(), 0, book).await.unwrap();
    let ids = Arc::new(SequentialIds::default());
    let limits = JobLimits { active: 1, ..JobLimits::default() };
    let jobs = Arc::new(SyncJobs::new(world.collector.clone(), world.clock.clone(), ids, limits));
    let scheduler = Scheduler::new(world.collector.clone(), jobs.clone(), schedules, world.clock.clone());
    let since = world.clock.now_ms();
    world.clock.advance(HOUR);
    let due = world.clock.now_ms();
    scheduler.tick(since, due).await.unwrap();
    assert_eq!(jobs.list().len(), 1);
    assert!(scheduler.runs()["b"].error.as_ref().unwrap().contains('1'), "{:?}", scheduler.runs());
    // Nothing comes due any more, and one after the other finds room.
    for count in 2..=3 {
        jobs.list()[0].wait().await;
        scheduler.tick(due, due + 1).await.unwrap();
        assert_eq!(jobs.list().len(), count);
    }
    for job in jobs.list() {
        job.wait().await;
    }
    scheduler.tick(due, due + 1).await.unwrap();
    assert_eq!(jobs.list().len(), 3, "each was started once");
    assert!(scheduler.runs().values().all(|run| run.error.is_none() && run.due <= due));
}
