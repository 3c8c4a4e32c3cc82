//! Files of every layout that there was, with what programs of then wrote into them.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};
use tradai_domain::jobs::{JobStatus, WorkflowType};
use tradai_domain::ports::{
    AuditLog, ConfigRepository, Created, JobFilter, JobPage, JobRepository, Lease, Quota, RequestKey,
    WorkflowRunFilter, WorkflowRuns, WorkflowStatus,
};
use tradai_domain::{JobId, ManualClock};
use tradai_testkit::sample::{job, new_job};

use super::schema::{APPLICATION_ID, MIGRATIONS};
use crate::{Database, SqliteAudit, SqliteConfigs, SqliteEvents, SqliteJobs, SqliteWorkflowRuns};

const FINGERPRINT: [u8; 32] = [7; 32];
const PENDING: &str = "018cc251-f400-7000-8000-000000000021";
const RUNNING: &str = "018cc251-f400-7000-8000-000000000022";
const COMPLETED: &str = "018cc251-f400-7000-8000-000000000023";
const NEVER_STORED: &str = "018cc251-f400-7000-8000-000000000024";
const BATCH: &str = "018cc251-f400-7000-8000-000000000025";
/// The layout since which workflows are run.
const WITH_WORKFLOWS: usize = 2;
/// The layout since which what a job is asked to do is in the database.
const WITH_MESSAGES: usize = 3;
/// The layout since which there are batches.
const WITH_BATCHES: usize = 8;
/// The layout since which a key stands for the id of its job.
const WITH_IDS: usize = 10;

/// A record as the first programs wrote it: without the fields that were added since.
fn record(id: &str, status: &str, execution: &str) -> String {
    format!(
        r#"{{"job_id":"{id}","workflow_type":"backtest","strategy_name":"Demo","strategy_version":null,
        "status":"{status}","progress":0.25,"created_at":1704067200000,"started_at":null,"completed_at":null,
        "config_s3_path":"file:///data/configs/jobs/{id}.json","result_s3_path":null,
        "trace_id":"018cc251f40070008000000000000021","mlflow_run_id":null,"git_commit":null,
        "execution_arn":{execution},"ttl":1704672000,"error":null}}"#
    )
}

/// Makes a file of a layout.
fn make(path: &Path, layout: usize) {
    let connection = Connection::open(path).unwrap();
    for migration in &MIGRATIONS[..layout] {
        connection.execute_batch(migration).unwrap();
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", i64::try_from(layout).unwrap()).unwrap();
    if layout >= WITH_BATCHES {
        // A batch is there before its jobs. Of one that is taken in, a job is there and another is not; what one was is
        // no longer to be read.
        let record = format!(
            r#"{{"batch_id":"{BATCH}","name":null,"strategy_name":"Demo","jobs":["{PENDING}","{NEVER_STORED}"],
            "state":"submitting","created_at":1704067200000,"created_by":"ann","via":null,
            "trace_id":"018cc251f40070008000000000000021","ttl":1704672000}}"#
        );
        for (id, record) in [(BATCH, record.as_str()), (NEVER_STORED, "{}")] {
            let sql = "INSERT INTO batches VALUES (?1, 'submitting', 1704672000, ?2, '{}')";
            connection.execute(sql, [id, record]).unwrap();
        }
        connection.execute("UPDATE batches SET record = 'no JSON' WHERE record = '{}'", []).unwrap();
    }
    for (id, status, execution) in [
        (PENDING, "pending", "null"),
        (RUNNING, "running", r#""task""#),
        (COMPLETED, "completed", r#""task""#),
    ] {
        let sql = "INSERT INTO jobs (job_id, workflow_type, strategy_name, status, trace_id, ttl, record)
            VALUES (?1, 'backtest', 'Demo', ?2, '018cc251f40070008000000000000021', 1704672000, ?3)";
        connection.execute(sql, params![id, status, record(id, status, execution)]).unwrap();
        if layout >= WITH_MESSAGES {
            let message = format!(
                r#"{{"version":1,"job_id":"{id}","trace_id":"018cc251f40070008000000000000021",
                "config":{{"strategy":"Demo","symbols":["BTC/USDT"]}}}}"#
            );
            connection.execute("INSERT INTO job_messages VALUES (?1, ?2)", [id, &message]).unwrap();
        }
    }
    let document = |id: &str, stored: bool| format!(r#"{{"job_id":"{id}","stored":{stored}}}"#);
    for (key, reply) in [
        ("job.submit:3:ann:done", document(COMPLETED, true)),
        ("job.submit:3:ann:unsure", document(PENDING, false)),
        ("job.submit:3:ann:never", document(NEVER_STORED, false)),
        ("job.submit:3:ann:deleted", document(NEVER_STORED, true)),
        ("other:key", r#"{"status":201}"#.to_owned()),
    ] {
        let sql = "INSERT INTO idempotency VALUES (?1, ?2, ?3, ?4)";
        connection.execute(sql, params![key, FINGERPRINT, i64::MAX, reply.into_bytes()]).unwrap();
    }
    let version = r#"{"strategy_name":"Demo","config_id":"v1-0f1e2d3c","config_hash":
        "0f1e2d3c00000000000000000000000000000000000000000000000000000000","config_data":{"stake_amount":5},
        "status":"active","version_number":1,"created_at":1,"deployed_at":2,"deprecated_at":null,
        "superseded_by":null,"description":null}"#;
    let sql = "INSERT INTO configs VALUES ('Demo', 1, 'v1-0f1e2d3c', '0f', 'active', NULL, ?1)";
    connection.execute(sql, [version]).unwrap();
    if layout >= WITH_WORKFLOWS {
        for (name, status, ended_at) in [("ended", "failed", Some(900)), ("goes-on", "running", None)] {
            let sql = "INSERT INTO workflow_runs
                (execution, workflow, name, document, input, seed, status, started_at, ended_at)
                VALUES ('w:' || ?1, 'w', ?1, '{}', '{}', 's', ?2, 500, ?3)";
            connection.execute(sql, params![name, status, ended_at]).unwrap();
            let event = r#"{"seq":1,"at":500,"branch":"","type":"state_entered","state":"A"}"#;
            let sql = "INSERT INTO workflow_history VALUES ('w:' || ?1, 1, ?2)";
            connection.execute(sql, [name, event]).unwrap();
        }
    }
    let entry = r#"{"at":1,"actor":"ann","action":"job.submit","subject":"x","trace_id":null}"#;
    connection.execute("INSERT INTO audit (entry) VALUES (?1)", [entry]).unwrap();
}

