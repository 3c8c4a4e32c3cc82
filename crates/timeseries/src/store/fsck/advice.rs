//! What to do about what a check found. Commands are named only where the command line has them: for candles.

use tradai_domain::{CandleKind, SeriesKey};

use super::super::layout::{CANDLES, LibraryLayout, SymbolLayout};

/// Said of a description that is there and damaged.
pub(super) const RESTORE_DESCRIPTION: &str =
    "put the original back from a backup; the series below it are intact if nothing else is found";

/// Said of what only old versions need.
pub(super) const NOTHING: &str = "newer versions do not need it; nothing has to be done";

/// Says what to do about a description that is gone; `line` is its text, if that is known.
pub(super) fn lost_description(line: Option<&str>) -> String {
    let rewrite = line.map_or_else(String::new, |line| format!(", or write it anew, one line: {line}"));
    format!("put it back from a backup{rewrite}; until then nothing new is stored in the library")
}

/// Says what to do about a newest version that is damaged while `good` is not.
pub(super) fn restore(series: Option<&SeriesKey>, good: u64) -> String {
    let restore = match series {
        Some(key) => format!(
            "`tradai data restore {} --version {good}` makes it the newest again",
            series_arguments(key)
        ),
        None => "restore it".to_owned(),
    };
    format!("version {good} is the newest intact one: {restore}, then bring what came later once more")
}

/// Says what to do about a symbol of which no version is intact.
pub(super) fn write_anew(layout: &SymbolLayout) -> String {
    match layout.library().0 {
        CANDLES => {
            "no version is intact: bring the series again by `tradai data import --replace`".to_owned()
        }
        library => {
            format!("no version is intact: write the table {} of the library {library} anew", layout.symbol())
        }
    }
}

/// Says what to do about a manifest that is lost while the hint is an intact copy of it.
pub(super) fn copy_back(layout: &SymbolLayout, number: u64) -> String {
    format!("an intact copy of it is there: copy {} to {}", layout.head(), layout.manifest(number))
}

/// Says what to do about a boundary above all versions.
pub(super) fn false_boundary(newest: Option<u64>) -> String {
    let there =
        newest.map_or_else(String::new, |newest| format!(", and versions up to {newest} are there again"));
    format!("put the versions after it back from a backup; if there never were any, move it away{there}")
}

/// Says what to do about a boundary that no collector made.
pub(super) fn foreign_boundary(number: u64) -> String {
    format!(
        "versions up to {number} count as released while it is there; move it away if no pruning released them"
    )
}

/// Says what to do about a snapshot that does not hold what it names.
pub(super) fn delete_snapshot(library: LibraryLayout<'_>, name: &str) -> String {
    match library.0 {
        CANDLES => format!("`tradai data snapshot delete {}` forgets it", shell_word(name)),
        library => format!("deleting the snapshot {name} of the library {library} forgets it"),
    }
}

/// Writes a series as the arguments that name it.
fn series_arguments(key: &SeriesKey) -> String {
    let is_traded = CandleKind::traded(&key.symbol) == key.kind;
    let kind = if is_traded { String::new() } else { format!(" --kind {}", key.kind) };
    format!("{} {}{kind}", key.symbol, key.timeframe)
}

/// Writes a name as one word of a shell's command line.
fn shell_word(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'+');
    if name.bytes().all(is_plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}
