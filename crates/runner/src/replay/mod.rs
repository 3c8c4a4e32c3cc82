//! Given signals under this engine's fills.
//!
//! Signals may come from anywhere (a notebook, another engine); the formats are those of the golden cases:
//! `settings.json` (Freqtrade's names), `signals.parquet`, candle files, CCXT market rules.

mod signals;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tradai_domain::Symbol;
use tradai_engine::{GivenSignal, MarketRules, Outcome, Progress, SignalSource, Statistics};
use tradai_strategy::{CandleSource, Frame, Settings, Signals, Strategy, StrategyError, TradingMode};

use crate::candle_folder::CandleFolder;
use crate::rules::{read_leverage_tiers, read_map, read_markets};
use crate::{Error, export};

pub use signals::read_signals;

/// What to replay.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// Settings under Freqtrade's names.
    pub settings: PathBuf,
    /// Signals per closed candle.
    pub signals: PathBuf,
    /// Folder of candle files.
    pub candles: PathBuf,
    /// Market rules.
    pub markets: PathBuf,
    /// Leverage tiers; futures need them.
    pub leverage_tiers: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The effective settings.
    pub settings: Settings,
    /// Trades, locks, wallet.
    pub outcome: Outcome,
    /// Statistics.
    pub statistics: Statistics,
}

/// A strategy whose signals are given and which answers no hook.
#[derive(Debug, Clone, Copy)]
pub struct GivenSignals;

impl Strategy for GivenSignals {
    fn name(&self) -> &str {
        "GivenSignals"
    }

    fn populate_indicators(
        &self,
        _frame: &mut Frame,
        _source: &dyn CandleSource,
    ) -> Result<(), StrategyError> {
        Ok(())
    }

    fn populate_entry_trend(&self, _frame: &Frame, _signals: &mut Signals) -> Result<(), StrategyError> {
        Ok(())
    }

    fn populate_exit_trend(&self, _frame: &Frame, _signals: &mut Signals) -> Result<(), StrategyError> {
        Ok(())
    }
}

/// Callbacks that a replay needs no code for: their effect is in the signals or in `settings.leverage`.
const HARMLESS_CALLBACKS: [&str; 2] = ["informative_pairs", "leverage"];

/// Replays signals; `strategy` answers the hooks (pass [`GivenSignals`] where there are none).
///
/// # Errors
/// [`Error`] naming file and field; settings that list a callback which `strategy` does not answer are refused.
pub fn replay(
    request: &ReplayRequest,
    strategy: &dyn Strategy,
    progress: &dyn Progress,
) -> Result<Replayed, Error> {
    let given: Map<String, Value> = read_map(&request.settings)?;
    let settings = Settings::merge(&[&strategy.settings(), &given])
        .map_err(|faults| Error::Settings { source_name: request.settings.display().to_string(), faults })?;
    check_callbacks(&settings, strategy)?;
    let signals = read_signals(&request.signals)?;
    check_pairs(request, &settings, &signals)?;
    let provider = CandleFolder::open(&request.candles, settings.dataset.as_deref())?;
    let rules = MarketRules {
        markets: read_markets(&request.markets)?,
        leverage_tiers: match &request.leverage_tiers {
            Some(path) => read_leverage_tiers(path)?,
            None => BTreeMap::new(),
        },
    };
    let pairs =
        tradai_engine::prepare(&settings, strategy, &provider, &rules, SignalSource::Given(&signals), &())?;
    let outcome = tradai_engine::backtest::run(&settings, strategy, &pairs, progress);
    let statistics = Statistics::new(&settings, &pairs, &outcome);
    Ok(Replayed { settings, outcome, statistics })
}

fn check_callbacks(settings: &Settings, strategy: &dyn Strategy) -> Result<(), Error> {
    let hooks = strategy.hooks();
    let answered = |callback: &str| match callback {
        "custom_stoploss" => hooks.custom_stoploss,
        "custom_roi" => hooks.custom_roi,
        "custom_exit" => hooks.custom_exit,
        "custom_entry_price" => hooks.custom_entry_price,
        "custom_exit_price" => hooks.custom_exit_price,
        "custom_stake_amount" => hooks.custom_stake_amount,
        "confirm_trade_entry" => hooks.confirm_trade_entry,
        "confirm_trade_exit" => hooks.confirm_trade_exit,
        "adjust_trade_position" => hooks.adjust_trade_position,
        "adjust_order_price" | "adjust_entry_price" | "adjust_exit_price" => hooks.adjust_order_price,
        "check_entry_timeout" => hooks.check_entry_timeout,
        "check_exit_timeout" => hooks.check_exit_timeout,
        _ => false,
    };
    for callback in &settings.callbacks {
        let constant = callback != "leverage" || settings.leverage.is_some() || hooks.leverage;
        let spot = settings.trading_mode == TradingMode::Spot && callback == "leverage";
        let harmless = HARMLESS_CALLBACKS.contains(&callback.as_str()) && (constant || spot);
        if !harmless && !answered(callback) {
            return Err(Error::Invalid(format!(
                "callbacks: the signals depend on the callback `{callback}`, which no signal file can hold; \
                 name a strategy that answers it (--strategy)"
            )));
        }
    }
    Ok(())
}

fn check_pairs(
    request: &ReplayRequest,
    settings: &Settings,
    signals: &BTreeMap<Symbol, Vec<GivenSignal>>,
) -> Result<(), Error> {
    match signals.keys().find(|pair| !settings.pair_whitelist.contains(pair)) {
        Some(pair) => {
            let message = format!("has signals of {pair}, which pair_whitelist does not name");
            Err(Error::file(&request.signals, message))
        }
        None => Ok(()),
    }
}

impl Replayed {
    /// Returns the content of `trades.jsonl` and `summary.json`.
    #[must_use]
    pub fn files(&self) -> (String, String) {
        let mut lines = String::new();
        for (seq, trade) in self.outcome.trades.iter().enumerate() {
            lines.push_str(&export::trade_line(trade, seq).to_string());
            lines.push('\n');
        }
        let summary = export::summary(&self.statistics, &self.outcome);
        (lines, format!("{summary:#}\n"))
    }

    /// Writes `trades.jsonl` and `summary.json` into a folder, making it.
    ///
    /// # Errors
    /// [`Error::Io`] with the file.
    pub fn write(&self, out: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(out).map_err(Error::io(out))?;
        let (trades, summary) = self.files();
        for (name, content) in [("trades.jsonl", trades), ("summary.json", summary)] {
            let path = out.join(name);
            std::fs::write(&path, content).map_err(Error::io(&path))?;
        }
        Ok(())
    }
}
