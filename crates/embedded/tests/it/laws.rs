//! Every law of every port.

use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use tradai_domain::ports::{
    ApiKeyRepository, AuditLog, BlobStore, ConfigRepository, EventBus, IdempotencyRepository, JobRepository,
    WorkflowRunner,
};
use tradai_domain::{ManualClock, RandomIds};
use tradai_embedded::{
    Database, LocalBlobs, QueueSettings, SqliteApiKeys, SqliteAudit, SqliteBatches, SqliteConfigs,
    SqliteEvents, SqliteIdempotency, SqliteJobs, SqliteQueue, SqliteWorkflowRuns, SqliteWorkflows,
    WorkflowDocument,
};
use tradai_testkit::queue::{MAX_RECEIVES, VISIBILITY};

/// Events that the logs of these tests keep.
const KEPT_EVENTS: u64 = 100_000;

/// A database in memory.
fn memory() -> ((), Database) {
    ((), Database::in_memory().unwrap())
}

/// A database in a file.
fn file() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("state.db")).unwrap();
    (folder, database)
}

fn queue(database: Database) -> tradai_testkit::queue::Port {
    let settings = QueueSettings { visibility: VISIBILITY, max_receives: MAX_RECEIVES };
    let clock = Arc::new(ManualClock::at(1_000));
    (Arc::new(SqliteQueue::new(database, "q", settings, clock.clone())), clock)
}

fn workflows(database: Database) -> SqliteWorkflows {
    workflows_at(database, Arc::new(ManualClock::at(1_000)))
}

fn workflows_at(database: Database, clock: Arc<ManualClock>) -> SqliteWorkflows {
    let document = json!({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3_600, "End": true}}});
    let document = WorkflowDocument::parse(&document).unwrap();
    SqliteWorkflows::new(database, "w", document, clock, Arc::new(RandomIds))
}

/// All ports over one kind of database.
macro_rules! over {
    ($kind:ident) => {
        mod $kind {
            use super::*;

            type Guard<P> = (Box<dyn std::any::Any>, P);

            fn with<P>(make: impl FnOnce(Database) -> P) -> Guard<P> {
                let (guard, database) = super::$kind();
                (Box::new(guard), make(database))
            }

            mod jobs {
                use super::*;
                fn port() -> Guard<Arc<dyn JobRepository>> {
                    with(|database| Arc::new(SqliteJobs::new(SqliteEvents::new(database, KEPT_EVENTS))) as _)
                }
                tradai_testkit::laws!(job_repository: port => [
                    returns_what_was_stored,
                    creates_if_absent,
                    a_key_makes_one_job,
                    lists_newest_first,
                    returns_many,
                    filters_by_every_field,
                    applies_changes_by_the_domains_rules,
                    one_end_wins,
                    no_change_is_lost,
                    deletes_only_what_has_ended,
                    finds_ended_jobs_after_their_time,
                    jobs_of_the_dead_are_taken_up_once,
                    no_more_jobs_wait_than_may,
                ]);
            }

            mod configs {
                use super::*;
                fn port() -> Guard<Arc<dyn ConfigRepository>> {
                    with(|database| Arc::new(SqliteConfigs::new(database)) as _)
                }
                tradai_testkit::laws!(config_repository: port => [
                    pushes_drafts_with_numbers,
                    detects_duplicates,
                    activation_supersedes,
                    never_two_active,
                    deprecates,
                    lists_newest_first,
                    expires_deprecated_versions,
                ]);
            }

            mod events {
                use super::*;
                fn port() -> Guard<Arc<dyn EventBus>> {
                    with(|database| Arc::new(SqliteEvents::new(database, KEPT_EVENTS)) as _)
                }
                tradai_testkit::laws!(event_bus: port => [
                    numbers_what_it_is_told,
                    resumes_after_a_number,
                    tells_an_event_once,
                    wakes_who_waits,
                    a_slow_subscriber_holds_up_nobody,
                    tells_what_was_missed,
                ]);
            }

            mod events_of_a_short_log {
                use super::*;
                fn port() -> Guard<Arc<dyn EventBus>> {
                    with(|database| Arc::new(SqliteEvents::new(database, 7)) as _)
                }
                tradai_testkit::laws!(event_bus: port => [tells_what_was_missed]);
            }

            mod queues {
                use super::*;
                fn port() -> Guard<tradai_testkit::queue::Port> {
                    with(queue)
                }
                tradai_testkit::laws!(queue: port => [
                    delivers_and_deletes,
                    keeps_order_within_a_group,
                    redelivers_after_the_timeout,
                    extends_visibility,
                    gives_up_after_so_many_receipts,
                    takes_the_last_receipt_for_as_good_as_any,
                    recognises_a_message_sent_again,
                    gives_a_message_to_one_receiver,
                    wakes_who_waits,
                ]);
            }

            mod idempotency {
                use super::*;
                fn port() -> Guard<Arc<dyn IdempotencyRepository>> {
                    with(|database| Arc::new(SqliteIdempotency::new(database)) as _)
                }
                tradai_testkit::laws!(idempotency: port => [
                    takes_then_replays,
                    frees_what_is_released_or_abandoned,
                    one_is_first,
                    completing_a_free_key_does_nothing,
                ]);
            }

            mod workflows {
                use super::*;
                fn port() -> Guard<Arc<dyn WorkflowRunner>> {
                    with(|database| Arc::new(workflows(database)) as _)
                }
                tradai_testkit::laws!(workflow_runner: port => [starts_a_name_once, stops]);
            }

            mod batches {
                use super::*;
                fn port() -> Guard<tradai_testkit::batch_repository::Port> {
                    with(|database| {
                        let batches = SqliteBatches::new(database.clone());
                        let jobs = SqliteJobs::new(SqliteEvents::new(database, KEPT_EVENTS));
                        (Arc::new(batches) as _, Arc::new(jobs) as _)
                    })
                }
                tradai_testkit::laws!(batch_repository: port => [
                    returns_what_was_stored,
                    a_key_makes_one_batch,
                    goes_forward_only,
                    its_jobs_may_all_wait,
                    its_jobs_are_counted_before_they_are_there,
                    its_jobs_count_for_single_ones,
                    expires,
                ]);
            }

            mod api_keys {
                use super::*;
                fn port() -> Guard<Arc<dyn ApiKeyRepository>> {
                    with(|database| Arc::new(SqliteApiKeys::new(database)) as _)
                }
                tradai_testkit::laws!(api_key_repository: port => [
                    keeps_keys_until_they_are_deleted,
                    a_name_stands_for_one_key,
                    a_request_makes_one_key,
                    no_more_keys_than_may,
                ]);
            }

            mod workflow_runs {
                use super::*;
                fn port() -> Guard<tradai_testkit::workflow_runs::Port> {
                    with(|database| {
                        let clock = Arc::new(ManualClock::at(1_000));
                        let runs = SqliteWorkflowRuns::new(database.clone(), clock.clone());
                        let runner = workflows_at(database, clock.clone());
                        (Arc::new(runs) as _, Arc::new(runner) as _, clock)
                    })
                }
                tradai_testkit::laws!(workflow_runs: port => [
                    lists_the_latest_first,
                    filters_by_every_field,
                    shows_and_stops,
                    deletes_what_has_ended,
                ]);
            }

            mod audit {
                use super::*;
                fn port() -> Guard<Arc<dyn AuditLog>> {
                    with(|database| Arc::new(SqliteAudit::new(database)) as _)
                }
                tradai_testkit::laws!(audit_log: port => [keeps_entries_in_order, loses_no_entry]);
            }
        }
    };
}

