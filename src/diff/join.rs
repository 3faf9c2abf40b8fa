//! The join of two lists of rows, each a key hash and a row hash.
//!
//! | in the extract | in the mirror | |
//! |---|---|---|
//! | a row | no row | [`Kind::Missing`] |
//! | no row | a row | [`Kind::Unexpected`] |
//! | a row | another row | [`Kind::Mismatched`] |
//! | equal rows with one key | | counted once, the rest by [`Join::counts`] |
//! | different rows with one key | any row | [`Kind::Mismatched`], `is_ambiguous`: the extract contradicts itself |

/// A row by its hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The hash of its key.
    pub key_hash: u128,
    /// The hash of key and columns.
    pub row_hash: u128,
}

/// How a key differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// In the extract, not in the mirror.
    Missing,
    /// In the mirror, not in the extract.
    Unexpected,
    /// In both, with other columns.
    Mismatched,
}

impl Kind {
    /// The public name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Missing => "missing",
            Kind::Unexpected => "unexpected",
            Kind::Mismatched => "mismatched",
        }
    }
}

/// A key that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDifference {
    /// The hash of the key.
    pub key_hash: u128,
    /// How.
    pub kind: Kind,
    /// The extract has different rows with this key, so that none of them is the right one for certain.
    pub is_ambiguous: bool,
    /// The mirror has one of the rows that the extract gives. True of ambiguous keys only.
    pub is_one_of_them: bool,
}

/// The extract's rows of some keys, in wait for the mirror's rows of them.
#[derive(Debug, Default)]
pub struct Join {
    extract: Vec<Entry>,
    /// Whether the mirror has the key, at the place of its first row.
    is_met: Vec<bool>,
}

impl Join {
    /// Waits with these rows.
    pub fn new(mut extract: Vec<Entry>) -> Join {
        extract.sort_unstable();
        Join { is_met: vec![false; extract.len()], extract }
    }

    /// Takes a row of the mirror, which has no other of this key; how it differs, if it does.
    pub fn meet(&mut self, row: Entry) -> Option<RowDifference> {
        let first = self.extract.partition_point(|entry| entry.key_hash < row.key_hash);
        let rows = self.extract[first..].chunk_by(|a, b| a.key_hash == b.key_hash).next();
        let Some(rows) = rows.filter(|rows| rows[0].key_hash == row.key_hash) else {
            let (kind, key_hash) = (Kind::Unexpected, row.key_hash);
            return Some(RowDifference { key_hash, kind, is_ambiguous: false, is_one_of_them: false });
        };
        self.is_met[first] = true;
        let (is_ambiguous, is_one_of_them) = (different(rows) > 1, rows.binary_search(&row).is_ok());
        let (kind, key_hash) = (Kind::Mismatched, row.key_hash);
        (is_ambiguous || !is_one_of_them).then_some(RowDifference { key_hash, kind, is_ambiguous, is_one_of_them })
    }

    /// The keys that the mirror does not have, when all of its rows were taken.
    pub fn missing(&self) -> impl Iterator<Item = RowDifference> {
        self.keys().filter(|(first, _)| !self.is_met[*first]).map(|(_, rows)| RowDifference {
            key_hash: rows[0].key_hash,
            kind: Kind::Missing,
            is_ambiguous: different(rows) > 1,
            is_one_of_them: false,
        })
    }

    /// Keys of the extract, and its rows that repeat another one, key and columns.
    pub fn counts(&self) -> (u64, u64) {
        self.keys()
            .fold((0, 0), |(keys, repeated), (_, rows)| (keys + 1, repeated + (rows.len() - different(rows)) as u64))
    }

    /// The rows of each key, with the place of the first.
    fn keys(&self) -> impl Iterator<Item = (usize, &[Entry])> {
        let keys = self.extract.chunk_by(|a, b| a.key_hash == b.key_hash);
        keys.scan(0, |next, rows| {
            let first = *next;
            *next += rows.len();
            Some((first, rows))
        })
    }
}

/// How many rows differ from each other, of sorted ones.
fn different(rows: &[Entry]) -> usize {
    1 + rows.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn entries(pairs: &[(u128, u128)]) -> Vec<Entry> {
        pairs.iter().map(|(key_hash, row_hash)| Entry { key_hash: *key_hash, row_hash: *row_hash }).collect()
    }

    /// Keys that differ, rising; keys and repeated rows of the extract.
    /// Key, kind, `is_ambiguous` and `is_one_of_them` of each difference.
    type Found = Vec<(u128, Kind, bool, bool)>;

    fn join(extract: &[(u128, u128)], mirror: &[(u128, u128)]) -> (Found, (u64, u64)) {
        let mut join = Join::new(entries(extract));
        let mut found: Vec<RowDifference> = entries(mirror).into_iter().filter_map(|row| join.meet(row)).collect();
        found.extend(join.missing());
        found.sort_by_key(|found| found.key_hash);
        let found = found.iter().map(|found| (found.key_hash, found.kind, found.is_ambiguous, found.is_one_of_them));
        (found.collect(), join.counts())
    }

    #[test]
    fn every_line_of_the_table() {
        use Kind::*;
        let extract = [(9, 1), (1, 1), (3, 1), (3, 1), (5, 2), (5, 1), (6, 1), (6, 2), (7, 1), (7, 2)];
        let mirror = [(2, 1), (9, 2), (3, 1), (4, 8), (5, 1), (6, 3), (10, 1)];
        let expected = [
            (1, Missing, false, false),
            (2, Unexpected, false, false),
            (4, Unexpected, false, false),
            (5, Mismatched, true, true),
            (6, Mismatched, true, false),
            (7, Missing, true, false),
            (9, Mismatched, false, false),
            (10, Unexpected, false, false),
        ];
        assert_eq!(join(&extract, &mirror), (expected.to_vec(), (6, 1)));
    }

    proptest! {
        #[test]
        fn a_join_agrees_with_maps(
            extract in prop::collection::vec((0u128..20, 0u128..3), 0..40),
            mirror in prop::collection::btree_map(0u128..20, 0u128..3, 0..20),
        ) {
            let mut wanted: BTreeMap<u128, BTreeSet<u128>> = BTreeMap::new();
            extract.iter().for_each(|(key, row)| { wanted.entry(*key).or_default().insert(*row); });
            let keys: BTreeSet<u128> = wanted.keys().chain(mirror.keys()).copied().collect();
            let expected: Vec<_> = keys.into_iter().filter_map(|key| {
                let (rows, row) = (wanted.get(&key), mirror.get(&key));
                let many = rows.is_some_and(|rows| rows.len() > 1);
                match (rows, row) {
                    (Some(_), None) => Some((key, Kind::Missing, many, false)),
                    (None, Some(_)) => Some((key, Kind::Unexpected, false, false)),
                    (Some(rows), Some(row)) if many || !rows.contains(row) => {
                        Some((key, Kind::Mismatched, many, rows.contains(row)))
                    }
                    _ => None,
                }
            }).collect();
            let mirror: Vec<(u128, u128)> = mirror.into_iter().rev().collect();
            let distinct: usize = wanted.values().map(BTreeSet::len).sum();
            let counts = (wanted.len() as u64, (extract.len() - distinct) as u64);
            prop_assert_eq!(join(&extract, &mirror), (expected, counts));
        }

        #[test]
        fn a_table_does_not_differ_from_itself(rows in prop::collection::btree_map(any::<u128>(), any::<u128>(), 0..30)) {
            let rows: Vec<(u128, u128)> = rows.into_iter().collect();
            prop_assert!(join(&rows, &rows).0.is_empty());
        }
    }
}
