//! The chart library: plotly.js, as shipped inside the crate `plotly`.

use std::ops::Range;
use std::sync::LazyLock;

/// What the crate hands out: a copy of plotly.js and MathJax, each in a script element. Asked for once per process;
/// a copy of the first part alone would cost another 8 ms.
static SOURCES: LazyLock<(String, Range<usize>)> = LazyLock::new(|| {
    let html = plotly::Plot::offline_js_sources();
    let first = first_script(&html);
    (html, first)
});

/// Returns the source of plotly.js, without a script tag around it. The page has no use for MathJax.
pub(super) fn source() -> &'static str {
    let (html, first) = &*SOURCES;
    html.get(first.clone()).unwrap_or_default()
}

/// Where the inside of the first script element is; empty when there is none.
fn first_script(html: &str) -> Range<usize> {
    let start = html.find('>').map_or(html.len(), |end| end + 1);
    let length = html[start..].find("</script>").unwrap_or_default();
    start..start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plotly_without_mathjax() {
        let source = source();
        assert!(source.contains("plotly.js v"), "{}", &source[..200.min(source.len())]);
        assert!((4_000_000..5_500_000).contains(&source.len()), "{} bytes", source.len());
        assert!(!source.contains("<script") && !source.contains("MathJax=function"));
    }

    #[test]
    fn cuts_the_first_script() {
        let html = "<script type=\"a\">x > y</script>\n<script>z</script>";
        assert_eq!(&html[first_script(html)], "x > y");
        assert_eq!(first_script("nothing").len(), 0);
    }
}
