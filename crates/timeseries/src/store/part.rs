//! Which rows of a version a read is about.

use tradai_domain::TimeRange;

use super::manifest::{FileEntry, Manifest};
use super::rows::Rows;

/// Some rows of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Those whose time lies in a range.
    In(TimeRange),
    /// The oldest ones, so many of them.
    First(usize),
    /// The newest ones, so many of them.
    Last(usize),
}

impl Part {
    /// Returns the files that may hold these rows.
    pub(crate) fn files(self, manifest: &Manifest) -> &[FileEntry] {
        let files = &manifest.files;
        match self {
            Self::In(range) => {
                let overlaps = |file: &FileEntry| range.overlaps(file.ts_min, file.ts_max);
                let ends = files.iter().position(overlaps).zip(files.iter().rposition(overlaps));
                ends.map_or(&[], |(start, end)| &files[start..=end])
            }
            Self::First(rows) => &files[..files_with(files.iter(), rows)],
            Self::Last(rows) => &files[files.len() - files_with(files.iter().rev(), rows)..],
        }
    }

    /// Returns the times of the rows to take out of those files.
    pub(crate) fn range(self) -> TimeRange {
        if let Self::In(range) = self { range } else { TimeRange::ALL }
    }

    /// Returns these rows out of all rows of the files.
    pub(crate) fn cut<R: Rows>(self, rows: R) -> R {
        let found = rows.times().len();
        match self {
            Self::First(wanted) if wanted < found => rows.slice(0..wanted),
            Self::Last(wanted) if wanted < found => rows.slice(found - wanted..found),
            _ => rows,
        }
    }
}

/// Returns how many of the files, taken one after the other, have so many rows between them.
fn files_with<'a>(files: impl Iterator<Item = &'a FileEntry>, wanted: usize) -> usize {
    let mut missing = u64::try_from(wanted).unwrap_or(u64::MAX);
    files
        .take_while(|file| {
            let is_needed = missing > 0;
            missing = missing.saturating_sub(file.rows);
            is_needed
        })
        .count()
}
