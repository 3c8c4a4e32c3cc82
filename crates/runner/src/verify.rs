//! Running a job again from its manifest and comparing bytes.

use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde::Serialize;
use serde_json::Value;
use tradai_domain::JobId;
use tradai_engine::{MarketRules, Progress};
use tradai_strategy::Strategy;
use tradai_timeseries::CandleStore;

use crate::Error;
use crate::backtest::{self, BacktestRequest, JobFolder, Manifest};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum FileOutcome {
    /// The same bytes again.
    Same,
    /// The file is not what the job wrote: it was changed, or is gone.
    Altered {
        /// What is wrong with it.
        difference: String,
    },
    /// The new run gives other bytes.
    Different {
        /// The first difference.
        difference: String,
    },
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The job.
    pub job_id: JobId,
    /// Per file of the folder.
    pub files: Vec<(String, FileOutcome)>,
    /// What may explain a difference: another engine version or commit.
    pub notes: Vec<String>,
}

impl Verification {
    /// Returns whether every file came out the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.files.iter().all(|(_, outcome)| *outcome == FileOutcome::Same)
    }
}

/// Runs a job again and compares every file byte by byte. `strategy` is the one that the manifest names (see
/// [`Manifest::source`]).
///
/// # Errors
/// [`Error`] when the job, its candles or its manifest are not there or cannot be read.
pub fn verify(
    jobs: &JobFolder,
    job_id: &JobId,
    strategy: Arc<dyn Strategy>,
    store: &CandleStore,
    progress: &dyn Progress,
) -> Result<Verification, Error> {
    let manifest = jobs.manifest(job_id)?;
    let again = backtest::run(&request(&manifest, strategy), store, progress)?;
    let mut files = Vec::new();
    for (name, bytes) in again.files()? {
        let stored = std::fs::read(jobs.path(job_id).join(name));
        files.push((name.to_owned(), compare(name, &manifest, stored, &bytes)));
    }
    files.push(("manifest.json".to_owned(), compare_manifests(&manifest, again.manifest.clone())));
    Ok(Verification { job_id: *job_id, files, notes: notes(&manifest, &again.manifest) })
}

/// A manifest must follow from what it says itself; who ran it, and when, is its own to say.
fn compare_manifests(manifest: &Manifest, again: Manifest) -> FileOutcome {
    let again = Manifest {
        engine_version: manifest.engine_version.clone(),
        git_commit: manifest.git_commit.clone(),
        files: manifest.files.clone(),
        ..again
    };
    if again == *manifest {
        return FileOutcome::Same;
    }
    let (then, now) = (serde_json::json!(manifest), serde_json::json!(again));
    let difference =
        value_difference(&then, &now, "").unwrap_or_else(|| "its own contents differ".to_owned());
    FileOutcome::Altered { difference }
}

fn request(manifest: &Manifest, strategy: Arc<dyn Strategy>) -> BacktestRequest {
    let assumed = |symbol: &tradai_domain::Symbol| manifest.rules.assumed.contains(symbol);
    // What was assumed is assumed again: the rule itself is part of what is verified.
    let rules = MarketRules {
        markets: manifest.rules.markets.clone().into_iter().filter(|(symbol, _)| !assumed(symbol)).collect(),
        leverage_tiers: manifest
            .rules
            .leverage_tiers
            .clone()
            .into_iter()
            .filter(|(symbol, _)| !assumed(symbol))
            .collect(),
    };
    BacktestRequest {
        job_id: manifest.job_id,
        created_at: manifest.created_at,
        strategy,
        source: manifest.source.clone(),
        layers: manifest.layers.clone(),
        rules,
        exchange: manifest.exchange.clone(),
        config_id: manifest.config_id.clone(),
        data: manifest.data.clone(),
    }
}

fn notes(manifest: &Manifest, again: &Manifest) -> Vec<String> {
    let pairs = [
        ("engine version", &manifest.engine_version, &again.engine_version),
        ("commit", &manifest.git_commit, &again.git_commit),
        ("configuration hash", &manifest.config_hash, &again.config_hash),
    ];
    let differing = pairs.into_iter().filter(|(_, then, now)| then != now);
    differing.map(|(what, then, now)| format!("{what}: {then} then, {now} now")).collect()
}

fn compare(name: &str, manifest: &Manifest, stored: std::io::Result<Vec<u8>>, again: &[u8]) -> FileOutcome {
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return FileOutcome::Altered { difference: error.to_string() },
    };
    let hash = blake3::hash(&stored).to_hex().to_string();
    let intact = manifest.files.get(name).is_some_and(|noted| *noted == hash);
    if stored == again {
        // Both agree; a manifest that says otherwise was changed itself.
        return if intact {
            FileOutcome::Same
        } else {
            FileOutcome::Altered { difference: "the manifest holds another hash of it".to_owned() }
        };
    }
    let difference = first_difference(name, &stored, again);
    if intact { FileOutcome::Different { difference } } else { FileOutcome::Altered { difference } }
}

fn first_difference(name: &str, stored: &[u8], again: &[u8]) -> String {
    let located = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => json_difference(stored, again),
        Some("parquet") => table_difference(stored, again),
        _ => None,
    };
    located.unwrap_or_else(|| {
        let same = stored.iter().zip(again).take_while(|(one, other)| one == other).count();
        format!("byte {same} (sizes {} then, {} now)", stored.len(), again.len())
    })
}

fn json_difference(stored: &[u8], again: &[u8]) -> Option<String> {
    let (then, now): (Value, Value) =
        (serde_json::from_slice(stored).ok()?, serde_json::from_slice(again).ok()?);
    value_difference(&then, &now, "")
}

fn value_difference(then: &Value, now: &Value, path: &str) -> Option<String> {
    match (then, now) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.into_iter().find_map(|key| value_difference(&then[key], &now[key], &format!("{path}/{key}")))
        }
        (Value::Array(one), Value::Array(other)) => {
            let rows = 0..one.len().max(other.len());
            rows.into_iter().find_map(|row| {
                let at = |items: &[Value]| items.get(row).cloned().unwrap_or(Value::Null);
                value_difference(&at(one), &at(other), &format!("{path}/{row}"))
            })
        }
        _ => (then != now).then(|| format!("{path}: {then} then, {now} now")),
    }
}

fn table_difference(stored: &[u8], again: &[u8]) -> Option<String> {
    let rows = |bytes: &[u8]| {
        let reader = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes)).ok()?;
        let rows = reader.get_row_iter(None).ok()?;
        rows.collect::<Result<Vec<_>, _>>().ok()
    };
    let (then, now) = (rows(stored)?, rows(again)?);
    for (number, (one, other)) in then.iter().zip(&now).enumerate() {
        let columns = one.get_column_iter().zip(other.get_column_iter());
        for ((name, then), (_, now)) in columns {
            if then != now {
                return Some(format!("row {number}, {name}: {then} then, {now} now"));
            }
        }
    }
    (then.len() != now.len()).then(|| format!("{} rows then, {} now", then.len(), now.len()))
}
