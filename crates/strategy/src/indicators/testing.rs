//! Comparison of short hand-worked columns.

/// Asserts equality to 1e-12, relative above one; NaN equals NaN.
#[track_caller]
pub(super) fn assert_column(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len(), "{actual:?} against {expected:?}");
    for (row, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        let equal = (a.is_nan() && e.is_nan()) || (a - e).abs() <= 1e-12 * e.abs().max(1.0);
        assert!(equal, "row {row}: {a} where {e} is expected, in {actual:?}");
    }
}
