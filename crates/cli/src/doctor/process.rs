//! What the system lets one process have.

use nix::sys::resource::{Resource, getrlimit};

use super::check::Check;

const FILES: &str = "open files";
/// A thousand WebSockets, and what everything else has open.
const ENOUGH: u64 = 2_048;
/// Sockets of three services, candle files of two jobs, and little else.
const NEEDED: u64 = 256;

/// Looks at how many files, sockets among them, may be open.
pub(super) fn open_files() -> Check {
    let allowed = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) => soft,
        Err(error) => {
            return Check::warn(FILES, format!("the limit is not known: {error}"), "see `ulimit -n`");
        }
    };
    let found = format!("{allowed} may be open");
    match allowed {
        0..NEEDED => Check::fail(FILES, found, "raise it: `ulimit -n 4096`"),
        NEEDED..ENOUGH => Check::warn(FILES, found, "a thousand WebSockets need more: `ulimit -n 4096`"),
        _ => Check::ok(FILES, found),
    }
}
