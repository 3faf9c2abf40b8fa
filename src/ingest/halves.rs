//! Updates that moved an event to another key: old halves whose new half has another key.
//!
//! | the feed | halves belong together where |
//! |---|---|
//! | names them (Snowflake's row id) | they have the same id |
//! | does not (Databricks, BigQuery, Snowflake without the id) | they have the same sequence; only as many are key changes as there are both old halves without a new one and new halves without an old one |

use crate::model::change::Operation;
use std::collections::HashMap;

/// One half of an update, named by the warehouse's row id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// What joins the halves.
    pub id: u128,
    /// The key of this half.
    pub key_hash: u128,
    /// Whether it is the old half.
    pub is_preimage: bool,
}

/// How many updates moved an event to another key. All halves of an id must be among `pairs`.
pub fn key_changes(mut pairs: Vec<Pair>) -> u64 {
    pairs.sort_unstable();
    pairs.dedup();
    let moved = |halves: &[Pair]| {
        let mut lone = Lone::default();
        for key in halves.chunk_by(|a, b| a.key_hash == b.key_hash) {
            lone.add(key.iter().any(|half| half.is_preimage), key.iter().any(|half| !half.is_preimage));
        }
        lone.key_changes()
    };
    pairs.chunk_by(|a, b| a.id == b.id).map(moved).sum()
}

/// Halves of one update feed's instant whose other half is not there under their key.
#[derive(Debug, Clone, Copy, Default)]
struct Lone {
    old: u64,
    new: u64,
}

impl Lone {
    fn add(&mut self, has_old: bool, has_new: bool) {
        self.old += u64::from(has_old && !has_new);
        self.new += u64::from(has_new && !has_old);
    }

    fn key_changes(self) -> u64 {
        self.old.min(self.new)
    }
}

/// Halves without the other one under their key, by sequence: what tells key changes where halves have no name.
#[derive(Debug, Default)]
pub struct LoneHalves(HashMap<u64, Lone>);

impl LoneHalves {
    /// Adds the records of one key and one sequence.
    pub(super) fn add(&mut self, sequence: u64, operations: impl Iterator<Item = Operation> + Clone) {
        let has = |wanted: Operation| operations.clone().any(|operation| operation == wanted);
        let (has_old, has_new) = (has(Operation::PreImage), has(Operation::Update));
        // An INSERT of the key at the same instant puts it again, so that nothing has left.
        if has_old != has_new && !(has_old && has(Operation::Insert)) {
            self.0.entry(sequence).or_default().add(has_old, has_new);
        }
    }

    /// Adds the halves of other keys.
    pub fn append(&mut self, other: LoneHalves) {
        for (sequence, lone) in other.0 {
            let sum = self.0.entry(sequence).or_default();
            (sum.old, sum.new) = (sum.old + lone.old, sum.new + lone.new);
        }
    }

    /// How many updates moved an event to another key, once the halves of all keys are added.
    pub fn key_changes(&self) -> u64 {
        self.0.values().map(|lone| lone.key_changes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<Pair> {
        let half = |word: &str| {
            let mut letters = word.bytes();
            let mut next = || u128::from(letters.next().unwrap_or_default());
            Pair { is_preimage: next() == u128::from(b'<'), id: next(), key_hash: next() }
        };
        text.split(' ').map(half).collect()
    }

    #[test]
    fn named_halves_with_other_keys_are_key_changes() {
        for (text, expected) in [
            ("<1A ~1B", 1),
            ("<1A ~1A", 0),
            ("<1A", 0),
            ("~1B", 0),
            ("<1A ~2B", 0),
            ("<1A ~1B <2B ~2A", 2),
            // Halves that an unload delivers twice are one.
            ("<1A ~1B <1A ~1B", 1),
            // One id for two rows, which a warehouse's is not: what stays is not taken for what moved.
            ("<1A ~1B <1C ~1C", 1),
        ] {
            let (mut turned, straight) = (pairs(text), pairs(text));
            turned.reverse();
            assert_eq!((key_changes(straight), key_changes(turned)), (expected, expected), "{text}");
        }
    }

    #[test]
    fn halves_without_a_name_are_matched_by_their_sequence() {
        use Operation::*;
        let count = |records: &[(u64, &[Operation])]| {
            let mut all = LoneHalves::default();
            for (sequence, operations) in records {
                let mut one = LoneHalves::default();
                one.add(*sequence, operations.iter().copied());
                all.append(one);
            }
            all.key_changes()
        };
        assert_eq!(count(&[(1, &[PreImage]), (1, &[Update])]), 1);
        assert_eq!(count(&[(1, &[PreImage]), (2, &[Update])]), 0);
        assert_eq!(count(&[(1, &[PreImage, Update]), (1, &[Update])]), 0);
        assert_eq!(count(&[(1, &[PreImage]), (1, &[PreImage]), (1, &[Update])]), 1);
        assert_eq!(count(&[(1, &[PreImage, Insert]), (1, &[Update])]), 0);
        assert_eq!(count(&[(1, &[Delete]), (1, &[Update])]), 0, "a delete is no half");
    }
}
