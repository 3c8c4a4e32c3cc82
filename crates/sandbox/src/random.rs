//! Draws that a seed decides: the same seed and the same order of draws give the same numbers on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014, <https://doi.org/10.1145/2660193.2660195>).
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    /// Returns the stream of a seed and a label, independent of the streams of other labels.
    pub(crate) fn new(seed: u64, label: &str) -> Self {
        Self(mix(seed ^ hash(label)))
    }

    /// Returns the next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Returns whether something of this probability (0..=1) happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what a double holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "2^53 and below are exact")]
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }
}

/// Returns well-mixed bits of a number.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// FNV-1a of a text.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_label() {
        let draw = |label| {
            let mut draws = Draws::new(7, label);
            [draws.next(), draws.next()]
        };
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
    }

    #[test]
    fn chances_come_true_about_as_often_as_they_say() {
        let mut draws = Draws::new(1, "x");
        let hits = (0..100_000).filter(|_| draws.chance(0.02)).count();
        assert!((1_800..2_200).contains(&hits), "{hits}");
        assert!(!draws.chance(0.0) && draws.chance(1.0));
    }
}
