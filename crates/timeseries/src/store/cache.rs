//! What a store remembers between calls: the newest known manifest of each symbol, and the libraries.
//!
//! Nothing here is trusted: a remembered manifest says where to look, and is dropped when it is older than
//! [`TRUST_MS`], because a collector may have deleted what would tell that it is old.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tradai_domain::Millis;

use super::head::Stored;
use super::layout::SymbolLayout;
use super::library::Library;

/// How long a fact read from the storage may be built upon. Collectors wait at least twice as long between
/// saying what they will delete and deleting it ([`super::retention::MIN_GRACE_MS`]).
pub(crate) const TRUST_MS: Millis = 30 * 60_000;

/// Symbols remembered; beyond, one of them is forgotten for each new one.
const MAX_SYMBOLS: usize = 2_048;

/// Shared by all clones of a store.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    heads: Mutex<HashMap<String, Seen>>,
    libraries: Mutex<HashMap<String, Library>>,
}

#[derive(Debug, Clone)]
struct Seen {
    stored: Arc<Stored>,
    /// When it was certain to be the newest, by the store's clock.
    at: Millis,
}

/// Returns whether something that began at `started` may still be relied upon. A clock that went backwards
/// tells nothing, so that it does not count.
pub(crate) fn is_recent(started: Millis, now: Millis) -> bool {
    (0..TRUST_MS).contains(&now.saturating_sub(started))
}

impl Cache {
    /// Returns the manifest that was the newest a short while ago, and when that was certain.
    pub(crate) fn head(&self, layout: &SymbolLayout, now: Millis) -> Option<(Arc<Stored>, Millis)> {
        let mut heads = locked(&self.heads);
        let seen = heads.get(layout.folder())?;
        if is_recent(seen.at, now) {
            return Some((Arc::clone(&seen.stored), seen.at));
        }
        heads.remove(layout.folder());
        None
    }

    /// Notes a manifest that was the newest at `at`.
    pub(crate) fn note_head(&self, layout: &SymbolLayout, stored: &Arc<Stored>, at: Millis) {
        let mut heads = locked(&self.heads);
        if let Some(seen) = heads.get_mut(layout.folder()) {
            if seen.stored.manifest.version <= stored.manifest.version {
                *seen = Seen { stored: Arc::clone(stored), at };
            }
            return;
        }
        if heads.len() >= MAX_SYMBOLS
            && let Some(any) = heads.keys().next().cloned()
        {
            heads.remove(&any);
        }
        heads.insert(layout.folder().to_owned(), Seen { stored: Arc::clone(stored), at });
    }

    /// Forgets a symbol.
    pub(crate) fn forget(&self, layout: &SymbolLayout) {
        locked(&self.heads).remove(layout.folder());
    }

    pub(crate) fn library(&self, name: &str) -> Option<Library> {
        locked(&self.libraries).get(name).cloned()
    }

    pub(crate) fn note_library(&self, name: &str, library: &Library) {
        locked(&self.libraries).insert(name.to_owned(), library.clone());
    }
}

/// A panic elsewhere leaves facts that are still facts.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
