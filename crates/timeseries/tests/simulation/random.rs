//! Seeded random numbers (SplitMix64, Steele et al. 2014): the same on every machine and in every version.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns a number of `start..=last`.
    pub(crate) fn between(&mut self, start: i64, last: i64) -> i64 {
        start + self.below((last - start + 1).cast_unsigned()).cast_signed()
    }

    /// Returns `true` this many times in ten thousand.
    pub(crate) fn chance(&mut self, of_ten_thousand: u64) -> bool {
        self.below(10_000) < of_ten_thousand
    }

    /// Returns a place among so many things; 0 when there is none.
    pub(crate) fn index(&mut self, things: usize) -> usize {
        usize::try_from(self.below(things.max(1) as u64)).unwrap_or(0)
    }

    /// Returns one of some things, of which there is at least one.
    pub(crate) fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.index(things.len())]
    }
}
