//! Config versions over the embedded adapters, from many threads and processes at once.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tradai_control_plane::Error;
use tradai_control_plane::configs::{Configs, MAX_CONFIG_BYTES};
use tradai_control_plane::jobs::Requester;
use tradai_domain::configs::{ConfigId, ConfigStatus, DEPRECATED_TTL_MS};
use tradai_domain::ports::{AuditEntry, AuditLog, PortError};
use tradai_domain::{Clock, ErrorKind, ManualClock, StrategyName, SystemClock};
use tradai_embedded::{Database, SqliteAudit, SqliteConfigs};
use tradai_testkit::sample::object;

fn demo() -> StrategyName {
    "Demo".parse().unwrap()
}

fn ann() -> Requester {
    Requester { actor: "ann".to_owned(), ..Requester::default() }
}

fn over(database: &Database, clock: Arc<dyn Clock>) -> Configs {
    let configs = Arc::new(SqliteConfigs::new(database.clone()));
    Configs::new(configs, Arc::new(SqliteAudit::new(database.clone())), clock)
}

async fn push(configs: &Configs, stake: u32) -> ConfigId {
    let data = object(&format!(r#"{{"stake_amount": {stake}, "timeframe": "1h"}}"#));
    configs.push(&demo(), data, None, &ann()).await.unwrap().version.config_id
}

async fn active_count(configs: &Configs) -> usize {
    let versions = configs.list(&demo(), None, 500).await.unwrap();
    versions.iter().filter(|version| version.status == ConfigStatus::Active).count()
}

#[tokio::test]
async fn a_version_lives_from_push_to_expiry() {
    let (database, clock) = (Database::in_memory().unwrap(), Arc::new(ManualClock::at(1_000)));
    let configs = over(&database, clock.clone());
    let (one, two) = (push(&configs, 1).await, push(&configs, 2).await);
    assert!(one.as_str().starts_with("v1-") && two.as_str().starts_with("v2-"));
    let reordered = object(r#"{"timeframe": "1h", "stake_amount": 2}"#);
    let again = configs.push(&demo(), reordered, None, &ann()).await.unwrap();
    assert!(again.duplicate && again.version.config_id == two);
    assert_eq!(configs.active(&demo()).await.unwrap(), None);

    configs.activate(&demo(), &one, &ann()).await.unwrap();
    let activated = configs.activate(&demo(), &two, &ann()).await.unwrap();
    assert_eq!(activated.superseded, Some(one.clone()));
    let differences = configs.diff(&demo(), &one, &two).await.unwrap();
    assert_eq!((differences.len(), differences[0].path.join(".")), (1, "stake_amount".to_owned()));
    let sides = (differences[0].before.clone(), differences[0].after.clone());
    assert_eq!(sides, (Some(1.into()), Some(2.into())), "what the second changes in the first");

    clock.advance(DEPRECATED_TTL_MS - 1);
    assert_eq!(configs.delete_expired().await.unwrap(), 0);
    clock.advance(1);
    assert_eq!(configs.delete_expired().await.unwrap(), 1);
    let error = configs.get(&demo(), &one).await.unwrap_err();
    assert_eq!(error, Error::NoSuchConfig { strategy: demo(), id: one.clone() });
    assert!(configs.activate(&demo(), &one, &ann()).await.is_err());
    configs.deprecate(&demo(), &two, &ann()).await.unwrap();
    assert_eq!(configs.active(&demo()).await.unwrap(), None);

    let actions: Vec<String> = SqliteAudit::new(database)
        .list(None, 100)
        .await
        .unwrap()
        .into_iter()
        .rev()
        .map(|(_, entry)| format!("{} {}", entry.action, entry.subject))
        .collect();
    assert_eq!(actions[..2], ["config.push Demo", "config.push Demo"]);
    assert_eq!(actions[3], format!("config.activate Demo/{one}"));
    assert_eq!(actions.last().unwrap(), &format!("config.deprecate Demo/{two}"));
}

#[tokio::test]
async fn what_cannot_be_a_config_is_refused() {
    let configs = over(&Database::in_memory().unwrap(), Arc::new(SystemClock));
    let empty = configs.push(&demo(), object("{}"), None, &ann()).await.unwrap_err();
    assert_eq!(empty.to_string(), "config: must not be empty");
    let long = object(&format!(r#"{{"a": "{}"}}"#, "x".repeat(MAX_CONFIG_BYTES)));
    let text = configs.push(&demo(), long, Some("d".repeat(1_001)), &ann()).await.unwrap_err().to_string();
    assert!(text.contains("at most 262144 are allowed; description: at most 1000"), "{text}");
    let secret = configs.push(&demo(), object(r#"{"api_key": "k3y"}"#), None, &ann()).await.unwrap_err();
    assert!(secret.to_string().contains("api_key: looks like a credential"), "{secret}");
    assert!(configs.list(&demo(), None, 10).await.unwrap().is_empty(), "nothing of it is stored");

    // The longest that is allowed, and as many as one asks for, within a page.
    let whole = object(&format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_CONFIG_BYTES - 8)));
    configs.push(&demo(), whole, Some("ä".repeat(1_000)), &ann()).await.unwrap();
    push(&configs, 1).await;
    assert_eq!(configs.list(&demo(), None, 0).await.unwrap().len(), 1);
    assert_eq!(configs.list(&demo(), None, usize::MAX).await.unwrap().len(), 2);
}

/// An audit log that takes no more entries.
struct FullLog;

#[async_trait::async_trait]
impl AuditLog for FullLog {
    async fn append(&self, _: &AuditEntry) -> Result<u64, PortError> {
        Err(PortError::new(ErrorKind::Unavailable, "the disk is full"))
    }

    async fn list(&self, _: Option<u64>, _: usize) -> Result<Vec<(u64, AuditEntry)>, PortError> {
        Ok(Vec::new())
    }
}

/// Nothing is changed that nobody can be held to.
#[tokio::test]
async fn without_an_audit_log_nothing_is_done() {
    let database = Database::in_memory().unwrap();
    let configs = over(&database, Arc::new(SystemClock));
    let id = push(&configs, 1).await;
    let repository = Arc::new(SqliteConfigs::new(database.clone()));
    let unaudited = Configs::new(repository, Arc::new(FullLog), Arc::new(SystemClock));
    unaudited.push(&demo(), object(r#"{"a": 1}"#), None, &ann()).await.unwrap_err();
    unaudited.activate(&demo(), &id, &ann()).await.unwrap_err();
    assert_eq!(configs.list(&demo(), None, 10).await.unwrap().len(), 1);
    assert_eq!(configs.active(&demo()).await.unwrap(), None);
    configs.activate(&demo(), &id, &ann()).await.unwrap();
    unaudited.deprecate(&demo(), &id, &ann()).await.unwrap_err();
    assert_eq!(active_count(&configs).await, 1);
}

/// Threads with a database handle, and so a connection, of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_two_are_active_whatever_threads_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let configs = over(&Database::open(&path).unwrap(), Arc::new(SystemClock));
    let mut ids = Vec::new();
    for stake in 0..4 {
        ids.push(push(&configs, stake).await);
    }
    configs.activate(&demo(), &ids[0], &ann()).await.unwrap();
    let activating: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let configs = over(&Database::open(&path).unwrap(), Arc::new(SystemClock));
            tokio::spawn(async move {
                for _ in 0..25 {
                    configs.activate(&demo(), &id, &ann()).await.unwrap();
                }
            })
        })
        .collect();
    while !activating.iter().all(tokio::task::JoinHandle::is_finished) {
        assert_eq!(active_count(&configs).await, 1);
    }
    for task in activating {
        task.await.unwrap();
    }
    assert_eq!(active_count(&configs).await, 1);
}

/// Started by the next test.
#[test]
#[ignore = "a process that another test starts"]
fn activator() {
    let Some(path) = std::env::var_os("TRADAI_TEST_STATE") else { return };
    let stake: u32 = std::env::var("TRADAI_TEST_STAKE").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let configs = over(&Database::open(Path::new(&path)).unwrap(), Arc::new(SystemClock));
        for round in 0..20 {
            let id = push(&configs, stake + round % 2).await;
            configs.activate(&demo(), &id, &ann()).await.unwrap();
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_two_are_active_whatever_processes_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let configs = over(&Database::open(&path).unwrap(), Arc::new(SystemClock));
    let first = push(&configs, 1_000).await;
    configs.activate(&demo(), &first, &ann()).await.unwrap();
    // Neighbours push the same contents, so that duplicates race too.
    let mut children: Vec<_> = (0..4)
        .map(|stake| {
            Command::new(std::env::current_exe().unwrap())
                .args(["activator", "--exact", "--ignored", "--nocapture"])
                .env("TRADAI_TEST_STATE", &path)
                .env("TRADAI_TEST_STAKE", stake.to_string())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        assert_eq!(active_count(&configs).await, 1);
    }
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let versions = configs.list(&demo(), None, 500).await.unwrap();
    let numbers: Vec<u32> = versions.iter().map(|version| version.version_number).collect();
    // The first one, and five contents that four processes pushed.
    assert_eq!(numbers, [6, 5, 4, 3, 2, 1]);
    assert_eq!(active_count(&configs).await, 1);
}
