//! The other programs, run in a Python that has ArcticDB (`TRADAI_ARCTIC`).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::measure::{Cost, Costs};
use crate::place::{Place, Places};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/arcticdb/peers.py");

/// Whose numbers they are.
pub(crate) struct Measured {
    pub(crate) costs: Costs,
    /// Bytes of the stored candles, where they were counted.
    pub(crate) bytes: Option<u64>,
}

/// Python and the peer's script.
pub(crate) struct Peers {
    python: PathBuf,
    script: PathBuf,
}

impl Peers {
    /// Returns the peers, or why they cannot be asked.
    pub(crate) fn find() -> Result<Self, String> {
        let python =
            std::env::var("TRADAI_ARCTIC").map_err(|_| "TRADAI_ARCTIC names no Python".to_owned())?;
        let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned();
        let shared = PathBuf::from(std::env::var("TRADAI_SHARED").unwrap_or(default));
        let script = shared.join("oracle/peers/arcticdb_bench.py");
        if !script.is_file() {
            return Err(format!("no {} (set TRADAI_SHARED)", script.display()));
        }
        Ok(Self { python: python.into(), script })
    }

    /// Returns the file of five years of one-minute candles, made when missing.
    pub(crate) fn candles(&self, folder: &Path) -> PathBuf {
        let path = folder.join("candles.parquet");
        if !path.is_file() {
            let partial = folder.join("candles.parquet.partial");
            self.run(&self.script, &["make".as_ref(), partial.as_ref()], None);
            std::fs::rename(&partial, &path).unwrap();
        }
        path
    }

    /// Returns the files of a year of hourly candles of 200 markets, made when missing.
    pub(crate) fn hours(&self, folder: &Path) -> Vec<PathBuf> {
        let folder = folder.join("hours");
        let files: Vec<PathBuf> = (0..200).map(|at| folder.join(format!("S{at}.parquet"))).collect();
        if !files.iter().all(|file| file.is_file()) {
            std::fs::create_dir_all(&folder).unwrap();
            self.run(PEERS.as_ref(), &["hours".as_ref(), folder.as_ref()], None);
        }
        files
    }

    /// Measures ArcticDB, in LMDB or S3, with so many IO threads or as many as it takes by itself.
    pub(crate) fn arcticdb(&self, candles: &Path, places: &Places, io_threads: Option<u32>) -> Measured {
        let (run, rest) = (places.new_place(), places.new_place());
        let measure = |script: &Path, command: &str, place: &Place| {
            let uri = place.arctic_uri();
            self.run(script, &[command.as_ref(), candles.as_ref(), uri.as_ref()], io_threads)
        };
        let mut costs = costs(&measure(&self.script, "run", &run));
        costs.extend(self::costs(&measure(PEERS.as_ref(), "more", &rest)));
        Measured { costs, bytes: rest.bytes() }
    }

    /// Measures plain Parquet files.
    pub(crate) fn raw_parquet(&self, candles: &Path, place: &Place) -> Measured {
        let printed =
            self.run(PEERS.as_ref(), &["raw".as_ref(), candles.as_ref(), place.folder().as_ref()], None);
        let bytes = serde_json::from_str::<Value>(&printed).unwrap()["bytes"].as_u64();
        Measured { costs: costs(&printed), bytes: bytes.filter(|_| matches!(place, Place::Directory(_))) }
    }

    /// Runs a script and returns what it prints. Its standard error is shown only when it fails: ArcticDB warns
    /// of each handle that the script opens twice.
    fn run(&self, script: &Path, arguments: &[&OsStr], io_threads: Option<u32>) -> String {
        let mut command = Command::new(&self.python);
        command.arg(script).args(arguments).env("PYTHONPATH", self.script.parent().unwrap());
        // Otherwise ArcticDB asks for credentials where only machines of Amazon's answer.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        if let Some(threads) = io_threads {
            for variable in ["VersionStore_NumIOThreads", "S3Storage_MaxConnections"] {
                command.env(format!("ARCTICDB_{variable}_int"), threads.to_string());
            }
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Takes the costs out of a script's JSON; where only a mean is told, its CPU seconds are unknown (NaN).
fn costs(printed: &str) -> Costs {
    let json: serde_json::Map<String, Value> = serde_json::from_str(printed).unwrap();
    let cost = |name: &str, value: &Value| match value {
        Value::Object(_) => serde_json::from_value(value.clone()).ok(),
        _ if name.ends_with("mean_s") => Some(Cost { wall_s: value.as_f64()?, cpu_s: f64::NAN }),
        _ => None,
    };
    json.iter().filter_map(|(name, value)| Some((name.clone(), cost(name, value)?))).collect()
}
