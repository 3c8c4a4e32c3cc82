//! Strategies that ship, and those in a folder.
//!
//! The folder is read on every request: people put files there by hand, and other programs read it, too. Files are
//! written under a lock that every instance takes, and appear whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tradai_control_plane::configs::JobInputs;
use tradai_control_plane::strategies::{
    BrokenFile, FileFault, InputFault, ReadFile, SourceListing, StoredFile, StrategyEntry, StrategyOrigin,
    StrategySource,
};
use tradai_domain::ports::PortError;
use tradai_domain::{ErrorKind, StrategyName};
use tradai_strategy::Registry;
use tradai_strategy::registry::StrategyOrigin as RegistryOrigin;

use super::entry;
use super::file_lock::FolderLock;

/// Largest file that is looked at, in bytes; what reads it refuses somewhat smaller ones already.
const MAX_BYTES: u64 = 2_000_000;
/// Files of a folder that are looked at.
const MAX_FILES: usize = 2_000;

/// The folder of strategies, and those that ship.
#[derive(Clone)]
pub struct StrategyFolder {
    folder: Arc<Path>,
    bundled: Arc<BTreeMap<StrategyName, StrategyEntry>>,
}

impl StrategyFolder {
    /// Opens a folder, and makes it if there is none.
    ///
    /// # Errors
    /// [`PortError`] when it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, PortError> {
        std::fs::create_dir_all(folder).map_err(|error| unavailable(folder, &error))?;
        Ok(Self { folder: folder.into(), bundled: Arc::new(bundled()) })
    }

    /// Says whether the folder can be read.
    ///
    /// # Errors
    /// [`PortError`] when it cannot.
    pub async fn ping(&self) -> Result<(), PortError> {
        self.blocking(|this| {
            std::fs::read_dir(&this.folder).map(drop).map_err(|error| unavailable(&this.folder, &error))
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let this = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&this)).await;
        done.map_err(|error| PortError::new(ErrorKind::Internal, error.to_string()))?
    }

    /// Reads all there is.
    fn load(&self) -> Result<SourceListing, PortError> {
        let files = tradai_runner::strategies::strategy_files(&self.folder)
            .map_err(|error| PortError::new(ErrorKind::Unavailable, error.to_string()))?;
        if files.len() > MAX_FILES {
            let problem =
                format!("the folder of strategies has {} files; at most {MAX_FILES} are read", files.len());
            return Err(PortError::new(ErrorKind::Invalid, problem));
        }
        let (mut found, mut broken) = (BTreeMap::new(), Vec::new());
        for path in files {
            let file = self.shown(&path);
            match load_file(&path, &file) {
                Ok(strategy) => match found.get(&strategy.name) {
                    None => drop(found.insert(strategy.name.clone(), strategy)),
                    Some(other) => broken.push(taken(file, &strategy.name, other)),
                },
                Err(faults) => broken.push(BrokenFile { file, faults }),
            }
        }
        for (name, strategy) in self.bundled.iter() {
            found.entry(name.clone()).or_insert_with(|| strategy.clone());
        }
        Ok(SourceListing { strategies: found.into_values().collect(), broken })
    }

    fn load_one(&self, name: &StrategyName) -> Result<Option<StrategyEntry>, PortError> {
        Ok(self.load()?.strategies.into_iter().find(|strategy| strategy.name == *name))
    }

    /// A file as clients see it: its place in the folder, not where the folder is.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    fn store_blocking(
        &self,
        name: &StrategyName,
        text: &str,
        replaces: Option<&str>,
    ) -> Result<StoredFile, PortError> {
        let failed = |error: std::io::Error| unavailable(&self.folder, &error);
        let _lock = FolderLock::take(&self.folder).map_err(failed)?;
        let there = self.load_one(name)?;
        let new_file = || self.folder.join(format!("{name}.yaml"));
        let path = match (&there, replaces) {
            (Some(there), _) if there.text == text => return Ok(StoredFile::Unchanged),
            (Some(_), None) => return Ok(StoredFile::Exists),
            (Some(there), Some(hash)) if there.source_hash != hash => return Ok(StoredFile::Changed),
            (None, Some(_)) => return Ok(StoredFile::Changed),
            (Some(there), _) if there.origin == StrategyOrigin::Folder => self.folder.join(&there.file),
            _ if new_file().symlink_metadata().is_ok() => return Ok(StoredFile::Taken),
            _ => new_file(),
        };
        write_whole(&path, text).map_err(failed)?;
        Ok(if there.is_some() { StoredFile::Replaced } else { StoredFile::Created })
    }
}

