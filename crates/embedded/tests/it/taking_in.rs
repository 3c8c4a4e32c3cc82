//! A job is taken in with all that belongs to it, or not at all.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tradai_domain::jobs::JobEvent;
use tradai_domain::ports::{
    AuditLog, Created, Delivery, EventBus, EventSubscription, JobRepository, NewJob, RequestKey,
};
use tradai_testkit::sample::{job, job_id, new_job};

use crate::worker::{State, database_file};

fn keyed() -> NewJob {
    NewJob { key: Some(RequestKey { key: "k".to_owned(), fingerprint: [1; 32] }), ..new_job(job(1)) }
}

#[tokio::test]
async fn who_asked_and_that_it_is_there_are_noted_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path());
    let mut events = EventSubscription::new(Arc::new(state.events.clone()), None, 0);
    let waiting = tokio::spawn(async move { events.next().await.unwrap() });
    assert_eq!(state.jobs.create(&keyed()).await.unwrap(), Created::New);
    let told = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap();
    let Delivery::Event(told) = told else { panic!("{told:?}") };
    assert_eq!((told.seq, told.event), (1, JobEvent::created(&job(1))));

    let again = NewJob { key: keyed().key, ..new_job(job(2)) };
    assert_eq!(state.jobs.create(&again).await.unwrap(), Created::Before(Box::new(job(1))));
    assert_eq!(state.jobs.create(&new_job(job(1))).await.unwrap(), Created::Before(Box::new(job(1))));
    assert_eq!(state.events.newest().await.unwrap(), 1);
    assert_eq!(state.audit.list(None, 10).await.unwrap(), [(1, keyed().entry)]);
}

#[tokio::test]
async fn where_one_part_cannot_be_stored_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path());
    let connection = Connection::open(database_file(folder.path())).unwrap();
    for table in ["jobs", "job_messages", "audit", "events", "idempotency"] {
        let refuse = "BEGIN SELECT raise(ABORT, 'no'); END";
        connection.execute_batch(&format!("CREATE TRIGGER no BEFORE INSERT ON {table} {refuse}")).unwrap();
        state.jobs.create(&keyed()).await.unwrap_err();
        connection.execute_batch("DROP TRIGGER no").unwrap();
        let rows = |table: &str| {
            connection
                .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        for part in ["jobs", "job_messages", "audit", "events", "idempotency"] {
            assert_eq!(rows(part), 0, "{part}, where {table} refuses");
        }
    }
    assert_eq!(state.jobs.create(&keyed()).await.unwrap(), Created::New);
    assert_eq!(state.jobs.message(job_id(1)).await.unwrap(), Some(keyed().message));
}
