//! Everything that the page shows, as its script reads it.

use serde::Serialize;
use serde_json::{Map, Value};
use tradai_domain::format_utc;

use super::ReportInput;
use super::bars::{self, Bars};
use super::breakdown::{self, Breakdown};
use super::curve::Curves;
use super::figures::{self, Figure, Group};
use super::histogram::Histogram;
use super::monthly::{self, Year};
use super::trades::Trades;

/// The JSON of the page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Content<'a> {
    strategy: &'a str,
    job_id: &'a str,
    synthetic: bool,
    currency: &'a str,
    /// Whether the wallet counts open positions at their price (on futures only realised money counts).
    marks_to_market: bool,
    timeframe: &'static str,
    /// First and last candle, `YYYY-MM-DD hh:mm`; empty when there was none.
    period: [String; 2],
    days: i64,
    headline: Vec<Figure>,
    figures: Vec<Group>,
    curves: Curves,
    bars: Vec<Bars>,
    trades: Trades,
    months: Vec<Year>,
    histogram: Histogram,
    breakdowns: Vec<Breakdown>,
    settings: &'a Map<String, Value>,
    facts: &'a [(String, String)],
}

impl<'a> Content<'a> {
    pub(super) fn new(input: &ReportInput<'a>) -> Self {
        let ReportInput { settings, statistics, outcome, .. } = *input;
        let ratios: Vec<f64> = outcome.trades.iter().filter_map(|trade| trade.close_profit).collect();
        let tested = !outcome.equity.values.is_empty();
        let minute = |at| if tested { format_utc(at).chars().take(16).collect() } else { String::new() };
        Self {
            strategy: input.strategy,
            job_id: input.job_id,
            synthetic: input.synthetic,
            currency: &settings.stake_currency,
            marks_to_market: settings.trading_mode == tradai_strategy::TradingMode::Spot,
            timeframe: settings.timeframe.as_str(),
            period: [minute(outcome.start), minute(outcome.end)],
            days: statistics.backtest_days,
            headline: figures::headline(statistics),
            figures: figures::groups(statistics),
            curves: Curves::new(outcome, statistics.starting_balance),
            bars: bars::all(input.pairs),
            trades: Trades::new(&outcome.trades),
            months: monthly::returns(outcome, statistics.starting_balance),
            histogram: Histogram::new(&ratios),
            breakdowns: breakdown::all(statistics),
            settings: settings.as_given(),
            facts: input.facts,
        }
    }
}
