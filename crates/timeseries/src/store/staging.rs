//! What killed writers leave half-written in a directory.
//!
//! A put to a directory fills a file beside its target, `<target>#<number>`, and moves it into place when it has
//! reached the disk. Whoever is killed in between leaves it behind. Listings do not show such files and no key
//! names one, so that nothing depends on them. Pruning deletes those that nobody has touched for a grace period: a
//! writer that slept as long finds its own gone, which fails its put like any other fault of the storage.

use std::fs::{DirEntry, read_dir, remove_file};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use tradai_domain::Millis;

use crate::error::Error;

/// Folders of a symbol in which objects are, besides its own.
const FOLDERS: [&str; 3] = ["v", "d", "gc"];

/// A file that was to become an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staged {
    path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) modified: Millis,
}

impl Staged {
    /// Deletes it; that it is gone is as good.
    pub(crate) fn delete(&self) -> Result<(), Error> {
        unless_gone(remove_file(&self.path), &self.path).map(drop)
    }
}

/// Returns the half-written files of a symbol's folder.
pub(crate) fn of_symbol(folder: &Path) -> Result<Vec<Staged>, Error> {
    find(FOLDERS.iter().map(|name| folder.join(name)).chain([folder.to_owned()]))
}

/// Returns the half-written files of a library's folder: of its description and of its snapshots.
pub(crate) fn of_library(folder: &Path) -> Result<Vec<Staged>, Error> {
    let snapshots = folder.join("snap");
    let names = entries(&snapshots)?.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir());
    find(names.chain([folder.to_owned()]))
}

fn find(folders: impl Iterator<Item = PathBuf>) -> Result<Vec<Staged>, Error> {
    let mut found = Vec::new();
    for folder in folders {
        for entry in entries(&folder)? {
            if entry.file_name().to_str().is_some_and(is_staged) {
                found.extend(describe(&entry)?);
            }
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, Error> {
    let Some(entries) = unless_gone(read_dir(folder), folder)? else { return Ok(Vec::new()) };
    entries.map(|entry| entry.map_err(|source| Error::Io { path: folder.to_owned(), source })).collect()
}

fn is_staged(name: &str) -> bool {
    let number = name.rsplit_once('#').map_or("", |(_, number)| number);
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn describe(entry: &DirEntry) -> Result<Option<Staged>, Error> {
    let path = entry.path();
    let Some(metadata) = unless_gone(entry.metadata(), &path)? else { return Ok(None) };
    let modified = unless_gone(metadata.modified(), &path)?;
    let staged = |modified: std::time::SystemTime| {
        let modified = DateTime::<Utc>::from(modified).timestamp_millis();
        Staged { path, bytes: metadata.len(), modified }
    };
    Ok(modified.filter(|_| metadata.is_file()).map(staged))
}

/// Files come and go while we look.
fn unless_gone<T>(outcome: std::io::Result<T>, path: &Path) -> Result<Option<T>, Error> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_half_written_files() {
        for (name, is) in [
            ("HEAD.json#1", true),
            ("2024-01-0123456789abcdef.parquet#12", true),
            ("HEAD.json", false),
            ("HEAD.json#", false),
            ("notes#1b", false),
        ] {
            assert_eq!(is_staged(name), is, "{name}");
        }
    }
}