over!(memory);
over!(file);

mod blobs {
    use super::*;

    fn port() -> (TempDir, Arc<dyn BlobStore>) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(&folder.path().join("blobs")).unwrap();
        (folder, Arc::new(blobs))
    }

    tradai_testkit::laws!(blob_store: port => [
        returns_what_was_put,
        puts_if_absent,
        readers_see_whole_payloads,
        lists_a_folder_in_order,
        deletes,
    ]);
}

mod tasks {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use tradai_domain::ports::TaskRunner;
    use tradai_embedded::{ProcessSettings, ProcessTasks};

    use super::*;

    /// Does what the laws ask for.
    const PROGRAM: &str = r#"case "$1" in
        exit) exit "$2" ;;
        hang) while :; do sleep 1; done ;;
        env) eval "[ -n \"\${$2}\" ]" ;;
    esac"#;

    fn port() -> (TempDir, Arc<dyn TaskRunner>) {
        let folder = tempfile::tempdir().unwrap();
        let settings = ProcessSettings {
            program: "/bin/sh".into(),
            arguments: ["-c", PROGRAM, "sh"].map(str::to_owned).to_vec(),
            environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            folder: folder.path().join("tasks"),
            stop_grace: Duration::from_secs(5),
        };
        (folder, Arc::new(ProcessTasks::new(settings)))
    }

    tradai_testkit::laws!(task_runner: port => [
        tells_how_a_task_ended,
        passes_the_environment,
        starts_a_name_once,
        stops,
        forgets,
        an_unknown_task_has_ended,
    ]);
}

mod tasks_in_process {
    use tradai_domain::ports::{TaskEnd, TaskRunner, TaskSpec};
    use tradai_embedded::{InProcessTasks, Work};

    use super::*;

    /// Does what the laws ask for.
    async fn work(task: TaskSpec) -> TaskEnd {
        let exit_code = match (task.arguments[0].as_str(), task.arguments.get(1)) {
            ("exit", Some(code)) => code.parse().unwrap(),
            ("env", Some(name)) => i32::from(!task.environment.contains_key(name)),
            _ => std::future::pending().await,
        };
        TaskEnd { exit_code: Some(exit_code), reason: "ended".to_owned() }
    }

    fn port() -> (TempDir, Arc<dyn TaskRunner>) {
        let folder = tempfile::tempdir().unwrap();
        let tasks = InProcessTasks::new(Arc::new(|task| Box::pin(work(task))), folder.path().join("tasks"));
        (folder, Arc::new(tasks))
    }

    tradai_testkit::laws!(task_runner: port => [
        tells_how_a_task_ended,
        passes_the_environment,
        starts_a_name_once,
        stops,
        forgets,
        an_unknown_task_has_ended,
    ]);

    #[tokio::test]
    async fn a_task_that_panics_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let work: Work = Arc::new(|_| Box::pin(async { panic!("a fault of the task") }));
        let tasks = InProcessTasks::new(work, folder.path().to_owned());
        let task = TaskSpec { name: "t".to_owned(), arguments: Vec::new(), environment: Default::default() };
        let handle = tasks.start(&task).await.unwrap();
        let end = tasks.wait(&handle).await.unwrap();
        assert_eq!((end.exit_code, end.reason.as_str()), (None, "panicked"));
    }
}

mod fakes {
    use tradai_testkit::MemoryWorkflows;

    use super::*;

    fn port() -> ((), Arc<dyn WorkflowRunner>) {
        ((), Arc::new(MemoryWorkflows::default()))
    }

    tradai_testkit::laws!(workflow_runner: port => [starts_a_name_once, stops]);
}
