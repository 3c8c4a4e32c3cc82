//! Element by element over columns.
//!
//! Which operation it is gets decided once per column, outside of the loops; a column read `shift` candles late
//! is a view and costs no copy.

use super::{Compare, Map1, Map2};

/// An operand: a number, or a column as it was `shift` candles ago (NaN before it began).
#[derive(Debug, Clone, Copy)]
pub(super) enum Operand<'v> {
    Constant(f64),
    Column { values: &'v [f64], shift: usize },
}

impl Operand<'_> {
    fn shift(&self) -> usize {
        match *self {
            Self::Constant(_) => 0,
            Self::Column { shift, .. } => shift,
        }
    }

    fn at(&self, row: usize) -> f64 {
        match *self {
            Self::Constant(number) => number,
            Self::Column { values, shift } => row.checked_sub(shift).map_or(f64::NAN, |row| values[row]),
        }
    }

    /// Writes it out as a column.
    pub(super) fn to_vec(self, rows: usize) -> Vec<f64> {
        unary(self, rows, |x| x)
    }
}

fn unary<T: Clone>(a: Operand<'_>, rows: usize, f: impl Fn(f64) -> T) -> Vec<T> {
    match a {
        Operand::Constant(number) => vec![f(number); rows],
        Operand::Column { values, shift } => {
            let shift = shift.min(rows);
            let mut result = Vec::with_capacity(rows);
            result.resize(shift, f(f64::NAN));
            result.extend(values[..rows - shift].iter().map(|&x| f(x)));
            result
        }
    }
}

fn binary<T: Clone>(a: Operand<'_>, b: Operand<'_>, rows: usize, f: impl Fn(f64, f64) -> T) -> Vec<T> {
    let (left, right, head) = match (a, b) {
        (Operand::Constant(x), _) => return unary(b, rows, |y| f(x, y)),
        (_, Operand::Constant(y)) => return unary(a, rows, |x| f(x, y)),
        (Operand::Column { values: left, .. }, Operand::Column { values: right, .. }) => {
            (left, right, a.shift().max(b.shift()).min(rows))
        }
    };
    let mut result = Vec::with_capacity(rows);
    result.extend((0..head).map(|row| f(a.at(row), b.at(row))));
    let left = &left[head - a.shift().min(head)..rows - a.shift().min(rows)];
    let right = &right[head - b.shift().min(head)..rows - b.shift().min(rows)];
    result.extend(left.iter().zip(right).map(|(&x, &y)| f(x, y)));
    result
}

pub(super) fn map1(map: Map1, a: Operand<'_>, rows: usize) -> Vec<f64> {
    match map {
        Map1::Negate => unary(a, rows, |x| -x),
        Map1::Abs => unary(a, rows, f64::abs),
        other => unary(a, rows, |x| other.apply(x)),
    }
}

pub(super) fn map2(map: Map2, a: Operand<'_>, b: Operand<'_>, rows: usize) -> Vec<f64> {
    match map {
        Map2::Add => binary(a, b, rows, |x, y| x + y),
        Map2::Subtract => binary(a, b, rows, |x, y| x - y),
        Map2::Multiply => binary(a, b, rows, |x, y| x * y),
        Map2::Divide => binary(a, b, rows, |x, y| x / y),
        other => binary(a, b, rows, |x, y| other.apply(x, y)),
    }
}

pub(super) fn compare(op: Compare, a: Operand<'_>, b: Operand<'_>, rows: usize) -> Vec<bool> {
    match op {
        Compare::Less => binary(a, b, rows, |x, y| x < y),
        Compare::LessOrEqual => binary(a, b, rows, |x, y| x <= y),
        Compare::Greater => binary(a, b, rows, |x, y| x > y),
        Compare::GreaterOrEqual => binary(a, b, rows, |x, y| x >= y),
        Compare::Equal => binary(a, b, rows, |x, y| x == y),
        Compare::NotEqual => binary(a, b, rows, |x, y| op.apply(x, y)),
    }
}

pub(super) fn known(a: Operand<'_>, rows: usize) -> Vec<bool> {
    unary(a, rows, |x| !x.is_nan())
}

pub(super) fn choose(condition: &[bool], a: Operand<'_>, b: Operand<'_>) -> Vec<f64> {
    let rows = condition.len();
    condition.iter().zip(0..rows).map(|(&holds, row)| if holds { a.at(row) } else { b.at(row) }).collect()
}

pub(super) fn prev_flag(flags: &[bool], n: usize) -> Vec<bool> {
    let shift = n.min(flags.len());
    let mut result = vec![false; shift];
    result.extend_from_slice(&flags[..flags.len() - shift]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_columns_begin_unknown() {
        let (x, y) = ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]);
        let column = |values, shift| Operand::Column { values, shift };
        assert_eq!(map2(Map2::Add, column(&x, 1), column(&y, 0), 3)[1..], [3.0, 3.0]);
        assert_eq!(map2(Map2::Add, column(&x, 0), column(&y, 2), 3)[2..], [6.0]);
        assert!(map2(Map2::Add, column(&x, 9), column(&y, 0), 3).iter().all(|value| value.is_nan()));
        assert_eq!(compare(Compare::Greater, column(&x, 1), Operand::Constant(0.0), 3), [false, true, true]);
        assert_eq!(known(column(&x, 2), 3), [false, false, true]);
        assert_eq!(prev_flag(&[true, false], 1), [false, true]);
        assert_eq!(prev_flag(&[true, false], 7), [false, false]);
        assert_eq!(choose(&[true, false, true], column(&x, 0), Operand::Constant(9.0)), [1.0, 9.0, 3.0]);
    }
}
