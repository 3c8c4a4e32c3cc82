//! Storages that break a promise, and surroundings that break an assumption: the simulation must notice.

use bytes::Bytes;
use tradai_domain::Millis;

use crate::disk::{Action, Answer, Disk};
use crate::world::Role;

/// One broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Writers do not see what collectors have released, as if they did not ask.
    WritersBlindToBoundaries,
    /// Readers do not see it either, so that every hint looks young.
    ReadersBlindToBoundaries,
    /// Create replaces what is there.
    CreateOverwrites,
    /// Create says that it stored what it did not.
    CreateForgets,
    /// Collectors do not see snapshots.
    CollectorsBlindToSnapshots,
    /// To collectors every data file looks old.
    FilesLookOld,
    /// A manifest is stored with its last data file's name changed.
    WrongRows,
}

impl Sabotage {
    pub(crate) fn perform(self, disk: &mut Disk, action: &Action, role: Role, now: Millis) -> Answer {
        let lists = |folder: &str| matches!(action, Action::List(key) if key.ends_with(folder));
        match (self, action) {
            (Self::WritersBlindToBoundaries, _) if role == Role::Writer && lists("/gc") => {
                Answer::Listed(Vec::new())
            }
            (Self::ReadersBlindToBoundaries, _) if role == Role::Reader && lists("/gc") => {
                Answer::Listed(Vec::new())
            }
            (Self::CollectorsBlindToSnapshots, _) if role == Role::Collector && lists("/snap") => {
                Answer::Listed(Vec::new())
            }
            (Self::FilesLookOld, _) if role == Role::Collector && lists("/d") => {
                let Answer::Listed(mut objects) = disk.perform(action, now) else { return Answer::Failed };
                objects.iter_mut().for_each(|(_, object)| object.modified = 0);
                Answer::Listed(objects)
            }
            (Self::CreateOverwrites, Action::Create(key, bytes)) if key.contains("/v/") => {
                disk.perform(&Action::Put(key.clone(), bytes.clone()), now)
            }
            (Self::CreateForgets, Action::Create(key, _)) if key.contains("/v/") => {
                match disk.perform(action, now) {
                    Answer::Exists => Answer::Done,
                    other => other,
                }
            }
            (Self::WrongRows, Action::Put(key, bytes)) if key.contains("/d/") => {
                let mut bytes = bytes.to_vec();
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
                disk.perform(&Action::Put(key.clone(), Bytes::from(bytes)), now)
            }
            _ => disk.perform(action, now),
        }
    }
}
