//! What an import says of each file.

use std::path::PathBuf;

use serde_json::{Value, json};
use tradai_domain::{SeriesFault, SeriesKey};
use tradai_timeseries::Commit;

use super::super::output::{self, SYNTHETIC};

/// Faulty rows shown of one file.
const SHOWN_FAULTS: usize = 10;

/// Gaps shown of one file.
const SHOWN_GAPS: usize = 3;

/// What became of one file.
pub(super) struct Outcome {
    pub(super) file: PathBuf,
    pub(super) key: Option<SeriesKey>,
    pub(super) result: Result<Imported, anyhow::Error>,
    /// Faulty rows, shown whether they refused the file or not.
    pub(super) faults: Vec<SeriesFault>,
}

/// A file that is in the store now.
pub(super) struct Imported {
    pub(super) commit: Commit,
    pub(super) synthetic: bool,
    pub(super) rows: usize,
    pub(super) dropped: usize,
    pub(super) filled: usize,
}

impl Outcome {
    fn gaps(&self) -> (usize, usize) {
        let missing = self.faults.iter().filter_map(|fault| match fault {
            SeriesFault::Gap { missing, .. } => Some(*missing),
            _ => None,
        });
        missing.fold((0, 0), |(gaps, candles), missing| (gaps + 1, candles + missing))
    }

    /// Returns the faults other than gaps.
    fn bad(&self) -> impl Iterator<Item = &SeriesFault> {
        self.faults.iter().filter(|fault| !matches!(fault, SeriesFault::Gap { .. }))
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        let file = self.file.display();
        match &self.result {
            Ok(done) => output::print(&format!("{}\n", self.line(done)))?,
            Err(error) => eprintln!("refused {file}: {error:#}"),
        }
        let bad = self.bad().count();
        for fault in self.bad().take(SHOWN_FAULTS) {
            eprintln!("  {fault}");
        }
        if bad > SHOWN_FAULTS {
            eprintln!("  … and {} more faults", bad - SHOWN_FAULTS);
        }
        let (gaps, missing) = self.gaps();
        if gaps > 0 {
            eprintln!("  warning: {missing} candles are missing in {gaps} gaps of {file}");
            for fault in self.faults.iter().filter(|f| matches!(f, SeriesFault::Gap { .. })).take(SHOWN_GAPS)
            {
                eprintln!("  {fault}");
            }
        }
        Ok(())
    }

    fn line(&self, done: &Imported) -> String {
        let key = self.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let version = done.commit.version;
        let kept = done.rows - done.dropped;
        let what = if done.commit.changed { "stored as" } else { "was there already, in" };
        let mut line = format!("{key}: {kept} rows of {} {what} version {version}", self.file.display());
        if done.dropped > 0 {
            line.push_str(&format!(", {} dropped", done.dropped));
        }
        if done.filled > 0 {
            line.push_str(&format!(", {} filled in", done.filled));
        }
        if done.synthetic {
            line.push_str(&format!("  {SYNTHETIC}"));
        }
        line
    }

    pub(super) fn json(&self) -> Value {
        let (gaps, missing) = self.gaps();
        let mut value = self.key.as_ref().map_or_else(|| json!({}), output::key_json);
        value["file"] = json!(self.file.display().to_string());
        match &self.result {
            Ok(done) => {
                value["status"] = json!(if done.commit.changed { "stored" } else { "unchanged" });
                value["version"] = json!(done.commit.version);
                value["rows"] = json!(done.rows);
                value["dropped"] = json!(done.dropped);
                value["filled"] = json!(done.filled);
                value["synthetic"] = json!(done.synthetic);
            }
            Err(error) => {
                value["status"] = json!("refused");
                value["error"] = json!(format!("{error:#}"));
            }
        }
        value["gaps"] = json!(gaps);
        value["missing"] = json!(missing);
        value["fault_count"] = json!(self.bad().count());
        value["faults"] = self.bad().take(SHOWN_FAULTS).map(ToString::to_string).collect();
        value
    }
}
