//! Candles of a reply gone wrong; the tape stays as it is.

use serde::{Deserialize, Serialize};

use crate::tape::Fold;

/// What happens to the rows of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EditKind {
    /// A row comes twice.
    Duplicate,
    /// A row is missing.
    Missing,
    /// The two latest rows are not there yet.
    Late,
    /// Two rows are swapped.
    OutOfOrder,
    /// The close of a row is one part in a thousand higher, and with it maybe the high, as if corrected later.
    Corrected,
}

/// An edit, and the draw that decides which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CandleEdit {
    pub(crate) kind: EditKind,
    pub(crate) draw: u64,
}

/// Returns rows after an edit.
pub(crate) fn edit_candles(mut rows: Vec<Fold>, edit: Option<CandleEdit>) -> Vec<Fold> {
    let (Some(edit), false) = (edit, rows.is_empty()) else { return rows };
    let at = usize::try_from(edit.draw % rows.len() as u64).unwrap_or(0);
    match edit.kind {
        EditKind::Duplicate => rows.insert(at, rows[at].clone()),
        EditKind::Missing => drop(rows.remove(at)),
        EditKind::Late => rows.truncate(rows.len().saturating_sub(2)),
        EditKind::OutOfOrder => {
            let other = (at + 1) % rows.len();
            rows.swap(at, other);
        }
        EditKind::Corrected => {
            rows[at].close += rows[at].close / 1_000;
            rows[at].high = rows[at].high.max(rows[at].close);
        }
    }
    rows
}
