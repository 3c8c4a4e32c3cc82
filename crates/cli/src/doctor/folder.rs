//! Whether the data folder can hold a platform's state.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::check::Check;

const FOLDER: &str = "data folder";
const DISK: &str = "disk space";
const MIB: u64 = 1024 * 1024;
/// Less than this and a few results fill the disk.
const LITTLE: u64 = 1024 * MIB;
/// Less than this and the state itself cannot grow.
const TOO_LITTLE: u64 = 100 * MIB;

/// Looks at the folder; at the one that it would be made in, if it is not there.
pub(super) fn check(folder: &Path) -> Vec<Check> {
    let is_there = folder.is_dir();
    let existing = if folder.exists() && !is_there { None } else { nearest(folder) };
    let Some(existing) = existing else {
        let detail = format!("{} is no folder, and cannot be made one", folder.display());
        return vec![Check::fail(FOLDER, detail, "choose another --data-dir")];
    };
    let what = if is_there {
        format!("{} can be written and locked", folder.display())
    } else {
        format!("{} is not there yet, and can be made", folder.display())
    };
    let writable = match try_out(&existing) {
        Ok(()) => Check::ok(FOLDER, what),
        Err(error) => {
            let detail = format!("{} cannot be used: {error}", existing.display());
            Check::fail(FOLDER, detail, "choose a folder of yours on a local disk with --data-dir")
        }
    };
    vec![writable, disk(&existing)]
}

/// The folder, or the nearest one above it that is there.
fn nearest(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().find(|path| path.is_dir()).map(Path::to_owned)
}

/// Writes, locks and deletes a file as the state does. Some network folders take every lock.
fn try_out(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(b"tradai doctor")?;
    file.as_file().sync_all()?;
    let refused = |error: TryLockError| io::Error::other(format!("files cannot be locked: {error}"));
    file.as_file().try_lock().map_err(refused)?;
    match File::open(file.path())?.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Err(io::Error::other("locks hold nobody back there")),
    }
}

fn disk(folder: &Path) -> Check {
    let free = match statvfs(folder) {
        Ok(found) => found.blocks_available().saturating_mul(found.fragment_size()),
        Err(error) => return Check::warn(DISK, format!("is not known: {error}"), "look with `df`"),
    };
    let found = format!("{} MiB are free", free / MIB);
    match free {
        0..TOO_LITTLE => Check::fail(DISK, found, "free some, or choose another --data-dir"),
        TOO_LITTLE..LITTLE => Check::warn(DISK, found, "results and candles need more before long"),
        _ => Check::ok(DISK, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_where_it_would_be() {
        let place = tempfile::tempdir().unwrap();
        let checks = check(&place.path().join("a/b"));
        assert_eq!(checks[0].status, Status::Ok, "{checks:?}");
        assert!(checks[0].detail.contains("can be made"), "{checks:?}");
        assert!(std::fs::read_dir(place.path()).unwrap().next().is_none(), "nothing is left");
    }

    #[test]
    fn a_file_in_its_place_is_no_folder() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("data"), "x").unwrap();
        let checks = check(&place.path().join("data"));
        assert_eq!(checks[0].status, Status::Fail, "{checks:?}");
    }
}
