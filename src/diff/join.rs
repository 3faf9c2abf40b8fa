//! The join of two lists of rows, each a key hash and a row hash.
//!
//! | in the extract | in the mirror | |
//! |---|---|---|
//! | a row | no row | [`Kind::Missing`] |
//! | no row | a row | [`Kind::Unexpected`] |
//! | a row | another row | [`Kind::Mismatched`] |
//! | equal rows with one key | | counted once, the rest as [`Joined::repeated`] |
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

/// What a join found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// The keys that differ, rising by hash.
    pub differences: Vec<RowDifference>,
    /// Keys of the extract.
    pub keys: u64,
    /// Rows of the extract that repeat another one, key and columns.
    pub repeated: u64,
}

/// Joins the rows of the extract with those of the mirror by their key hash. Sorts both; the mirror's keys must differ.
pub fn join(extract: &mut [Entry], mirror: &mut [Entry]) -> Joined {
    extract.sort_unstable();
    mirror.sort_unstable();
    let mut out = Joined::default();
    let mut rest = &*mirror;
    for rows in extract.chunk_by(|a, b| a.key_hash == b.key_hash) {
        let key_hash = rows[0].key_hash;
        let before = rest.partition_point(|entry| entry.key_hash < key_hash);
        unexpected(&rest[..before], &mut out);
        rest = &rest[before..];
        let found = rest.first().filter(|entry| entry.key_hash == key_hash);
        rest = &rest[usize::from(found.is_some())..];
        let different = 1 + rows.windows(2).filter(|pair| pair[0] != pair[1]).count();
        out.keys += 1;
        out.repeated += (rows.len() - different) as u64;
        let is_ambiguous = different > 1;
        let is_there = found.is_some_and(|entry| rows.binary_search(entry).is_ok());
        if is_ambiguous || !is_there {
            let kind = if found.is_some() { Kind::Mismatched } else { Kind::Missing };
            out.differences.push(RowDifference { key_hash, kind, is_ambiguous, is_one_of_them: is_there });
        }
    }
    unexpected(rest, &mut out);
    out
}

fn unexpected(entries: &[Entry], out: &mut Joined) {
    out.differences.extend(entries.iter().map(|entry| RowDifference {
        key_hash: entry.key_hash,
        kind: Kind::Unexpected,
        is_ambiguous: false,
        is_one_of_them: false,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn entries(pairs: &[(u128, u128)]) -> Vec<Entry> {
        pairs.iter().map(|(key_hash, row_hash)| Entry { key_hash: *key_hash, row_hash: *row_hash }).collect()
    }

    fn found(joined: &Joined) -> Vec<(u128, Kind, bool, bool)> {
        let each = joined.differences.iter();
        each.map(|found| (found.key_hash, found.kind, found.is_ambiguous, found.is_one_of_them)).collect()
    }

    #[test]
    fn every_line_of_the_table() {
        use Kind::*;
        let mut extract = entries(&[(9, 1), (1, 1), (3, 1), (3, 1), (5, 2), (5, 1), (6, 1), (6, 2), (7, 1), (7, 2)]);
        let mut mirror = entries(&[(2, 1), (3, 1), (4, 8), (5, 1), (6, 3), (9, 2), (10, 1)]);
        let joined = join(&mut extract, &mut mirror);
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
        assert_eq!(found(&joined), expected);
        assert_eq!((joined.keys, joined.repeated), (6, 1));
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
            let joined = join(&mut entries(&extract), &mut entries(&mirror));
            prop_assert_eq!(found(&joined), expected);
            prop_assert_eq!(joined.keys as usize, wanted.len());
            let distinct: usize = wanted.values().map(BTreeSet::len).sum();
            prop_assert_eq!(joined.repeated as usize, extract.len() - distinct);
        }

        #[test]
        fn a_table_does_not_differ_from_itself(rows in prop::collection::btree_map(any::<u128>(), any::<u128>(), 0..30)) {
            let rows: Vec<(u128, u128)> = rows.into_iter().collect();
            prop_assert!(join(&mut entries(&rows), &mut entries(&rows)).differences.is_empty());
        }
    }
}
