//! The last `capacity` values of a series.

/// A fixed window that overwrites its oldest value.
#[derive(Debug, Clone)]
pub(super) struct Ring<T> {
    slots: Vec<T>,
    /// Slot the next value goes to; the oldest value's once the ring is full.
    head: usize,
    full: bool,
}

impl<T: Copy + Default> Ring<T> {
    /// An empty ring. `capacity` is at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self { slots: vec![T::default(); capacity], head: 0, full: false }
    }

    /// Stores `value` over the oldest one.
    #[inline]
    pub(super) fn push(&mut self, value: T) {
        self.slots[self.head] = value;
        self.head += 1;
        if self.head == self.slots.len() {
            self.head = 0;
            self.full = true;
        }
    }

    /// The oldest value, or `None` while there are fewer than `capacity`.
    #[inline]
    pub(super) fn oldest(&self) -> Option<T> {
        self.full.then(|| self.slots[self.head])
    }

    /// The value pushed `age` values before the newest one. `age` is below the number pushed so far.
    #[inline]
    pub(super) fn at_age(&self, age: usize) -> T {
        let capacity = self.slots.len();
        let slot = self.head + capacity - 1 - age;
        self.slots[if slot >= capacity { slot - capacity } else { slot }]
    }

    /// All values of a full ring, oldest first.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        let (newer, older) = self.slots.split_at(self.head);
        older.iter().chain(newer).copied()
    }

    /// All values of a full ring in the order they are stored, for sums that must round as TA-Lib's do.
    #[inline]
    pub(super) fn slots(&self) -> &[T] {
        &self.slots
    }

    /// Number of values the ring holds once full.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_value_is_overwritten_first() {
        let mut ring = Ring::new(3);
        ring.push(1.0);
        ring.push(2.0);
        assert_eq!(ring.oldest(), None);
        ring.push(3.0);
        ring.push(4.0);
        assert_eq!(ring.oldest(), Some(2.0));
        assert_eq!(ring.iter().collect::<Vec<_>>(), [2.0, 3.0, 4.0]);
        assert_eq!(ring.slots(), [4.0, 2.0, 3.0]);
        assert_eq!([ring.at_age(0), ring.at_age(1), ring.at_age(2)], [4.0, 3.0, 2.0]);
    }
}
