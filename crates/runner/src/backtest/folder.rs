//! Job folders.
//!
//! Invariant: a folder that was written is whole and on the disk, so that a job whose end is on record has its result
//! after a loss of power too.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;
use tradai_domain::JobId;

use super::{Finished, Manifest, result_file, table};
use crate::Error;
use crate::report::{ReportInput, render};
use crate::rules::read_map;

/// Files of a job folder beside its manifest.
pub const JOB_FILES: [&str; 4] = ["result.json", "trades.parquet", "equity.parquet", "report.html"];

const MANIFEST: &str = "manifest.json";

/// The folder that holds one folder per job.
#[derive(Debug, Clone)]
pub struct JobFolder {
    root: PathBuf,
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobSummary {
    /// What it ran on.
    pub manifest: Manifest,
    /// Its `result.json`.
    pub result: Value,
    /// Its folder.
    pub path: PathBuf,
}

impl JobFolder {
    /// Returns the folder, which need not exist yet.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns where a job is or will be.
    #[must_use]
    pub fn path(&self, job_id: &JobId) -> PathBuf {
        self.root.join(job_id.to_string())
    }

    /// Reads the manifest of a job.
    ///
    /// # Errors
    /// [`Error`] when there is no such job, or its manifest cannot be read.
    pub fn manifest(&self, job_id: &JobId) -> Result<Manifest, Error> {
        let path = self.path(job_id).join(MANIFEST);
        let manifest: Manifest = read_map(&path)?;
        if manifest.is_readable() {
            Ok(manifest)
        } else {
            Err(Error::file(&path, "was written by a newer version of tradai; update to read it"))
        }
    }

    /// Reads one job for a list.
    ///
    /// # Errors
    /// [`Error`] naming the file that is missing or broken.
    pub fn summary(&self, job_id: &JobId) -> Result<JobSummary, Error> {
        let path = self.path(job_id);
        let result = read_map(&path.join("result.json"))?;
        Ok(JobSummary { manifest: self.manifest(job_id)?, result, path })
    }

    /// Returns the ids of all jobs, newest first. Ids sort by the time they were made.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be listed; one that does not exist is empty.
    pub fn list(&self) -> Result<Vec<JobId>, Error> {
        let entries = match std::fs::read_dir(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::io(&self.root))?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(Error::io(&self.root))?.file_name();
            ids.extend(name.to_str().and_then(|name| name.parse::<JobId>().ok()));
        }
        ids.sort_unstable_by(|one, other| other.cmp(one));
        Ok(ids)
    }

    /// Removes the folder of a job, which is gone at once for whoever looks. Idempotent.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self, job_id: &JobId) -> Result<(), Error> {
        let (path, hidden) = (self.path(job_id), self.staged(job_id));
        match std::fs::rename(&path, &hidden) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io(&path)(error)),
            Ok(()) => std::fs::remove_dir_all(&hidden).map_err(Error::io(&hidden)),
        }
    }

    /// Returns once it is on the disk which jobs are here. For who finds a folder whose writer may have died before.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<(), Error> {
        sync_folder(&self.root)
    }

    /// Returns where a job is written before it takes its place.
    fn staged(&self, job_id: &JobId) -> PathBuf {
        self.root.join(format!(".{job_id}"))
    }

    /// Removes what jobs that died while they were written left behind, a day after they were last written to. (A
    /// younger one may still be at it.)
    fn sweep(&self, now: SystemTime) {
        const DAY: Duration = Duration::from_secs(86_400);
        let Ok(entries) = std::fs::read_dir(&self.root) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_staged = |name: &str| name.strip_prefix('.').is_some_and(|id| id.parse::<JobId>().is_ok());
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old = written.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > DAY));
            if is_old && name.to_str().is_some_and(is_staged) {
                // Best effort: another process may be sweeping too.
                drop(std::fs::remove_dir_all(entry.path()));
            }
        }
    }

    /// Finds the one job whose id starts with `text`, or the newest for `latest`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when none or several do.
    pub fn find(&self, text: &str) -> Result<JobId, Error> {
        let ids = self.list()?;
        let mut matching = ids.iter().filter(|id| text == "latest" || id.to_string().starts_with(text));
        match (matching.next(), matching.next()) {
            (Some(id), None) => Ok(*id),
            (Some(id), Some(_)) if text == "latest" => Ok(*id),
            (Some(_), Some(_)) => {
                Err(Error::Invalid(format!("`{text}` fits several jobs; write more of the id")))
            }
            (None, _) => Err(Error::NoJob { text: text.to_owned(), root: self.root.clone() }),
        }
    }
}

