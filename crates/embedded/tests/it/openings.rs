//! One file, opened more than once in a process, and by others.

use std::path::Path;
use std::process::Command;

use tradai_domain::ports::{AuditEntry, AuditLog};

use crate::worker::{State, database_file};

/// What the other process says, before the number.
const FOUND: &str = "entries found: ";

/// Started by the next test: opens the database by itself, and closes it in good order.
#[test]
#[ignore = "a process that another test starts"]
fn reader() {
    let Some(folder) = std::env::var_os("TRADAI_WORKER_FOLDER") else { return };
    let connection = rusqlite::Connection::open(database_file(folder.as_ref())).unwrap();
    let entries: i64 = connection.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap();
    connection.close().unwrap();
    println!("{FOUND}{entries}");
}

fn found_by_another_process(folder: &Path) -> usize {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["openings::reader", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("TRADAI_WORKER_FOLDER", folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let entries = said.lines().find_map(|line| line.split_once(FOUND)).unwrap_or_else(|| panic!("{said}"));
    entries.1.parse().unwrap()
}

/// The services of one process open the state each, and jobs, which are processes, come and go: whoever closes it must
/// not take it for unused, for the log goes with the last one.
#[tokio::test]
async fn what_is_written_after_others_closed_the_file_is_seen_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let openings = [State::open(folder.path()), State::open(folder.path())];
    for (written, state) in [&openings[0], &openings[1], &openings[0]].into_iter().enumerate() {
        let [actor, action, subject] = ["ann", "test", "x"].map(str::to_owned);
        let entry = AuditEntry { at: 1, actor, action, subject, trace_id: None, via: None };
        state.audit.append(&entry).await.unwrap();
        assert_eq!(found_by_another_process(folder.path()), written + 1);
    }
}
