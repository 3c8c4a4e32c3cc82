//! The other programs, run in a Python that has ArcticDB (`TRADAI_ARCTIC`).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::measure::{Cost, Costs};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/arcticdb/peers.py");

/// Whose numbers they are.
pub(crate) struct Measured {
    pub(crate) costs: Costs,
    /// Bytes of the stored candles.
    pub(crate) bytes: u64,
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
            self.run(&self.script, &["make".as_ref(), partial.as_ref()]);
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
            self.run(PEERS.as_ref(), &["hours".as_ref(), folder.as_ref()]);
        }
        files
    }

    /// Measures ArcticDB in LMDB below a folder.
    pub(crate) fn arcticdb(&self, candles: &Path, folder: &Path) -> Measured {
        let (run, rest) = (folder.join("run"), folder.join("rest"));
        for lmdb in [&run, &rest] {
            std::fs::create_dir_all(lmdb).unwrap();
        }
        let uri = |lmdb: &Path| format!("lmdb://{}", lmdb.display());
        self.run(PEERS.as_ref(), &["bytes".as_ref(), candles.as_ref(), uri(&rest).as_ref()]);
        let printed = self.run(&self.script, &["run".as_ref(), candles.as_ref(), uri(&run).as_ref()]);
        Measured { costs: costs(&printed), bytes: bytes_below(&rest) }
    }

    /// Measures plain Parquet files below a folder.
    pub(crate) fn raw_parquet(&self, candles: &Path, folder: &Path) -> Measured {
        std::fs::create_dir_all(folder).unwrap();
        let printed = self.run(PEERS.as_ref(), &["raw".as_ref(), candles.as_ref(), folder.as_ref()]);
        let bytes = serde_json::from_str::<Value>(&printed).unwrap()["bytes"].as_u64().unwrap();
        Measured { costs: costs(&printed), bytes }
    }

    /// Runs a script and returns what it prints. Its standard error is shown only when it fails: ArcticDB warns
    /// of each handle that the script opens twice.
    fn run(&self, script: &Path, arguments: &[&std::ffi::OsStr]) -> String {
        let mut command = Command::new(&self.python);
        command.arg(script).args(arguments).env("PYTHONPATH", self.script.parent().unwrap());
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

/// Adds up the files below a folder.
pub(crate) fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let bytes = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        found if found.is_dir() => bytes_below(&entry.path()),
        found => found.len(),
    };
    entries.map(bytes).sum()
}