impl Finished {
    /// Returns the files of the job folder, manifest left out, by name.
    ///
    /// # Errors
    /// [`Error::File`] when a table cannot be encoded.
    pub fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
        let encoded = |name: &str, table: Result<Vec<u8>, parquet::errors::ParquetError>| {
            table.map_err(|error| Error::file(Path::new(name), error.to_string()))
        };
        let result = format!("{:#}\n", result_file::render(self)).into_bytes();
        let trades = encoded("trades.parquet", table::trades(&self.outcome.trades))?;
        let equity = encoded("equity.parquet", table::equity(&self.outcome.equity))?;
        Ok(JOB_FILES.into_iter().zip([result, trades, equity, self.report().into_bytes()]).collect())
    }

    /// Writes the job folder: everything into a folder of another name first, which then takes its place. It is on the
    /// disk when this returns.
    ///
    /// # Errors
    /// [`Error`] naming the file.
    pub fn write(&mut self, jobs: &JobFolder) -> Result<PathBuf, Error> {
        let target = jobs.path(&self.manifest.job_id);
        let staged = jobs.staged(&self.manifest.job_id);
        // Encoding takes longest; nothing is staged before.
        let files = self.files()?;
        let written = self.write_staged(files, &staged).and_then(|()| {
            if let Ok(now) = std::fs::metadata(&staged).and_then(|metadata| metadata.modified()) {
                // The disk's own clock, which may be another machine's.
                jobs.sweep(now);
            }
            std::fs::rename(&staged, &target).map_err(Error::io(&target))?;
            // A folder that may not stay is none.
            jobs.sync().inspect_err(|_| drop(std::fs::remove_dir_all(&target)))
        });
        if written.is_err() {
            // What was begun is of no use to anybody; a fault of the removal would hide the first one.
            drop(std::fs::remove_dir_all(&staged));
        }
        written.map(|()| target)
    }

    fn write_staged(&mut self, files: Vec<(&'static str, Vec<u8>)>, staged: &Path) -> Result<(), Error> {
        create_folders(staged)?;
        for (name, bytes) in files {
            self.manifest.files.insert(name.to_owned(), blake3::hash(&bytes).to_hex().to_string());
            write_file(&staged.join(name), &bytes)?;
        }
        let manifest = serde_json::to_string_pretty(&self.manifest).unwrap_or_default();
        write_file(&staged.join(MANIFEST), manifest.as_bytes())?;
        sync_folder(staged)
    }

    fn report(&self) -> String {
        let manifest = &self.manifest;
        let mut facts: Vec<(String, String)> = vec![
            ("Engine".into(), format!("tradai {} {}", manifest.engine_version, manifest.git_commit)),
            ("Configuration hash".into(), manifest.config_hash.clone()),
        ];
        facts.extend(self.notices().into_iter().map(|notice| ("Note".to_owned(), notice)));
        for data in &manifest.data {
            let label = if data.synthetic { ", SYNTHETIC" } else { "" };
            let version = format!("version {}, hash {}{label}", data.version, data.data_hash);
            facts.push((data.key.to_string(), version));
        }
        render(&ReportInput {
            title: &manifest.strategy,
            job_id: &manifest.job_id.to_string(),
            strategy: &manifest.strategy,
            synthetic: manifest.synthetic(),
            settings: &self.settings,
            statistics: &self.statistics,
            outcome: &self.outcome,
            pairs: &self.pairs,
            facts: &facts,
        })
    }
}

/// Writes a file in place of one that a job left that died. A name that goes and comes is a change of the folder, which
/// so looks as young as it is.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let written = || {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    written().map_err(Error::io(path))
}

/// Makes folders so that they are there after a loss of power: a new name is a change of the folder above it.
fn create_folders(folder: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.is_dir()).collect();
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    missing.iter().filter_map(|folder| folder.parent()).try_for_each(sync_folder)
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    // The folder of a path of one name is the current one.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradai_domain::{IdSource, ManualClock, SequentialIds};

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn only_leftovers_that_nobody_wrote_to_for_a_day_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let jobs = JobFolder::new(dir.path().to_owned());
        let id = |day: i64| JobId(SequentialIds::default().next(&ManualClock::at(day * 86_400_000)));
        let now = std::fs::metadata(dir.path()).unwrap().modified().unwrap();
        // A job that was asked for long ago may be written now, and one that was just asked for have died.
        let (waited, died) = (format!(".{}", id(1)), format!(".{}", id(30_000)));
        let done = id(2).to_string();
        for (name, age) in
            [(&waited, DAY), (&died, 2 * DAY), (&done, 2 * DAY), (&".other".to_owned(), 2 * DAY)]
        {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("result.json"), "{}").unwrap();
            File::open(&path).unwrap().set_modified(now - age).unwrap();
        }
        jobs.sweep(now);
        assert!(!dir.path().join(died).exists());
        assert!([waited, done, ".other".to_owned()].iter().all(|name| dir.path().join(name).exists()));
    }

    #[test]
    fn a_leftover_that_is_written_again_is_young() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        write_file(&path, b"half").unwrap();
        let before = std::fs::metadata(dir.path()).unwrap().modified().unwrap() - 2 * DAY;
        File::open(dir.path()).unwrap().set_modified(before).unwrap();
        write_file(&path, b"{}").unwrap();
        assert!(std::fs::metadata(dir.path()).unwrap().modified().unwrap() > before + DAY);
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    }

    #[test]
    fn folders_are_made_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_folders(&deep).unwrap();
        create_folders(&deep).unwrap();
        assert!(deep.is_dir());
        sync_folder(Path::new("")).unwrap();
    }
}
