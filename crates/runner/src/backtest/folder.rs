//! Job folders.
//!
//! Invariant: a folder that was written is whole and on the disk, so that a job whose end is on record has its result
//! after a loss of power too.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tradai_domain::JobId;

use super::staging::{self, Staging};
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
        let path = self.path(job_id);
        if !path.exists() {
            return Ok(());
        }
        Staging::new(&self.root, job_id)?.take_away(&path)
    }

    /// Returns once it is on the disk which jobs are here. For who finds a folder whose writer may have died before.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<(), Error> {
        staging::sync_folder(&self.root)
    }

    /// Removes what processes left behind that died while they wrote a folder or removed one, and returns how many
    /// did. Those that live are let be.
    pub fn sweep(&self) -> usize {
        staging::sweep(&self.root)
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

    /// Writes the job folder: everything into a hidden folder of this attempt first, which then takes its place. It is
    /// on the disk when this returns. A folder that is there already stays as it is: the first of a job's attempts
    /// wins, and the others fail.
    ///
    /// # Errors
    /// [`Error`] naming the file.
    pub fn write(&mut self, jobs: &JobFolder) -> Result<PathBuf, Error> {
        let target = jobs.path(&self.manifest.job_id);
        // Encoding takes longest; nothing is staged before.
        let files = self.files()?;
        let staging = Staging::new(&jobs.root, &self.manifest.job_id)?;
        for (name, bytes) in files {
            self.manifest.files.insert(name.to_owned(), blake3::hash(&bytes).to_hex().to_string());
            staging.write(name, &bytes)?;
        }
        let manifest = serde_json::to_string_pretty(&self.manifest).unwrap_or_default();
        staging.write(MANIFEST, manifest.as_bytes())?;
        jobs.sweep();
        staging.publish(&target)?;
        Ok(target)
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
