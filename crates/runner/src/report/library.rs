//! The chart library: plotly.js, as shipped inside the crate `plotly`.

use std::sync::LazyLock;

/// The minified source. Cut once per process: the crate only hands out a copy together with MathJax, whose 2 MB the
/// page has no use for.
static SOURCE: LazyLock<String> = LazyLock::new(|| first_script(plotly::Plot::offline_js_sources()));

/// Returns the source of plotly.js, without a script tag around it.
pub(super) fn source() -> &'static str {
    &SOURCE
}

/// What is inside the first script element; empty when there is none.
fn first_script(mut html: String) -> String {
    let Some(start) = html.find('>').map(|end| end + 1) else { return String::new() };
    html.truncate(html.find("</script>").unwrap_or(start));
    html.drain(..start);
    html.shrink_to_fit();
    html
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
        assert_eq!(first_script("<script type=\"a\">x > y</script>\n<script>z</script>".into()), "x > y");
        assert_eq!(first_script("nothing".into()), "");
    }
}
