//! The file around the content.

use super::content::Content;
use super::library;

pub(super) const PAGE: &str = include_str!("page.html");
pub(super) const STYLE: &str = include_str!("page.css");

/// Ours, in the order in which they use one another.
pub(super) const SCRIPT: [&str; 6] = [
    include_str!("format.js"),
    include_str!("tables.js"),
    include_str!("trades.js"),
    include_str!("charts.js"),
    include_str!("price.js"),
    include_str!("page.js"),
];

/// Returns the page.
pub(super) fn write(title: &str, content: &Content<'_>) -> String {
    let json = script_json(content);
    // Scripts run by nonce only. It depends on the whole content, so no text in the content can know it, and yet the
    // same content gives the same page.
    let nonce = blake3::hash(json.as_bytes()).to_hex();
    let (title, script) = (escaped(title), SCRIPT.concat());
    fill(
        PAGE,
        &[
            ("title", &title),
            ("nonce", nonce.get(..32).unwrap_or_default()),
            ("style", STYLE),
            ("content", &json),
            ("script", &script),
            ("library", library::source()),
        ],
    )
}

/// Puts values in the place of `{{name}}`, once: what a value says is never looked at.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let size = template.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>() + 1_024;
    let mut out = String::with_capacity(size);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, after)) = after.split_once("}}") else { break };
        let value = values.iter().find(|(known, _)| *known == name);
        out.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Text inside an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// JSON that cannot end the script element it stands in, nor open a comment there.
fn script_json(content: &Content<'_>) -> String {
    // Maps have string keys and floats that are not finite become null, so this cannot fail.
    serde_json::to_string(content).unwrap_or_default().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_templates() {
        let filled = fill("<{{a}}|{{b}}|{{c}}>", &[("a", "{{b}}"), ("b", "2")]);
        assert_eq!(filled, "<{{b}}|2|>");
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(escaped("<b title='x\"'>&"), "&lt;b title=&#39;x&quot;&#39;&gt;&amp;");
    }

    #[test]
    fn our_sources_name_every_placeholder_and_no_address() {
        for name in ["title", "nonce", "style", "content", "script", "library"] {
            assert!(PAGE.contains(&format!("{{{{{name}}}}}")), "{name}");
        }
        for source in SCRIPT.into_iter().chain([PAGE, STYLE]) {
            assert!(
                !source.contains("http://")
                    && !source.contains("https://")
                    && !source.contains("</script>\n//")
            );
        }
    }
}
