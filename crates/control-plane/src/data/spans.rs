//! Sets of spans: lists that are sorted, without overlaps and without empty members.

use tradai_domain::Millis;
use tradai_domain::ports::Span;

/// Makes a set of any spans: empty ones are left out, those that overlap or touch become one.
#[must_use]
pub fn set_of(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| !span.is_empty());
    spans.sort_unstable();
    coalesce(&spans, 0)
}

/// Joins members that lie no further apart than `reach` milliseconds.
#[must_use]
pub fn coalesce(spans: &[Span], reach: Millis) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for &span in spans {
        match joined.last_mut() {
            Some(last) if span.start <= last.end.saturating_add(reach) => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// Returns what is in `from` and not in `taken`; both are sets.
#[must_use]
pub fn subtract(from: &[Span], taken: &[Span]) -> Vec<Span> {
    let mut rest = Vec::new();
    let mut first = 0;
    for &span in from {
        // Both lists are sorted: what ends before this member ends before the next ones too.
        first += taken[first..].partition_point(|other| other.end <= span.start);
        let mut start = span.start;
        for other in taken[first..].iter().take_while(|other| other.start < span.end) {
            rest.push(Span::new(start, other.start));
            start = start.max(other.end);
        }
        rest.push(Span::new(start, span.end));
    }
    rest.retain(|span| !span.is_empty());
    rest
}

/// Returns what is in both sets.
#[must_use]
pub fn intersect(some: &[Span], others: &[Span]) -> Vec<Span> {
    let mut both = Vec::new();
    let mut first = 0;
    for &span in some {
        first += others[first..].partition_point(|other| other.end <= span.start);
        let overlapping = others[first..].iter().take_while(|other| other.start < span.end);
        both.extend(overlapping.map(|other| span.intersect(*other)));
    }
    both.retain(|span| !span.is_empty());
    both
}

/// Returns the spans between times that are `step` apart on a grid: what of `span` the sorted `times` leave open.
#[must_use]
pub fn between(times: &[Millis], span: Span, step: Millis) -> Vec<Span> {
    let mut open = Vec::new();
    let mut next = span.start;
    for &time in times {
        open.push(Span::new(next, time));
        next = time.saturating_add(step);
    }
    open.push(Span::new(next, span.end));
    open.retain(|span| !span.is_empty());
    open
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The members of a set as a list of bits, which is what the set means.
    fn bits(spans: &[Span]) -> Vec<bool> {
        (0..64).map(|at| spans.iter().any(|span| span.contains(at))).collect()
    }

    fn is_set(spans: &[Span]) -> bool {
        spans.iter().all(|span| !span.is_empty()) && spans.windows(2).all(|pair| pair[0].end <= pair[1].start)
    }

    fn sets() -> impl Strategy<Value = Vec<Span>> {
        let span =
            (0_i64..64, 0_i64..20).prop_map(|(start, length)| Span::new(start, (start + length).min(64)));
        proptest::collection::vec(span, 0..8).prop_map(set_of)
    }

    proptest! {
        #[test]
        fn operations_mean_what_they_mean_on_bits(some in sets(), others in sets()) {
            let (a, b) = (bits(&some), bits(&others));
            let less = subtract(&some, &others);
            let both = intersect(&some, &others);
            prop_assert!(is_set(&less) && is_set(&both));
            prop_assert_eq!(bits(&less), a.iter().zip(&b).map(|(a, b)| *a && !*b).collect::<Vec<_>>());
            prop_assert_eq!(bits(&both), a.iter().zip(&b).map(|(a, b)| *a && *b).collect::<Vec<_>>());
        }

        #[test]
        fn joining_only_adds_what_lies_between(some in sets(), reach in 0_i64..10) {
            let joined = coalesce(&some, reach);
            prop_assert!(joined.windows(2).all(|pair| pair[1].start - pair[0].end > reach));
            prop_assert!(subtract(&some, &joined).is_empty());
            prop_assert!(subtract(&joined, &some).iter().all(|added| added.end - added.start <= reach));
        }
    }

    #[test]
    fn open_spans_between_times() {
        assert_eq!(
            between(&[10, 40], Span::new(0, 60), 10),
            [Span::new(0, 10), Span::new(20, 40), Span::new(50, 60)]
        );
        assert_eq!(between(&[], Span::new(0, 60), 10), [Span::new(0, 60)]);
        assert!(between(&[0, 10], Span::new(0, 20), 10).is_empty());
    }
}
