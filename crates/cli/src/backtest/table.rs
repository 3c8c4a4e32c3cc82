//! Results as tables on a terminal: what Freqtrade's backtest prints, in our own words.
//!
//! Tables are plain ASCII (Markdown's own, so that they can be pasted into an issue). Tags come from strategies and
//! may hold anything; [`text::clean`] keeps them from steering the terminal.

mod compare;
mod periods;
mod results;
mod summary;
mod text;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table};
use tradai_engine::Statistics;
use tradai_strategy::Settings;

use super::args::Period;

pub(crate) use compare::{StatisticsSummary, compare};

/// Returns the tables of a backtest, one under the other, ending with a line feed.
///
/// Tables are fitted to `width` columns by wrapping cells; 0 is no limit (not a terminal).
pub(crate) fn render(
    statistics: &Statistics,
    settings: &Settings,
    breakdown: &[Period],
    width: usize,
) -> String {
    let currency = text::clean(&settings.stake_currency);
    let sheet = Sheet { decimals: text::decimals(&currency), currency, width };
    let mut blocks = vec![
        results::table(&sheet, "Results by pair", "Pair", &statistics.results_per_pair),
        results::table(&sheet, "Left open at the end", "Pair", &statistics.left_open_trades),
        results::table(&sheet, "Results by entry tag", "Entry tag", &statistics.results_per_enter_tag),
        results::table(&sheet, "Results by exit reason", "Exit reason", &statistics.exit_reason_summary),
        results::table(
            &sheet,
            "Results by entry tag and exit reason",
            "Tag / reason",
            &statistics.mix_tag_stats,
        ),
    ];
    blocks.extend(breakdown.iter().map(|period| periods::table(&sheet, *period, statistics)));
    blocks.push(summary::table(&sheet, statistics, settings));
    blocks.push(summary::line(&sheet, statistics));
    blocks.retain(|block| !block.is_empty());
    format!("{}\n", blocks.join("\n\n"))
}

/// What the tables of one result have in common.
struct Sheet {
    currency: String,
    /// Of amounts in that currency.
    decimals: usize,
    width: usize,
}

impl Sheet {
    fn money(&self, value: f64) -> String {
        text::money(value, self.decimals)
    }

    /// A table under a heading; the first `texts` columns are texts, the others numbers.
    fn table(&self, heading: &str, header: &[&str], rows: &[Vec<String>], texts: usize) -> String {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(header);
        if self.width > 0 {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(self.width).unwrap_or(u16::MAX));
        }
        for row in rows {
            table.add_row(Row::from(row.iter().map(Cell::new).collect::<Vec<_>>()));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_cell_alignment(if index < texts { CellAlignment::Left } else { CellAlignment::Right });
        }
        format!("{heading}\n{table}")
    }
}

#[cfg(test)]
mod tests;
