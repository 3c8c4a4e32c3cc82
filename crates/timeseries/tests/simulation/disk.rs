//! What is stored: the contract of an object storage and nothing else.
//!
//! A put stores the whole payload or nothing, create is exclusive, and reads and lists show what was put. The
//! times of objects are the simulation's.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tradai_domain::Millis;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Get(String),
    /// Put where nothing is.
    Create(String, Bytes),
    Put(String, Bytes),
    Delete(String),
    /// Every object below a folder.
    List(String),
    /// The folders in a folder.
    Folders(String),
}

/// What the storage answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Found(Object),
    Missing,
    Done,
    Exists,
    Listed(Vec<(String, Object)>),
    Folders(Vec<String>),
    /// The request failed, whether it had an effect or not.
    Failed,
}

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(crate) modified: Millis,
}

/// All objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Disk(BTreeMap<String, Object>);

impl Action {
    /// Returns the object or folder asked for.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Get(key)
            | Self::Create(key, _)
            | Self::Put(key, _)
            | Self::Delete(key)
            | Self::List(key)
            | Self::Folders(key) => key,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Get(_) => "get",
            Self::Create(..) => "create",
            Self::Put(..) => "put",
            Self::Delete(_) => "delete",
            Self::List(_) => "list",
            Self::Folders(_) => "folders",
        }
    }

    /// Returns whether the request concerns the hint of where the newest version is.
    pub(crate) fn is_hint(&self) -> bool {
        self.key().ends_with("HEAD.json")
    }

    /// Returns whether the request changes what is stored.
    pub(crate) fn writes(&self) -> bool {
        matches!(self, Self::Create(..) | Self::Put(..) | Self::Delete(_))
    }
}

impl Disk {
    pub(crate) fn perform(&mut self, action: &Action, now: Millis) -> Answer {
        match action {
            Action::Get(key) => self.0.get(key).cloned().map_or(Answer::Missing, Answer::Found),
            Action::Create(key, _) if self.0.contains_key(key) => Answer::Exists,
            Action::Create(key, bytes) | Action::Put(key, bytes) => {
                self.0.insert(key.clone(), Object { bytes: bytes.clone(), modified: now });
                Answer::Done
            }
            Action::Delete(key) => match self.0.remove(key) {
                Some(_) => Answer::Done,
                None => Answer::Missing,
            },
            Action::List(folder) => Answer::Listed(self.list(folder, None)),
            Action::Folders(folder) => Answer::Folders(self.folders(folder)),
        }
    }

    /// Returns the objects below a folder whose keys come after `after`.
    pub(crate) fn list(&self, folder: &str, after: Option<&str>) -> Vec<(String, Object)> {
        let prefix = prefix(folder);
        let below = self.0.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        let rest = below.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        rest.map(|(key, object)| (key.clone(), object.clone())).collect()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        let prefix = prefix(folder);
        let below = self.0.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        let folders: BTreeSet<String> = below
            .filter_map(|(key, _)| key[prefix.len()..].split_once('/'))
            .map(|(first, _)| format!("{prefix}{first}"))
            .collect();
        folders.into_iter().collect()
    }
}

fn prefix(folder: &str) -> String {
    if folder.is_empty() { String::new() } else { format!("{folder}/") }
}
