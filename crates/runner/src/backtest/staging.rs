//! Where a job's folder is written before it takes its place: a hidden folder for each attempt.
//!
//! Two processes may run one job at the same time, as when a platform takes up a job whose older process still lives.
//! Neither writes where the other does. The first to be done moves its folder into the job's place, whole; a folder that
//! is there is never replaced, so that no result is a mixture. Which attempt counts is not decided here but by the job's
//! record.
//!
//! Invariant: whoever writes an attempt's folder holds a lock on it, which ends with its process however that ends. A
//! hidden folder without a lock is nobody's, and whoever finds it removes it.

use std::fs::{File, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::TempDir;
use tradai_domain::JobId;

use crate::Error;

/// How often a folder is made anew that somebody takes for a leftover before it is locked.
const TRIES: u32 = 100;

/// The folder of one attempt, removed unless it was published.
#[derive(Debug)]
pub(super) struct Staging {
    folder: TempDir,
    /// Locked for as long as it is open; none on a disk without locks, where nothing is swept either.
    _lock: Option<File>,
}

impl Staging {
    /// Makes the folder of a new attempt.
    pub(super) fn new(root: &Path, job_id: &JobId) -> Result<Self, Error> {
        create_folders(root)?;
        let io = Error::io(root);
        let made = || {
            for _ in 0..TRIES {
                // With the permissions of any folder: it is to be one.
                let folder = tempfile::Builder::new()
                    .prefix(&format!(".{job_id}."))
                    .permissions(Permissions::from_mode(0o777))
                    .tempdir_in(root)?;
                failpoint("made");
                match locked(folder.path()) {
                    Ok(Some(lock)) => return Ok(Self { folder, _lock: Some(lock) }),
                    Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
                        return Ok(Self { folder, _lock: None });
                    }
                    Ok(None) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(std::io::Error::other("others remove every folder that is made here"))
        };
        let made = made().map_err(io)?;
        failpoint("locked");
        Ok(made)
    }

    /// Writes a file. It is on the disk when this returns.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.folder.path().join(name);
        let written = || {
            let mut file = File::create_new(&path)?;
            failpoint(&format!("begun {name}"));
            file.write_all(bytes)?;
            file.sync_all()
        };
        written().map_err(Error::io(&path))?;
        failpoint(&format!("written {name}"));
        Ok(())
    }

    /// Moves the folder to its place, in which there is none yet. It is on the disk when this returns.
    pub(super) fn publish(self, target: &Path) -> Result<(), Error> {
        let root = target.parent().unwrap_or(target);
        sync_folder(self.folder.path())?;
        failpoint("synced");
        std::fs::rename(self.folder.path(), target).map_err(Error::io(target))?;
        failpoint("moved");
        // A folder that may not stay is none.
        sync_folder(root).inspect_err(|_| drop(std::fs::remove_dir_all(target)))?;
        failpoint("kept");
        Ok(())
    }

    /// Takes a job's folder away: it is gone at once for whoever looks. Idempotent.
    pub(super) fn take_away(self, target: &Path) -> Result<(), Error> {
        match std::fs::rename(target, self.folder.path().join("removed")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(target)(error)),
            _ => {
                let path = self.folder.path().to_owned();
                failpoint("taken away");
                self.folder.close().map_err(Error::io(&path))
            }
        }
    }
}

/// Removes the folders of attempts that died, and returns their number. What cannot be removed stays: this is done again
/// and again, by any number of processes.
pub(super) fn sweep(root: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(root) else { return 0 };
    let is_left = |path: &Path| {
        // Held until the folder is gone, so that nobody takes it up meanwhile.
        let lock = locked(path).ok().flatten();
        lock.is_some_and(|_lock| std::fs::remove_dir_all(path).is_ok())
    };
    let hidden = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_name));
    hidden.filter(|entry| is_left(&entry.path())).count()
}

/// Returns whether a name is that of an attempt's folder: `.<job>.<any>`, or `.<job>` as older programs named it.
fn is_name(name: &str) -> bool {
    let id = name.strip_prefix('.').and_then(|name| name.split('.').next());
    id.is_some_and(|id| id.parse::<JobId>().is_ok())
}

/// Locks a folder; `None` when somebody else holds it, or it is gone.
fn locked(path: &Path) -> std::io::Result<Option<File>> {
    let unless_gone = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(None),
        _ => Err(error),
    };
    let folder = match File::open(path) {
        Ok(folder) => folder,
        Err(error) => return unless_gone(error),
    };
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // It may have been removed, or moved, before it was locked.
    match std::fs::metadata(path) {
        Ok(found) => Ok((found.ino() == folder.metadata()?.ino()).then_some(folder)),
        Err(error) => unless_gone(error),
    }
}

/// Makes folders so that they are there after a loss of power: a new name is a change of the folder above it.
fn create_folders(folder: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.is_dir()).collect();
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    missing.iter().filter_map(|folder| folder.parent()).try_for_each(sync_folder)
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    // The folder of a path of one name is the current one.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))
}

