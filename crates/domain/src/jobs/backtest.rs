//! What a backtest job is asked to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::TraceId;
use crate::configs::ConfigId;
use crate::ports::ExchangeKey;
use crate::strategy_name::StrategyName;
use crate::{JobId, Millis, Symbol, TimeRange, Timeframe};

/// A backtest as it was asked for, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BacktestConfig {
    /// The strategy.
    pub strategy: StrategyName,
    /// Its version; `None` takes the one that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_version: Option<String>,
    /// The pairs, in the order given; none leaves the choice to the strategy.
    #[serde(default)]
    pub symbols: Vec<Symbol>,
    /// The timeframe; `None` takes the strategy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeframe: Option<Timeframe>,
    /// First moment to test; `None` begins with the candles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Millis>,
    /// First moment after the test; `None` ends with the candles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Millis>,
    /// Settings on top of the strategy's own, by their names in Freqtrade: `stake_amount`, `stoploss`, …
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// Parameters of the strategy that differ from their defaults, as one writes them on a command line.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Exchange whose collected candles are tested on; `None` takes those that were imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeKey>,
    /// The config version to use; `None` takes the one that is active when the job starts, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_id: Option<ConfigId>,
}

impl BacktestConfig {
    /// Returns the stretch of time to test.
    #[must_use]
    pub fn range(&self) -> TimeRange {
        TimeRange { start: self.start, end: self.end }
    }

    /// Returns the stretch in the grammar of [`TimeRange::parse`]; `None` when all candles are tested.
    #[must_use]
    pub fn timerange(&self) -> Option<String> {
        let side = |at: Option<Millis>| at.map(date_text).unwrap_or_default();
        (self.range() != TimeRange::ALL).then(|| format!("{}-{}", side(self.start), side(self.end)))
    }
}

/// Returns a date where the moment is midnight, its milliseconds in 13 digits otherwise.
fn date_text(at: Millis) -> String {
    const DAY: Millis = 86_400_000;
    let date = chrono::DateTime::from_timestamp_millis(at).filter(|_| at.rem_euclid(DAY) == 0);
    date.map_or_else(|| format!("{at:013}"), |date| date.format("%Y%m%d").to_string())
}

/// A backtest job on its way to whoever runs it: the body of a queue's message and a workflow's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestJobMessage {
    /// Layout of the message; see [`BacktestJobMessage::VERSION`].
    pub version: u32,
    /// The job.
    pub job_id: JobId,
    /// What it is traced by.
    pub trace_id: TraceId,
    /// Who asked for it, so that what is done for it elsewhere is noted as theirs; `None` where nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// What to test.
    pub config: BacktestConfig,
}

impl BacktestJobMessage {
    /// The layout that this program writes.
    pub const VERSION: u32 = 1;

    /// Returns the message of a job that nobody in particular asked for.
    #[must_use]
    pub fn new(job_id: JobId, trace_id: TraceId, config: BacktestConfig) -> Self {
        Self { version: Self::VERSION, job_id, trace_id, requested_by: None, config }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(start: Option<Millis>, end: Option<Millis>) -> BacktestConfig {
        BacktestConfig {
            strategy: "Demo".parse().unwrap(),
            strategy_version: None,
            symbols: vec!["BTC/USDT:USDT".parse().unwrap()],
            timeframe: Some(Timeframe::H1),
            start,
            end,
            settings: Map::new(),
            parameters: BTreeMap::new(),
            exchange: None,
            config_id: None,
        }
    }

    #[test]
    fn a_timerange_reads_back_as_the_same_range() {
        for (start, end) in [
            (Some(1_704_067_200_000), Some(1_711_929_600_000)),
            (Some(1_704_067_200_001), None),
            (None, Some(1_711_929_600_000)),
        ] {
            let config = config(start, end);
            assert_eq!(TimeRange::parse(&config.timerange().unwrap()).unwrap(), config.range());
        }
        assert_eq!(config(Some(1_704_067_200_000), None).timerange().unwrap(), "20240101-");
        assert_eq!(config(None, None).timerange(), None);
    }

    #[test]
    fn a_message_survives_json() {
        let id: JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
        let plain = config(Some(0), None);
        let full = BacktestConfig {
            parameters: [("fast".to_owned(), "12".to_owned())].into(),
            exchange: Some("binance_futures".parse().unwrap()),
            config_id: Some("v3-0f1e2d3c".parse().unwrap()),
            ..plain.clone()
        };
        for config in [plain, full] {
            let message = BacktestJobMessage::new(id, id.into(), config);
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<BacktestJobMessage>(&text).unwrap(), message);
        }
    }
}