fn id(text: &str) -> JobId {
    text.parse().unwrap()
}

async fn recalled(jobs: &SqliteJobs, key: &str) -> Option<Created> {
    let key = RequestKey { key: key.to_owned(), fingerprint: FINGERPRINT };
    jobs.recall(&key, 1).await.unwrap()
}

#[tokio::test]
async fn files_of_every_layout_are_read_and_gone_on_with() {
    for layout in 1..MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        make(&path, layout);
        let database = Database::open(&path).unwrap_or_else(|error| panic!("layout {layout}: {error}"));
        let jobs = SqliteJobs::new(SqliteEvents::new(database.clone(), SqliteEvents::KEPT));

        let listed = jobs.list(&JobFilter::default(), JobPage::first(10)).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|job| (job.job_id, job.status)).collect();
        let (pending, running) = ((id(PENDING), JobStatus::Pending), (id(RUNNING), JobStatus::Running));
        assert_eq!(listed, [(id(COMPLETED), JobStatus::Completed), running, pending], "layout {layout}");
        // Without, whoever hands it over says why that cannot be.
        let message = jobs.message(id(PENDING)).await.unwrap();
        assert_eq!(message.is_some(), layout >= WITH_MESSAGES, "layout {layout}");
        let holder = "new".to_owned();
        let lease = Lease { holder, workflow_type: WorkflowType::Backtest, now: 1, until: 9 };
        assert_eq!(jobs.take_up(&lease).await.unwrap(), [id(PENDING), id(RUNNING)], "layout {layout}");

        // One that waits counts, and one that a batch is to take in.
        let counted = if layout >= WITH_BATCHES { 2 } else { 1 };
        let mut one_more = new_job(job(1));
        one_more.quota = Some(Quota { total: counted, each: 9 });
        assert_eq!(jobs.create(&one_more).await.unwrap(), Created::TooMany, "layout {layout}");
        one_more.quota = Some(Quota { total: counted + 1, each: 9 });
        assert_eq!(jobs.create(&one_more).await.unwrap(), Created::New, "layout {layout}");

        let configs = SqliteConfigs::new(database.clone());
        let active = configs.active(&"Demo".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(active.config_data["stake_amount"], 5);
        let entries = SqliteAudit::new(database).list(None, 10).await.unwrap();
        // That of the new job comes before it.
        assert_eq!((entries.len(), entries[1].1.actor.as_str()), (2, "ann"));
    }
}

#[tokio::test]
async fn runs_of_older_programs_are_shown_and_go_in_their_time() {
    for layout in WITH_WORKFLOWS..MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        make(&path, layout);
        let database = Database::open(&path).unwrap();
        let runs = SqliteWorkflowRuns::new(database, Arc::new(ManualClock::at(1_000)));
        let listed = async |status| {
            let filter = WorkflowRunFilter { workflow: None, status };
            let runs = runs.list(&filter, None, 10).await.unwrap();
            runs.into_iter().map(|run| run.execution).collect::<Vec<_>>()
        };
        assert_eq!(listed(None).await, ["w:goes-on", "w:ended"], "layout {layout}");
        assert_eq!(listed(Some(WorkflowStatus::Failed)).await, ["w:ended"], "layout {layout}");
        assert_eq!(runs.history("w:ended", 0, 10).await.unwrap().len(), 1, "layout {layout}");
        assert_eq!(runs.delete_ended(1_000).await.unwrap(), 1, "layout {layout}");
        assert_eq!(listed(None).await, ["w:goes-on"], "layout {layout}");
    }
}

/// Programs before wrote other replies; what a key stood for it stands for still.
#[tokio::test]
async fn keys_of_older_requests_stand_for_their_jobs() {
    for layout in 1..WITH_IDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        make(&path, layout);
        let database = Database::open(&path).unwrap();
        let jobs = SqliteJobs::new(SqliteEvents::new(database, SqliteEvents::KEPT));
        for (key, job) in [("done", COMPLETED), ("unsure", PENDING)] {
            let known = recalled(&jobs, &format!("job.submit:3:ann:{key}")).await;
            assert!(
                matches!(&known, Some(Created::Before(record)) if record.job_id == id(job)),
                "layout {layout}: {key} {known:?}"
            );
        }
        let deleted = recalled(&jobs, "job.submit:3:ann:deleted").await;
        assert_eq!(deleted, Some(Created::Deleted(id(NEVER_STORED))), "layout {layout}");
        assert_eq!(recalled(&jobs, "job.submit:3:ann:never").await, None, "layout {layout}");
        assert_eq!(recalled(&jobs, "other:key").await, Some(Created::OtherRequest), "layout {layout}");
    }
}