/// A point at which a process may die; tests have it do so.
#[cfg(not(test))]
fn failpoint(_: &str) {}
#[cfg(test)]
use tests::failpoint;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::{Child, Command, ExitStatus, Stdio};

    use super::*;

    const FILES: [&str; 3] = ["result.json", "trades.parquet", "manifest.json"];
    /// Enough that processes which write at the same time are at it at the same time.
    const LENGTH: usize = 200_000;

    /// Dies without a word where the environment says so.
    pub(super) fn failpoint(name: &str) {
        if std::env::var("TRADAI_DIE_AT").is_ok_and(|at| at == name) {
            std::process::abort();
        }
    }

    fn id() -> JobId {
        "0193f5a0-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn write(root: &Path, content: &str) -> Result<(), Error> {
        let staging = Staging::new(root, &id())?;
        for name in FILES {
            staging.write(name, content.repeat(LENGTH).as_bytes())?;
        }
        staging.publish(&root.join(id().to_string()))
    }

    /// Started by the tests below: writes a job's folder, or takes it away, and maybe dies at it.
    #[test]
    #[ignore = "a process that other tests start"]
    fn writer() {
        let Some(root) = std::env::var_os("TRADAI_STAGING_ROOT").map(PathBuf::from) else { return };
        let content = std::env::var("TRADAI_STAGING_CONTENT").unwrap();
        if content == "none" {
            Staging::new(&root, &id()).unwrap().take_away(&root.join(id().to_string())).unwrap();
        } else {
            write(&root, &content).unwrap();
        }
    }

    fn writer_process(root: &Path, content: &str, fate: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["backtest::staging::tests::writer", "--exact", "--ignored", "--test-threads=1"])
            .env("TRADAI_STAGING_ROOT", root)
            .env("TRADAI_STAGING_CONTENT", content)
            .env("TRADAI_DIE_AT", fate)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn ended(mut child: Child) -> ExitStatus {
        child.wait().unwrap()
    }

    fn names(root: &Path) -> Vec<String> {
        std::fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// The content of the job's folder, which is one attempt's, and all of it.
    fn content(root: &Path) -> Option<String> {
        let folder = root.join(id().to_string());
        let mut contents = FILES.iter().map(|name| std::fs::read_to_string(folder.join(name)));
        let first = contents.next()?.ok()?;
        assert_eq!(first.len(), LENGTH, "it is whole");
        assert!(contents.all(|other| other.unwrap() == first), "it is of one attempt");
        Some(first[..1].to_owned())
    }

    /// Killed at every step: what is published is whole, and nothing else is left once somebody swept.
    #[test]
    fn fault_x01_a_writer_killed_at_any_step_leaves_nothing_half_written() {
        let of_files = FILES.iter().flat_map(|name| [format!("begun {name}"), format!("written {name}")]);
        let before = ["made", "locked"].map(str::to_owned).into_iter().chain(of_files);
        let before = before.chain(["synced".to_owned()]).map(|fate| (fate, false));
        for (fate, is_published) in before.chain(["moved", "kept"].map(|fate| (fate.to_owned(), true))) {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().join("jobs");
            let status = ended(writer_process(&root, "a", &fate));
            assert_eq!(status.code(), None, "{fate}: it was not killed");
            assert_eq!(names(&root).len(), 1, "{fate}: {:?}", names(&root));
            assert_eq!(content(&root), is_published.then(|| "a".to_owned()), "{fate}");
            assert_eq!(sweep(&root), usize::from(!is_published), "{fate}");
            assert_eq!(names(&root).len(), usize::from(is_published), "{fate}");

            // Run again: it completes, or finds what is there and leaves it alone.
            assert_eq!(write(&root, "b").is_ok(), !is_published, "{fate}");
            assert_eq!(content(&root).unwrap(), if is_published { "a" } else { "b" }, "{fate}");
            assert_eq!(names(&root), [id().to_string()], "{fate}");
        }
    }

    #[test]
    fn who_dies_while_taking_a_folder_away_has_taken_it() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "a").unwrap();
        assert_eq!(ended(writer_process(dir.path(), "none", "taken away")).code(), None);
        assert!(content(dir.path()).is_none());
        assert_eq!(sweep(dir.path()), 1);
        assert_eq!(ended(writer_process(dir.path(), "none", "")).code(), Some(0), "it is gone already");
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn processes_that_write_one_job_at_once_leave_the_folder_of_one() {
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let writers =
                ["a", "b", "c", "d"].map(|content| (content, writer_process(dir.path(), content, "")));
            let ended = writers.map(|(content, writer)| (content, ended(writer).success()));
            let won: Vec<&str> = ended.iter().filter(|(_, won)| *won).map(|(content, _)| *content).collect();
            assert_eq!(won, [content(dir.path()).unwrap()], "the one that says so");
            assert_eq!(names(dir.path()), [id().to_string()]);
        }
    }

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let (held, left) = (Staging::new(root, &id()).unwrap(), Staging::new(root, &id()).unwrap());
        held.write("result.json", b"{}").unwrap();
        let old = root.join(format!(".{}", id()));
        std::fs::create_dir_all(old.join("deeper")).unwrap();
        for other in [".other", ".", "result", "0193f5a0-0000-7000-8000-000000000002"] {
            std::fs::create_dir_all(root.join(other)).unwrap();
        }
        let left = {
            let Staging { folder, _lock } = left;
            folder.keep()
        };
        assert_eq!(sweep(root), 2);
        assert!(!left.exists() && !old.exists());
        assert!(held.folder.path().join("result.json").exists());
        assert_eq!(names(root).len(), 4);
        let path = held.folder.path().to_owned();
        drop(held);
        assert!(!path.exists(), "an attempt that is given up takes its folder with it");
    }

    #[test]
    fn a_folder_that_is_removed_before_it_is_locked_is_no_attempt() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gone");
        assert!(locked(&path).unwrap().is_none());
        std::fs::create_dir(&path).unwrap();
        let lock = locked(&path).unwrap().unwrap();
        assert!(locked(&path).unwrap().is_none(), "it is held");
        drop(lock);
        assert!(locked(&path).unwrap().is_some());
    }

    #[test]
    fn folders_are_made_at_any_depth_with_the_permissions_of_any() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_folders(&deep).unwrap();
        create_folders(&deep).unwrap();
        write(&deep, "a").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&deep.join(id().to_string())), mode(&deep));
        sync_folder(Path::new("")).unwrap();
    }
}
