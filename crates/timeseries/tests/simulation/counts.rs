//! What happened in schedules, added up.

use std::fmt;

use crate::disk::Action;
use crate::faults::{FAULTS, Fault, position};

/// Sums over schedules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) schedules: u64,
    pub(crate) requests: u64,
    pub(crate) faults: [u64; FAULTS.len()],
    pub(crate) operations: u64,
    pub(crate) commits: u64,
    pub(crate) unchanged: u64,
    pub(crate) conflicts: u64,
    pub(crate) busy: u64,
    pub(crate) unknown: u64,
    /// Operations that ended with a storage's error.
    pub(crate) storage_errors: u64,
    pub(crate) reads: u64,
    /// Reads of versions that were gone.
    pub(crate) gone: u64,
    pub(crate) snapshots: u64,
    pub(crate) prunes: u64,
    /// Creations of manifests that were versions.
    pub(crate) versions: u64,
    /// Creations that took the number of a version that was gone.
    pub(crate) stale: u64,
    /// Versions whose manifest a collector deleted.
    pub(crate) collected: u64,
    pub(crate) files_deleted: u64,
}

impl Counts {
    pub(crate) fn request(&mut self, _: &Action) {
        self.requests += 1;
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults[position(fault)] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in self.faults.iter_mut().zip(other.faults) {
            *sum += more;
        }
        for (sum, more) in [
            (&mut self.schedules, other.schedules),
            (&mut self.requests, other.requests),
            (&mut self.operations, other.operations),
            (&mut self.commits, other.commits),
            (&mut self.unchanged, other.unchanged),
            (&mut self.conflicts, other.conflicts),
            (&mut self.busy, other.busy),
            (&mut self.unknown, other.unknown),
            (&mut self.storage_errors, other.storage_errors),
            (&mut self.reads, other.reads),
            (&mut self.gone, other.gone),
            (&mut self.snapshots, other.snapshots),
            (&mut self.prunes, other.prunes),
            (&mut self.versions, other.versions),
            (&mut self.stale, other.stale),
            (&mut self.collected, other.collected),
            (&mut self.files_deleted, other.files_deleted),
        ] {
            *sum += more;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> =
            FAULTS.iter().zip(self.faults).map(|(fault, count)| format!("{fault:?} {count}")).collect();
        writeln!(
            f,
            "{} schedules, {} requests, {} operations",
            self.schedules, self.requests, self.operations
        )?;
        writeln!(f, "faults: {}", faults.join(", "))?;
        writeln!(
            f,
            "acknowledged: {} commits, {} without change; refused: {} conflicts, {} busy; open: {} unknown \
             outcomes, {} storage errors",
            self.commits, self.unchanged, self.conflicts, self.busy, self.unknown, self.storage_errors
        )?;
        writeln!(
            f,
            "{} reads, {} of versions gone; {} snapshots, {} prunes",
            self.reads, self.gone, self.snapshots, self.prunes
        )?;
        write!(
            f,
            "{} versions made, {} manifests came too late to be one, {} versions and {} files collected",
            self.versions, self.stale, self.collected, self.files_deleted
        )
    }
}
