//! Writing to standard output.

use std::io::Write;

use serde::Serialize;

/// Prints a text and a line feed. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n')) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Prints one JSON document.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Columns of the terminal; 0 where there is none.
pub(crate) fn width() -> usize {
    let size = console::Term::stdout().size_checked();
    size.map_or(0, |(_, columns)| usize::from(columns))
}
