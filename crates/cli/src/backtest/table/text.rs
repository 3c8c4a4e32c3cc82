//! Numbers and texts in cells.

/// Money; without a sign when it rounds to zero.
pub(super) fn money(value: f64, decimals: usize) -> String {
    unsigned_zero(format!("{value:.decimals$}"))
}

/// Decimals that Freqtrade writes amounts of a currency with.
pub(super) fn decimals(currency: &str) -> usize {
    match currency {
        "BTC" => 8,
        "ETH" => 5,
        _ => 3,
    }
}

/// A fraction in percent, two decimals.
pub(super) fn percent(ratio: f64) -> String {
    unsigned_zero(format!("{:.2}%", ratio * 100.0))
}

fn unsigned_zero(number: String) -> String {
    let is_zero = !number.contains(|character: char| ('1'..='9').contains(&character));
    if is_zero { number.replacen('-', "", 1) } else { number }
}

/// A ratio, two decimals; `n/a` for the -100 that stands for "not defined".
pub(super) fn ratio(value: f64) -> String {
    // The marker is assigned, never computed, so the comparison is exact.
    if value == -100.0 || !value.is_finite() {
        "n/a".to_owned()
    } else {
        unsigned_zero(format!("{value:.2}"))
    }
}

/// Wins, draws and losses, and the share of wins.
pub(super) fn won(wins: usize, draws: usize, losses: usize) -> String {
    let trades = wins + draws + losses;
    let share = if trades == 0 { 0.0 } else { wins as f64 / trades as f64 * 100.0 };
    format!("{wins} / {draws} / {losses} {share:5.1}%")
}

/// `1d 02:03` for a span in minutes.
pub(super) fn span(minutes: i64) -> String {
    let (days, rest) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
    let clock = format!("{}:{:02}", rest / 60, rest % 60);
    if days == 0 { clock } else { format!("{days}d {clock:0>5}") }
}

/// The text without characters that a terminal obeys or that would break a table.
pub(super) fn clean(text: &str) -> String {
    let visible = |character: char| match character {
        '|' => "/".to_owned(),
        other if other.is_control() || is_direction(other) => other.escape_default().to_string(),
        other => other.to_string(),
    };
    text.chars().map(visible).collect()
}

/// Marks that reorder what follows them.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(money(1_234.567_8, decimals("USDT")), "1234.568");
        assert_eq!(money(-0.000_012_34, decimals("BTC")), "-0.00001234");
        assert_eq!((money(-0.0, 3), money(-0.000_4, 3)), ("0.000".into(), "0.000".into()));
        assert_eq!(percent(-0.012_34), "-1.23%");
        assert_eq!((ratio(-100.0), ratio(1.005)), ("n/a".into(), "1.00".into()));
        assert_eq!(won(3, 1, 1), "3 / 1 / 1  60.0%");
        assert_eq!(won(0, 0, 0), "0 / 0 / 0   0.0%");
        assert_eq!((span(65), span(1_441 + 600)), ("1:05".into(), "1d 10:01".into()));
    }

    #[test]
    fn tags_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb|c\n\u{202e}d"), "a\\u{1b}[2Jb/c\\n\\u{202e}d");
        assert_eq!(clean("größer ✓"), "größer ✓");
    }
}
