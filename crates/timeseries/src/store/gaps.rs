//! Missing candles of a file, in a form that stays small however many there are.
//!
//! A market that nobody trades has a hole every few candles. As a list they would make each manifest, which is
//! written anew with each commit, larger than the candles; as one bit per candle a month of minutes takes 11 kB
//! of text at most.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tradai_domain::{Millis, Timeframe};

use super::types::Gap;

/// Beyond so many gaps they are written as bits, where that is possible.
const MAX_LISTED: usize = 256;

/// About what a listed gap takes.
const LISTED_BYTES: usize = 40;

/// Gaps in order of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gaps(pub(crate) Vec<Gap>);

/// How gaps are written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    List(Vec<Gap>),
    Bits(Bits),
}

/// One bit per candle from `from` on: 1 where it is missing.
#[derive(Serialize, Deserialize)]
struct Bits {
    from: Millis,
    step: Millis,
    /// Hexadecimal, the first candle in the highest bit.
    missing: String,
}

impl Gaps {
    /// Returns the gaps between times that are `step` apart otherwise.
    pub(crate) fn between(times: &[Millis], step: Millis) -> Self {
        Self(times.windows(2).filter_map(|pair| gap_between(pair[0], pair[1], step)).collect())
    }

    /// Returns whether the gaps are in order and lie between a first and a last time, as those of a file do.
    pub(crate) fn are_within(&self, first: Millis, last: Millis) -> bool {
        let mut before = first;
        self.0.iter().all(|gap| {
            // A candle missing takes at least a millisecond.
            let end = i64::try_from(gap.missing).ok().and_then(|missing| gap.start.checked_add(missing));
            let is_after = gap.start > before && gap.missing > 0;
            before = end.unwrap_or(Millis::MAX);
            is_after && before <= last
        })
    }

    /// Returns the gaps as bits, or `None` when they do not lie on one grid or a list is shorter.
    fn bits(&self) -> Option<Bits> {
        Timeframe::ALL.iter().rev().find_map(|timeframe| self.bits_of(timeframe.millis()))
    }

    fn bits_of(&self, step: Millis) -> Option<Bits> {
        let from = self.0.first()?.start;
        let slots = |at: Millis| usize::try_from((at - from) / step).ok();
        let last = self.0.last()?;
        let length = slots(last.start)?.checked_add(usize::try_from(last.missing).ok()?)?;
        if length / 4 > self.0.len() * LISTED_BYTES {
            return None;
        }
        let mut bytes = vec![0_u8; length.div_ceil(8)];
        for gap in &self.0 {
            let start = slots(gap.start)?;
            for slot in start..start.checked_add(usize::try_from(gap.missing).ok()?)? {
                *bytes.get_mut(slot / 8)? |= 0x80 >> (slot % 8);
            }
        }
        let missing = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let bits = Bits { from, step, missing };
        // A step that is not the candles' own would tell other gaps.
        (bits.gaps().as_ref() == Some(&self.0)).then_some(bits)
    }
}

impl Bits {
    fn gaps(&self) -> Option<Vec<Gap>> {
        if self.step <= 0 || !self.missing.is_ascii() {
            return None;
        }
        let mut gaps: Vec<Gap> = Vec::new();
        let mut before = false;
        for (digit, text) in self.missing.bytes().enumerate() {
            let value = char::from(text).to_digit(16)?;
            for bit in 0..4 {
                let is_missing = value & (8 >> bit) != 0;
                if is_missing && before {
                    gaps.last_mut()?.missing += 1;
                } else if is_missing {
                    let slot = i64::try_from(digit * 4 + bit).ok()?;
                    let start = self.from.checked_add(self.step.checked_mul(slot)?)?;
                    gaps.push(Gap { start, missing: 1 });
                }
                before = is_missing;
            }
        }
        Some(gaps)
    }
}

impl Serialize for Gaps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bits = if self.0.len() > MAX_LISTED { self.bits() } else { None };
        match bits {
            Some(bits) => bits.serialize(serializer),
            None => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Gaps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::List(gaps) => Ok(Self(gaps)),
            Written::Bits(bits) => {
                bits.gaps().map(Self).ok_or_else(|| serde::de::Error::custom("gaps are not bits on a grid"))
            }
        }
    }
}

/// Returns the candles missing between two stored neighbours.
pub(crate) fn gap_between(earlier: Millis, later: Millis, step: Millis) -> Option<Gap> {
    let missing = u64::try_from((later - earlier) / step - 1).ok().filter(|&missing| missing > 0)?;
    Some(Gap { start: earlier + step, missing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Millis = 60_000;

    #[test]
    fn many_gaps_take_a_bit_per_candle() {
        let times: Vec<Millis> = (0..44_640).filter(|at| at % 3 != 1).map(|at| at * MINUTE).collect();
        let gaps = Gaps::between(&times, MINUTE);
        assert_eq!(gaps.0.len(), 14_880);
        let text = serde_json::to_string(&gaps).unwrap();
        assert!(text.len() < 11_500, "{}", text.len());
        assert_eq!(serde_json::from_str::<Gaps>(&text).unwrap(), gaps);
    }

    #[test]
    fn hostile_bits_are_refused() {
        for text in [
            r#"{"from":0,"step":0,"missing":"ff"}"#,
            r#"{"from":0,"step":60000,"missing":"fg"}"#,
            r#"{"from":9223372036854775807,"step":60000,"missing":"3f"}"#,
            r#"{"from":0,"step":60000,"missing":"ä"}"#,
        ] {
            assert!(serde_json::from_str::<Gaps>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn gaps_lie_in_order_inside_their_file() {
        let is_within = |gaps: &[(Millis, u64)]| {
            let gaps = gaps.iter().map(|&(start, missing)| Gap { start, missing });
            Gaps(gaps.collect()).are_within(0, 100)
        };
        assert!(is_within(&[]) && is_within(&[(1, 10), (12, 88)]));
        for hostile in [
            &[(0_i64, 1_u64)][..],
            &[(1, 0)],
            &[(1, 100)],
            &[(5, 10), (15, 1)],
            &[(5, u64::MAX)],
            &[(Millis::MAX, 2)],
        ] {
            assert!(!is_within(hostile), "{hostile:?}");
        }
    }

    proptest! {
        #[test]
        fn gaps_come_back(present in proptest::collection::btree_set(0_i64..4_000, 1..2_000), off in 0_i64..3) {
            // Some candles may lie off the grid.
            let times: Vec<Millis> =
                present.iter().map(|at| at * MINUTE + if off == 2 && at % 7 == 0 { 1 } else { 0 }).collect();
            let gaps = Gaps::between(&times, MINUTE);
            prop_assert!(gaps.are_within(times[0], times[times.len() - 1]));
            let text = serde_json::to_string(&gaps).unwrap();
            prop_assert_eq!(serde_json::from_str::<Gaps>(&text).unwrap(), gaps);
        }
    }
}
