//! A process that cannot sync: whatever it acknowledges nevertheless was not on the disk.
//!
//! The kernel lets `fsync` and `fdatasync` of the process fail (seccomp), of files and of folders, as on a disk that
//! breaks. That cannot be undone, so that the test which is to feel it is a process of its own: an ignored test of the
//! same program, started by another one with [`run`].

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The variable that names the folder to the process.
const FOLDER: &str = "TRADAI_UNSYNCED_FOLDER";
const NO_SECCOMP: &str = "this system lets no process restrict itself";
const ALL_REFUSED: &str = "all was refused";

/// Returns the folder that this process is to work in; `None` in one that [`run`] did not start.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// From here on no thread of this process syncs anything. Returns whether that is so: where the system lets no process
/// restrict itself, there is nothing to be tested, and [`run`] says so.
#[must_use]
pub fn stop_syncing() -> bool {
    let stopped = try_stop();
    if let Err(error) = &stopped {
        println!("{NO_SECCOMP}: {error}");
    }
    stopped.is_ok()
}

fn try_stop() -> Result<(), seccompiler::Error> {
    let calls = BTreeMap::from([(libc::SYS_fsync, Vec::new()), (libc::SYS_fdatasync, Vec::new())]);
    let (others, these) = (SeccompAction::Allow, SeccompAction::Errno(libc::EIO.cast_unsigned()));
    let filter = SeccompFilter::new(calls, others, these, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter_all_threads(&program)
}

/// Panics if something was acknowledged.
pub fn refused<T: Debug, E>(what: &str, outcome: Result<T, E>) {
    if let Ok(done) = outcome {
        panic!("{what} was acknowledged without being on the disk: {done:?}");
    }
}

/// Says that the test came to its end.
pub fn all_was_refused() {
    println!("{ALL_REFUSED}");
}

/// Runs an ignored test of this program, by its full name, in a process of its own that is to work in a folder.
pub fn run(test: &str, folder: &Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    if said.contains(NO_SECCOMP) {
        eprintln!("skipped: {NO_SECCOMP}");
        return;
    }
    assert!(said.contains(ALL_REFUSED) && said.contains("1 passed"), "{said}");
}