#[async_trait]
impl StrategySource for StrategyFolder {
    async fn list(&self) -> Result<SourceListing, PortError> {
        self.blocking(Self::load).await
    }

    async fn find(&self, name: &StrategyName) -> Result<Option<StrategyEntry>, PortError> {
        let name = name.clone();
        self.blocking(move |this| this.load_one(&name)).await
    }

    async fn read(&self, text: String) -> Result<Result<ReadFile, Vec<FileFault>>, PortError> {
        self.blocking(move |_| Ok(entry::read(&text, "tradai.yaml", StrategyOrigin::Folder))).await
    }

    async fn faults(
        &self,
        strategy: &StrategyEntry,
        inputs: &JobInputs,
    ) -> Result<Vec<InputFault>, PortError> {
        let (strategy, inputs) = (strategy.clone(), inputs.clone());
        self.blocking(move |_| Ok(entry::faults(&strategy, &inputs))).await
    }

    async fn store(
        &self,
        name: &StrategyName,
        text: String,
        replaces: Option<&str>,
    ) -> Result<StoredFile, PortError> {
        let (name, replaces) = (name.clone(), replaces.map(str::to_owned));
        self.blocking(move |this| this.store_blocking(&name, &text, replaces.as_deref())).await
    }
}

fn bundled() -> BTreeMap<StrategyName, StrategyEntry> {
    let registry = Registry::bundled();
    let texts = registry.entries().filter_map(|(name, entry)| match entry.origin {
        RegistryOrigin::Bundled(text) => Some((name, text)),
        _ => None,
    });
    let read = texts.filter_map(|(name, text)| {
        match entry::read(text, &format!("{name}.yaml"), StrategyOrigin::Bundled) {
            Ok(ReadFile::Strategy(entry)) => Some((entry.name.clone(), *entry)),
            // A test of the registry reads every one of them, so that nothing is left out here.
            _ => None,
        }
    });
    read.collect()
}

fn load_file(path: &Path, shown: &str) -> Result<StrategyEntry, Vec<FileFault>> {
    let fault =
        |message: String| vec![FileFault { line: 0, column: 0, key: String::new(), message, snippet: None }];
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| fault(format!("cannot be read: {}", error.kind())))?;
    let read = file.take(MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| fault(format!("cannot be read: {}", error.kind())))?;
    let text = String::from_utf8(bytes).map_err(|_| fault("is no text in UTF-8".to_owned()))?;
    match entry::read(&text, shown, StrategyOrigin::Folder)? {
        ReadFile::Strategy(entry) => Ok(*entry),
        ReadFile::Elsewhere { entry_point, .. } => Err(fault(format!(
            "describes a strategy whose rules live in {entry_point}; it cannot be run here"
        ))),
    }
}

fn taken(file: String, name: &StrategyName, other: &StrategyEntry) -> BrokenFile {
    let message = format!("is {name}, and so is {}; the first one by name counts", other.file);
    let key = "strategy.name".to_owned();
    BrokenFile { file, faults: vec![FileFault { line: 0, column: 0, key, message, snippet: None }] }
}

/// Writes a file in one step: whoever reads it sees the old text or the new one.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".strategy-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other file: programs of other users run jobs. The process's mask takes its part away.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(&folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(&folder)?.sync_all()
}

fn unavailable(folder: &Path, error: &std::io::Error) -> PortError {
    PortError::new(ErrorKind::Unavailable, format!("the folder of strategies {}: {error}", folder.display()))
}

impl std::fmt::Debug for StrategyFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StrategyFolder").field(&self.folder).finish()
    }
}
