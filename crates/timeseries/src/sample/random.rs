//! Random numbers that every platform draws alike.

/// A stream of numbers: Steele, Lea and Flood's SplitMix64 (OOPSLA 2014), whose period of 2^64 is plenty for one
/// day of one market.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Returns the stream of a seed, a purpose and a number: different in any, unrelated.
    pub(super) fn new(seed: u64, purpose: &[&str], number: u64) -> Self {
        let mut mixer = Self(seed ^ hash(purpose));
        mixer.0 = mixer.next() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(mixer.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws evenly from `[0, 1)`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Draws from about the normal distribution with mean 0 and deviation 1: the number of ones among 64 fair
    /// bits, smoothed. No logarithm or cosine, whose last bits differ between platforms.
    pub(super) fn normal(&mut self) -> f64 {
        let ones = f64::from(self.next().count_ones());
        (ones - 32.0) / 4.0 + (self.uniform() - 0.5) / 4.0
    }

    /// Draws like [`Random::normal`], with one in 32 draws three times as large: markets have fat tails.
    pub(super) fn fat(&mut self) -> f64 {
        let normal = self.normal();
        if self.next() < u64::MAX / 32 { 3.0 * normal } else { normal }
    }
}

/// Hashes names (FNV-1a with a separator).
pub(super) fn hash(names: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for name in names {
        for byte in name.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence() {
        // SplitMix64 from state 1234567, as its authors' reference code prints it.
        let mut random = Random(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn moments() {
        let mut random = Random::new(1, &["x"], 2);
        let draws: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }
}
