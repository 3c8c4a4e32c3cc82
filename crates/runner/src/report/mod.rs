//! The report page of a backtest: one HTML file, readable without a network for as long as there are browsers.
//!
//! Rust reduces a backtest to what a page can carry (`content`) and writes it as JSON beside the chart library and
//! our script; the script builds every table and chart from that JSON, as text nodes only. Invariant: the page never
//! asks for an outside address (its content security policy refuses), and the same input gives the same bytes.

mod bars;
mod breakdown;
mod content;
mod curve;
mod figures;
mod histogram;
mod library;
mod monthly;
mod page;
pub mod parts;
mod trades;

pub(crate) use curve::kept;
use tradai_engine::{Outcome, PairData, Statistics};
use tradai_strategy::Settings;

/// What the page shows.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// Headline, such as the strategy's name.
    pub title: &'a str,
    /// The job.
    pub job_id: &'a str,
    /// Name of the strategy.
    pub strategy: &'a str,
    /// Whether the candles are made up; the page says so wherever it shows a result.
    pub synthetic: bool,
    /// Effective settings.
    pub settings: &'a Settings,
    /// Statistics of `outcome`.
    pub statistics: &'a Statistics,
    /// Trades and wallet.
    pub outcome: &'a Outcome,
    /// Candles that the trades are drawn on.
    pub pairs: &'a [PairData],
    /// Further facts to list, in this order: engine version, data versions, hashes.
    pub facts: &'a [(String, String)],
}

/// Returns the page: about 4.7 MB of chart library, and a few hundred kilobytes of content for a year of one pair.
///
/// Long inputs are thinned: at most 3,000 points per curve (extremes are kept), 3,000 bars per pair and 60,000 over
/// all pairs, 20,000 trades, 500 lines per breakdown. The page says what it left out.
#[must_use]
pub fn render(input: &ReportInput<'_>) -> String {
    page::write(input.title, &content::Content::new(input))
}
