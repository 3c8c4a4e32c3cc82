//! Jobs of a state that an older program left.

use rusqlite::Connection;
use tradai_domain::jobs::JobStatus;
use tradai_embedded::Database;

use crate::world::{World, ended};

/// The layouts in which what a job is asked to do was an object beside the state.
const OLDER: [&str; 2] = [
    include_str!("../../../embedded/src/database/schema_1.sql"),
    include_str!("../../../embedded/src/database/schema_2.sql"),
];

#[tokio::test]
async fn a_job_of_which_nobody_knows_any_more_what_it_is_ends_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let id = "018cc251-f400-7000-8000-000000000021";
    let record = format!(
        r#"{{"job_id":"{id}","workflow_type":"backtest","strategy_name":"Demo","strategy_version":null,
        "status":"pending","progress":0.0,"created_at":1704067200000,"started_at":null,"completed_at":null,
        "config_s3_path":"file:///data/configs/jobs/{id}.json","result_s3_path":null,
        "trace_id":"018cc251f40070008000000000000021","mlflow_run_id":null,"git_commit":null,
        "execution_arn":null,"ttl":null,"error":null}}"#
    );
    let old = Connection::open(&path).unwrap();
    OLDER.iter().for_each(|layout| old.execute_batch(layout).unwrap());
    old.pragma_update(None, "application_id", 0x7472_4149).unwrap();
    old.pragma_update(None, "user_version", 2).unwrap();
    let sql = "INSERT INTO jobs (job_id, workflow_type, strategy_name, status, trace_id, record)
        VALUES (?1, 'backtest', 'Demo', 'pending', '018cc251f40070008000000000000021', ?2)";
    old.execute(sql, [id, &record]).unwrap();
    drop(old);

    let world = World { database: Database::open(&path).unwrap(), ..World::new() };
    let jobs = world.jobs();
    assert_eq!(jobs.take_up().await.unwrap().handed_over, 1);
    let record = ended(&world.ports(), id.parse().unwrap()).await;
    let error = record.error.unwrap();
    assert_eq!(record.status, JobStatus::Failed);
    assert!(
        error.contains("what the job is asked to do is not there") && error.ends_with("submit it again"),
        "{error}"
    );
    assert!(world.tasks.started().is_empty());
}
