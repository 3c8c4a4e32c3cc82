//! What every command shares.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use tradai_domain::ports::ExchangeKey;
use tradai_domain::{Clock, IdSource, RandomIds, SystemClock};
use tradai_engine::Progress;
use tradai_platform::settings::Inputs;
use tradai_runner::backtest::JobFolder;
use tradai_timeseries::{CandleStore, Location};

/// Where things are, how to answer, and the outside world.
pub(crate) struct Context {
    /// Folder of candles, jobs and market rules.
    pub(crate) data_dir: PathBuf,
    /// Whether somebody said which folder is meant.
    pub(crate) is_folder_chosen: bool,
    /// Where candles are, when not in the data folder.
    pub(crate) store: Option<String>,
    /// The exchange whose collected candles are meant; those that were imported when `None`.
    pub(crate) exchange: Option<ExchangeKey>,
    /// Whether answers are JSON.
    pub(crate) json: bool,
    /// The environment and arguments of the process.
    pub(crate) inputs: Inputs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
}

impl Context {
    pub(crate) fn new(
        inputs: Inputs,
        data_dir: PathBuf,
        store: Option<String>,
        exchange: Option<ExchangeKey>,
        json: bool,
    ) -> Self {
        Self {
            data_dir,
            is_folder_chosen: true,
            store,
            exchange,
            json,
            inputs,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        }
    }

    /// Opens the store of the candles that are meant.
    ///
    /// # Errors
    /// The store's own.
    pub(crate) fn store(&self) -> anyhow::Result<CandleStore> {
        self.store_of(self.exchange.as_ref())
    }

    /// Opens the store of an exchange's candles; that of imported ones without one.
    ///
    /// # Errors
    /// The store's own.
    pub(crate) fn store_of(&self, exchange: Option<&ExchangeKey>) -> anyhow::Result<CandleStore> {
        let whole = match &self.store {
            Some(text) => Location::parse(text, &|name| self.inputs.get(name).map(str::to_owned))?,
            None => Location::Directory(self.data_dir.join("store")),
        };
        let location = exchange.map_or(whole.clone(), |exchange| whole.of_exchange(exchange));
        Ok(CandleStore::open_location(&location, Arc::clone(&self.clock), Arc::clone(&self.ids))?)
    }

    /// Whether candles are said to be kept somewhere else than in the data folder.
    pub(crate) fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Whether there is no store of candles yet; one in a bucket always is.
    pub(crate) fn has_no_candles(&self) -> bool {
        self.store.is_none() && !self.data_dir.join("store").is_dir()
    }

    /// Returns the folder of the demo where that has candles and this one has none.
    pub(crate) fn demo_with_candles(&self) -> Option<String> {
        let demo = self.data_dir.join("demo");
        // Opening a store makes its folder.
        let mut here = std::fs::read_dir(self.data_dir.join("store")).into_iter().flatten();
        let is_here = self.has_store() || here.next().is_some();
        (!is_here && demo.join("store").is_dir()).then(|| shown(&demo))
    }

    /// What is said of a store without series.
    pub(crate) fn no_candles(&self) -> String {
        if let Some(exchange) = &self.exchange {
            return format!(
                "No candles of {exchange} yet; `tradai data sync --exchange {exchange} …` collects some."
            );
        }
        let demo = self.demo_with_candles().map(|demo| format!(" Those of the demo: --data-dir {demo}."));
        let bring = "No candles yet; `tradai data import` or `tradai data sample` brings some.";
        format!("{bring}{}", demo.unwrap_or_default())
    }

    /// Returns the folder of the demo that has a job which this one has not, for those who look in the wrong one.
    pub(crate) fn demo_with(&self, job: &str) -> Option<String> {
        let demo = self.data_dir.join("demo");
        JobFolder::new(demo.join("jobs")).find(job).is_ok().then(|| shown(&demo))
    }

    /// Folder of the jobs.
    pub(crate) fn jobs(&self) -> JobFolder {
        JobFolder::new(self.data_dir.join("jobs"))
    }
}

/// A bar on the terminal; nothing where there is none.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(what: &str) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{msg} [{bar:40}] {percent}% {eta}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// Says something else beside the bar.
    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn advance(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

/// A path as people type it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
