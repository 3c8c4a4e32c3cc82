//! Where the shared reference material is, if anywhere.

use std::path::PathBuf;

/// The folder, or nothing (said once per test, in one line).
pub(crate) fn shared() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let path = PathBuf::from(std::env::var("TRADAI_SHARED").unwrap_or_else(|_| default.to_owned()));
    if path.join("golden").is_dir() {
        return Some(path);
    }
    println!("skipped: no reference material at {} (set TRADAI_SHARED)", path.display());
    None
}
