//! What is wrong with an expression, and where.

use super::Span;

/// Something wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// Where.
    pub span: Span,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl ExpressionError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// Returns the line of `text` that the error is about with carets below the place.
    ///
    /// ```
    /// let error = tradai_strategy::expression::parse("rsi <> 30").unwrap_err();
    /// assert_eq!(error.snippet("rsi <> 30"), "rsi <> 30\n     ^");
    /// ```
    #[must_use]
    pub fn snippet(&self, text: &str) -> String {
        const WIDTH: usize = 100;
        let start = floor_boundary(text, self.span.start);
        let end = floor_boundary(text, self.span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let before = text[line_start..start].chars().count();
        let marked = text[start..end.min(line_end)].chars().count().clamp(1, WIDTH);
        // A long line is cut so that the place stays in view.
        let skipped = before.saturating_sub(WIDTH / 2);
        let shown: String = text[line_start..line_end].chars().skip(skipped).take(WIDTH).collect();
        format!("{}\n{}{}", shown.trim_end(), " ".repeat(before - skipped), "^".repeat(marked))
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Returns ``; did you mean `x`?`` for the closest of the names, or nothing when none is close.
pub(crate) fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let limit = if wrong.chars().count() <= 4 { 1 } else { 2 };
    let close = names
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance);
    close.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Levenshtein's distance, with a swap of neighbours as one edit. Longer texts are never close to a name.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) =
        (left.to_lowercase().chars().collect(), right.to_lowercase().chars().collect());
    if left.len() > 60 || left.len().abs_diff(right.len()) > 2 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        rows[i][0] = i;
        for j in 1..=right.len() {
            let swap = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j - 1] + swap).min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_suggested() {
        let names = ["ema_fast", "ema_slow", "rsi"];
        assert_eq!(did_you_mean("ema_fats", names), "; did you mean `ema_fast`?");
        assert_eq!(did_you_mean("RSI", names), "; did you mean `rsi`?");
        assert_eq!(did_you_mean("volume", names), "");
    }

    #[test]
    fn snippets_survive_odd_places() {
        let at = |start, end| ExpressionError::new(Span { start, end }, "x");
        assert_eq!(at(0, 99).snippet("ä"), "ä\n^");
        assert_eq!(at(1, 1).snippet("ä\nb"), "ä\n^");
        assert_eq!(at(50, 60).snippet(""), "\n^");
        assert_eq!(at(3, 4).snippet("a\nbc"), "bc\n ^");
    }
}
