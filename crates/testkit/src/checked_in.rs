//! Documents that are made of code and checked in: what reviewers see of a change.

use std::fs;
use std::path::Path;

/// Holds a document against its file, which `UPDATE_SNAPSHOTS=1` writes.
#[track_caller]
pub fn checked_in(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    let first = text.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    let path = path.display();
    assert!(text == kept, "UPDATE_SNAPSHOTS=1 writes {path}; the first line that differs is {first:?}");
}
