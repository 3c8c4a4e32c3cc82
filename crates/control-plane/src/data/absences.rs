//! What an exchange does not have: noted once, so that it is not asked for again and again.

use tradai_domain::Millis;
use tradai_domain::ports::{Absence, Span};

use super::spans;

/// How long after its end a span must have been asked for to count as known. An exchange may be late with candles,
/// or fill a hole when it has recovered from an outage.
pub const SETTLED_AFTER_MS: Millis = 24 * 3_600_000;

/// Absences noted of one series. The longest are kept: they save the most requests.
pub const MAX_ABSENCES: usize = 1_000;

/// Returns whether an absence is so old that the exchange will hardly fill it any more.
#[must_use]
pub fn is_settled(absence: &Absence) -> bool {
    absence.noted.saturating_sub(absence.span.end) >= SETTLED_AFTER_MS
}

/// Returns where the exchange is known to have nothing.
pub(super) fn settled(absences: &[Absence]) -> Vec<Span> {
    spans::set_of(absences.iter().filter(|absence| is_settled(absence)).map(|absence| absence.span).collect())
}

/// Returns every span that was noted, settled or not.
pub(super) fn noted(absences: &[Absence]) -> Vec<Span> {
    spans::set_of(absences.iter().map(|absence| absence.span).collect())
}

/// Returns the absences after the exchange has answered for some spans: what it lacked there replaces what was known
/// of them. `answered` and `lacking` are sets.
pub(super) fn update(known: &[Absence], answered: &[Span], lacking: &[Span], now: Millis) -> Vec<Absence> {
    let mut absences: Vec<Absence> = Vec::new();
    for absence in known {
        let rest = spans::subtract(&[absence.span], answered);
        absences.extend(rest.into_iter().map(|span| Absence { span, noted: absence.noted }));
    }
    absences.extend(lacking.iter().map(|&span| Absence { span, noted: now }));
    absences.sort_unstable_by_key(|absence| absence.span);
    bounded(joined(absences))
}

/// Makes one of neighbours that are both settled.
fn joined(absences: Vec<Absence>) -> Vec<Absence> {
    let mut joined: Vec<Absence> = Vec::with_capacity(absences.len());
    for absence in absences {
        if let Some(last) = joined.last_mut()
            && last.span.end >= absence.span.start
        {
            let whole = Absence {
                span: Span::new(last.span.start, last.span.end.max(absence.span.end)),
                noted: last.noted.min(absence.noted),
            };
            if is_settled(&whole) {
                *last = whole;
                continue;
            }
        }
        joined.push(absence);
    }
    joined
}

fn bounded(mut absences: Vec<Absence>) -> Vec<Absence> {
    if absences.len() > MAX_ABSENCES {
        absences.sort_unstable_by_key(|absence| absence.span.start.saturating_sub(absence.span.end));
        absences.truncate(MAX_ABSENCES);
        absences.sort_unstable_by_key(|absence| absence.span);
    }
    absences
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Millis = 86_400_000;

    fn absence(start: Millis, end: Millis, noted: Millis) -> Absence {
        Absence { span: Span::new(start * DAY, end * DAY), noted: noted * DAY }
    }

    #[test]
    fn an_answer_replaces_what_was_known_of_its_span() {
        let known = [absence(0, 10, 20)];
        let after = update(&known, &[Span::new(4 * DAY, 6 * DAY)], &[Span::new(4 * DAY, 5 * DAY)], 30 * DAY);
        assert_eq!(after, [absence(0, 5, 20), absence(6, 10, 20)]);
    }

    #[test]
    fn a_fresh_absence_is_not_settled_and_stays_apart() {
        let after = update(
            &[absence(0, 10, 20)],
            &[Span::new(10 * DAY, 30 * DAY)],
            &[Span::new(10 * DAY, 30 * DAY)],
            30 * DAY,
        );
        assert_eq!(after, [absence(0, 10, 20), absence(10, 30, 30)]);
        assert_eq!(settled(&after), [Span::new(0, 10 * DAY)]);
        assert_eq!(noted(&after), [Span::new(0, 30 * DAY)]);
    }

    #[test]
    fn the_longest_are_kept() {
        let many: Vec<Span> =
            (0..1_500).map(|at| Span::new(at * 10 * DAY, at * 10 * DAY + DAY + at)).collect();
        let kept = update(&[], &[], &many, i64::MAX / 2);
        assert_eq!(kept.len(), MAX_ABSENCES);
        assert_eq!(kept[0].span, many[500], "the 500 shortest are gone, and the rest is in order");
    }
}
