//! The highest or lowest value of a moving window.

use std::marker::PhantomData;

use super::ring::Ring;

/// Which of two values wins. Comparisons with NaN lose.
pub(super) trait Order {
    /// Whether `challenger` replaces `champion`; a tie does.
    fn wins(challenger: f64, champion: f64) -> bool;
}

/// Larger values win.
#[derive(Debug, Clone, Copy)]
pub(super) struct Highest;

/// Smaller values win.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lowest;

impl Order for Highest {
    #[inline]
    fn wins(challenger: f64, champion: f64) -> bool {
        challenger >= champion
    }
}

impl Order for Lowest {
    #[inline]
    fn wins(challenger: f64, champion: f64) -> bool {
        challenger <= champion
    }
}

/// Extreme of the last `window` values and how many rows ago it was. The latest of equal values counts.
///
/// The window is searched again only when the extreme leaves it: rarely on prices, at every row on a
/// steady trend away from the extreme. A monotonic queue would bound that, but costs more on prices.
#[derive(Debug, Clone)]
pub(super) struct Extreme<O> {
    window: Ring<f64>,
    value: f64,
    age: usize,
    order: PhantomData<O>,
}

impl<O: Order> Extreme<O> {
    /// `window` is at least one.
    pub(super) fn new(window: usize) -> Self {
        // An age past the window makes the first full window be searched.
        Self { window: Ring::new(window), value: f64::NAN, age: window, order: PhantomData }
    }

    /// Takes the next value; returns the extreme and its age in rows once the window is full.
    #[inline]
    pub(super) fn push(&mut self, value: f64) -> Option<(f64, usize)> {
        self.window.push(value);
        self.window.oldest()?;
        self.age += 1;
        if self.age >= self.window.capacity() {
            self.search();
        } else if O::wins(value, self.value) {
            (self.value, self.age) = (value, 0);
        }
        Some((self.value, self.age))
    }

    fn search(&mut self) {
        let last = self.window.capacity() - 1;
        let mut values = self.window.iter().enumerate();
        if let Some((_, oldest)) = values.next() {
            (self.value, self.age) = (oldest, last);
        }
        for (index, value) in values {
            if O::wins(value, self.value) {
                (self.value, self.age) = (value, last - index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<O: Order>(window: usize, values: &[f64]) -> Vec<Option<(f64, usize)>> {
        let mut extreme = Extreme::<O>::new(window);
        values.iter().map(|&value| extreme.push(value)).collect()
    }

    #[test]
    fn the_latest_of_equal_values_counts_and_an_expired_one_is_replaced() {
        let highs = run::<Highest>(3, &[5.0, 5.0, 1.0, 2.0, 3.0, 3.0]);
        let expected = [None, None, Some((5.0, 1)), Some((5.0, 2)), Some((3.0, 0)), Some((3.0, 0))];
        assert_eq!(highs, expected);
        assert_eq!(run::<Lowest>(2, &[2.0, 4.0, 3.0]), [None, Some((2.0, 1)), Some((3.0, 0))]);
    }

    #[test]
    fn a_window_of_one_is_the_value_itself() {
        assert_eq!(run::<Lowest>(1, &[2.0, 1.0]), [Some((2.0, 0)), Some((1.0, 0))]);
    }
}
