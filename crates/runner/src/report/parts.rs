//! The pieces of the page, for a host that shows reports inside pages of its own.
//!
//! Such a host serves [`library`], [`script`] and [`style`] once instead of with every report, takes the content out
//! of a stored page with [`content_of`], and puts it, in a script element with the id `content`, beside
//! [`sections`]. The scripts declare their functions and start nothing; elements with the ids `fault`, `synthetic`
//! and `subtitle` are the host's.

use super::{library, page};

const CONTENT_START: &str = "<script type=\"application/json\" id=\"content\">";
const CONTENT_END: &str = "</script>";

/// Returns the JSON that the scripts draw, as it stands in a page of [`super::render`]. It has no `<` in it, so it can
/// stand in a script element again. `None` when `page` is no report.
#[must_use]
pub fn content_of(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(CONTENT_START)?;
    rest.split_once(CONTENT_END).map(|(content, _)| content)
}

/// Returns the markup that the scripts fill: everything between headline and settings.
#[must_use]
pub fn sections() -> &'static str {
    let inside = page::PAGE.split_once("<main>").and_then(|(_, rest)| rest.split_once("</main>"));
    inside.map_or("", |(sections, _)| sections)
}

/// Returns the style sheet.
#[must_use]
pub fn style() -> &'static str {
    page::STYLE
}

/// Returns the scripts, the one that starts them left out: `drawHeadline`, `drawMonths`, `drawBreakdowns`,
/// `listTrades`, `drawFigures` and `drawFacts` need the content only, `drawEquity`, `startPrice`, `drawSpread` and
/// `startPrinting` the chart library too.
#[must_use]
pub fn script() -> String {
    page::SCRIPT[..page::SCRIPT.len() - 1].concat()
}

/// Returns the source of the chart library, plotly.js.
#[must_use]
pub fn library() -> &'static str {
    library::source()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_hold_what_the_scripts_look_for() {
        for id in ["headline", "equity-chart", "price-chart", "trades-table", "fact-tables"] {
            assert!(sections().contains(&format!("id=\"{id}\"")), "{id}");
        }
        assert!(!sections().contains("{{") && !sections().contains("<script"));
    }

    #[test]
    fn the_starting_script_is_left_out() {
        assert!(script().contains("function startPrice()"));
        assert!(!script().contains("DOMContentLoaded"));
    }

    #[test]
    fn what_is_no_report_has_no_content() {
        assert_eq!(content_of("<html>"), None);
        assert_eq!(content_of(&format!("{CONTENT_START}{{}}")), None);
        assert_eq!(content_of(&page::PAGE.replace("{{content}}", "{\"a\":1}")), Some("{\"a\":1}"));
    }
}
