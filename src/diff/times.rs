//! Keys of both sides that differ in nothing but their time: probably one event whose time was read in another zone,
//! unit or precision (`spec/amplitude.md` section 12.2, `key_near_match`).

use std::collections::HashMap;

/// A key that only one side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lone {
    /// Hash of user id and insert id.
    pub ids: u128,
    /// Event time in the store's unit.
    pub time: i64,
    /// Hash of the key.
    pub key_hash: u128,
}

/// A key of the extract and one of the mirror that are near each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Hash of the extract's key.
    pub missing: u128,
    /// Hash of the mirror's key.
    pub unexpected: u128,
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

/// Pairs lone keys with the same ids, in the order of their times.
pub fn pair(missing: &[Lone], unexpected: &[Lone]) -> Vec<Near> {
    let mut by_ids: HashMap<u128, (Vec<Lone>, Vec<Lone>)> = HashMap::new();
    unexpected.iter().for_each(|lone| by_ids.entry(lone.ids).or_default().1.push(*lone));
    for lone in missing {
        if let Some((missing, _)) = by_ids.get_mut(&lone.ids) {
            missing.push(*lone);
        }
    }
    let mut pairs = Vec::new();
    for (_, (mut missing, mut unexpected)) in by_ids {
        missing.sort_unstable_by_key(|lone| lone.time);
        unexpected.sort_unstable_by_key(|lone| lone.time);
        pairs.extend(missing.into_iter().zip(unexpected).map(|(missing, unexpected)| Near {
            missing: missing.key_hash,
            unexpected: unexpected.key_hash,
            expected_time: missing.time,
            actual_time: unexpected.time,
        }));
    }
    pairs.sort_unstable_by_key(|near| near.missing);
    pairs
}

/// What all pairs have in common: said once, not once a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// The mirror's times are all this much later: a time zone.
    Offset(i64),
    /// The mirror's times are the extract's multiplied by this, 1000 or 1000000: a unit taken for a smaller one.
    Multiplied(i64),
    /// The mirror's times are the extract's divided by this.
    Divided(i64),
}

const FACTORS: [i64; 2] = [1_000, 1_000_000];

/// The shift that explains all pairs; `None` where there is none, or just one pair.
pub fn shift(pairs: &[Near]) -> Option<Shift> {
    let first = pairs.first().filter(|_| pairs.len() > 1)?;
    if let Some(offset) = first.offset()
        && pairs.iter().all(|near| near.offset() == Some(offset))
    {
        return Some(Shift::Offset(offset));
    }
    let all = |is: &dyn Fn(&Near) -> bool| pairs.iter().all(is);
    FACTORS.into_iter().find_map(|factor| {
        if all(&|near| near.expected_time.checked_mul(factor) == Some(near.actual_time)) {
            return Some(Shift::Multiplied(factor));
        }
        all(&|near| near.expected_time.div_euclid(factor) == near.actual_time).then_some(Shift::Divided(factor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lone(ids: u128, time: i64, key_hash: u128) -> Lone {
        Lone { ids, time, key_hash }
    }

    #[test]
    fn keys_with_the_same_ids_are_paired_by_their_times() {
        let missing = [lone(1, 20, 2), lone(1, 10, 1), lone(2, 5, 3), lone(3, 1, 4)];
        let unexpected = [lone(1, 23, 12), lone(1, 13, 11), lone(1, 99, 13), lone(4, 1, 14)];
        let pairs = pair(&missing, &unexpected);
        let found: Vec<_> = pairs.iter().map(|near| (near.missing, near.unexpected, near.offset())).collect();
        assert_eq!(found, [(1, 11, Some(3)), (2, 12, Some(3))]);
        assert_eq!(shift(&pairs), Some(Shift::Offset(3)));
        assert_eq!(shift(&pairs[..1]), None, "one pair is no pattern");
    }

    #[test]
    fn units_and_what_has_no_pattern() {
        let near = |expected_time, actual_time| Near { missing: 0, unexpected: 0, expected_time, actual_time };
        assert_eq!(shift(&[near(2, 2_000), near(3, 3_000)]), Some(Shift::Multiplied(1_000)));
        assert_eq!(shift(&[near(2_000_007, 2), near(-1, 0)]), None);
        assert_eq!(shift(&[near(2_000_007, 2), near(3_000_000, 3)]), Some(Shift::Divided(1_000_000)));
        assert_eq!(shift(&[near(1, 2), near(1, 3)]), None);
        assert_eq!(shift(&[near(i64::MIN, i64::MAX), near(0, 1)]), None);
        assert_eq!(shift(&[]), None);
    }
}
