//! Keys of both sides that differ in nothing but their time: probably one event whose time was read in another zone,
//! unit or precision (`spec/amplitude.md` section 12.2, `key_near_match`).

use std::collections::HashMap;

/// A key that only one side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lone {
    /// Hash of user id and insert id.
    pub ids: u64,
    /// Whether it is the mirror that has it.
    pub is_unexpected: bool,
    /// Event time in the store's unit.
    pub time: i64,
    /// The caller's number of it among the keys of its side.
    pub index: usize,
}

/// A key of the extract and one of the mirror that are near each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Number of the extract's key.
    pub missing: usize,
    /// Number of the mirror's key.
    pub unexpected: usize,
    /// The extract's time.
    pub expected_time: i64,
    /// The mirror's time.
    pub actual_time: i64,
}

impl Near {
    /// The mirror's time minus the extract's, where 64 bits hold it.
    pub fn offset(&self) -> Option<i64> {
        self.actual_time.checked_sub(self.expected_time)
    }
}

/// Pairs lone keys with the same ids, in the order of their times. Sorts them.
pub fn pair(lone: &mut [Lone], each: &mut dyn FnMut(Near)) {
    lone.sort_unstable();
    for same in lone.chunk_by(|a, b| a.ids == b.ids) {
        let (missing, unexpected) = same.split_at(same.partition_point(|lone| !lone.is_unexpected));
        missing.iter().zip(unexpected).for_each(|(missing, unexpected)| {
            each(Near {
                missing: missing.index,
                unexpected: unexpected.index,
                expected_time: missing.time,
                actual_time: unexpected.time,
            });
        });
    }
}

/// What near matches have in common: said once, not once a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shift {
    /// The mirror's times are all this much later: a time zone.
    Offset(i64),
    /// The mirror's times are the extract's multiplied by this, 1000 or 1000000: a unit taken for a smaller one.
    Multiplied(i64),
    /// The mirror's times are the extract's divided by this.
    Divided(i64),
    /// The mirror's times are the extract's, floored to whole multiples of this: digits were cut off.
    Floored(i64),
}

const FACTORS: [i64; 2] = [1_000, 1_000_000];
/// Offsets that are counted. Where there are more, no one of them explains most pairs.
const MOST_OFFSETS: usize = 1 << 16;

/// Counts by which shift each pair is explained.
#[derive(Debug, Default)]
pub struct Shifts {
    pairs: u64,
    counts: HashMap<Shift, u64>,
    offsets: usize,
}

impl Shifts {
    /// Notes a pair.
    pub fn note(&mut self, near: &Near) {
        self.pairs += 1;
        if let Some(offset) = near.offset().map(Shift::Offset) {
            if self.offsets < MOST_OFFSETS && !self.counts.contains_key(&offset) {
                self.offsets += 1;
                self.counts.insert(offset, 0);
            }
            self.counts.entry(offset).and_modify(|count| *count += 1);
        }
        let (expected, actual) = (near.expected_time, near.actual_time);
        for factor in FACTORS {
            let is = [
                (expected.checked_mul(factor) == Some(actual), Shift::Multiplied(factor)),
                (expected.div_euclid(factor) == actual, Shift::Divided(factor)),
                (expected.checked_sub(expected.rem_euclid(factor)) == Some(actual), Shift::Floored(factor)),
            ];
            is.into_iter().filter(|(is, _)| *is).for_each(|(_, shift)| *self.counts.entry(shift).or_default() += 1);
        }
    }

    /// The shift that explains most pairs, and how many; `None` where none explains more than half of them, or there is
    /// just one pair. Of two that explain as many it is the one with the smaller number behind it.
    pub fn main(&self) -> Option<(Shift, u64)> {
        let found = self.counts.iter().map(|(shift, count)| (*shift, *count));
        let found = found.max_by_key(|(shift, count)| (*count, std::cmp::Reverse(*shift)))?;
        (self.pairs > 1 && found.1 > self.pairs / 2).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lone(ids: u64, is_unexpected: bool, time: i64, index: usize) -> Lone {
        Lone { ids, is_unexpected, time, index }
    }

    fn main(pairs: &[(i64, i64)]) -> Option<(Shift, u64)> {
        let mut shifts = Shifts::default();
        let near = |(expected_time, actual_time)| Near { missing: 0, unexpected: 0, expected_time, actual_time };
        pairs.iter().for_each(|pair| shifts.note(&near(*pair)));
        shifts.main()
    }

    #[test]
    fn keys_with_the_same_ids_are_paired_by_their_times() {
        let mut all = [
            lone(1, false, 20, 2),
            lone(1, true, 23, 12),
            lone(1, true, 13, 11),
            lone(1, false, 10, 1),
            lone(1, true, 99, 13),
            lone(2, false, 5, 3),
            lone(3, false, 1, 4),
            lone(4, true, 1, 14),
        ];
        let mut found = Vec::new();
        pair(&mut all, &mut |near| found.push((near.missing, near.unexpected, near.offset())));
        assert_eq!(found, [(1, 11, Some(3)), (2, 12, Some(3))]);
    }

    #[test]
    fn zones_units_and_cut_digits_are_told() {
        assert_eq!(main(&[(10, 13), (20, 23)]), Some((Shift::Offset(3), 2)));
        assert_eq!(main(&[(10, 13)]), None, "one pair is no pattern");
        assert_eq!(main(&[(2, 2_000), (3, 3_000)]), Some((Shift::Multiplied(1_000), 2)));
        assert_eq!(main(&[(2_000_007, 2), (3_000_000, 3)]), Some((Shift::Divided(1_000_000), 2)));
        assert_eq!(main(&[(2_007, 2_000), (-3, -1_000)]), Some((Shift::Floored(1_000), 2)));
    }

    #[test]
    fn most_pairs_make_a_shift_and_others_do_not_hide_it() {
        assert_eq!(main(&[(0, 3), (1, 4), (2, 9)]), Some((Shift::Offset(3), 2)));
        assert_eq!(main(&[(7, 9), (7, 10)]), None);
        assert_eq!(main(&[(i64::MIN, i64::MAX), (7, 8)]), None);
        assert_eq!(main(&[]), None);
        let many = (0..2 * MOST_OFFSETS as i64).map(|n| (7, 9 + n)).collect::<Vec<_>>();
        assert_eq!(main(&many), None);
    }
}
