//! Pure: two sets of rows in, their differences out. No file, no clock, no RocksDB.
//!
//! [`differing`] says which buckets differ by their fingerprints alone; [`Join`] finds the rows of one bucket that do.
//! [`columns`] compares the columns of two rows, and [`times`] the keys that differ in nothing but their time.

pub mod columns;
mod join;
pub mod times;

pub use join::{Entry, Join, Kind, RowDifference};

use crate::model::fingerprint::Fingerprint;
use std::collections::{BTreeMap, BTreeSet};

/// The buckets whose rows differ between two tables. A bucket without rows may be left out of either.
pub fn differing(a: &BTreeMap<u16, Fingerprint>, b: &BTreeMap<u16, Fingerprint>) -> BTreeSet<u16> {
    let of = |side: &BTreeMap<u16, Fingerprint>, bucket: &u16| side.get(bucket).copied().unwrap_or_default();
    a.keys().chain(b.keys()).copied().filter(|bucket| of(a, bucket) != of(b, bucket)).collect()
}

/// Neighbouring numbers, taken together: each range is one scan.
pub fn runs(buckets: &BTreeSet<u16>) -> Vec<(u16, u16)> {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for &bucket in buckets {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(bucket) => *last = bucket,
            _ => runs.push((bucket, bucket)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(rows: &[(u16, u128)]) -> BTreeMap<u16, Fingerprint> {
        let mut sums: BTreeMap<u16, Fingerprint> = BTreeMap::new();
        rows.iter().for_each(|(bucket, hash)| sums.entry(*bucket).or_default().add(*hash));
        sums
    }

    #[test]
    fn a_bucket_differs_by_its_rows_or_their_number() {
        let a = sums(&[(1, 7), (2, 5), (2, 6), (4, 1)]);
        let mut b = sums(&[(1, 7), (2, 11), (3, 9), (4, 2)]);
        b.insert(5, Fingerprint::default());
        assert_eq!(differing(&a, &b), BTreeSet::from([2, 3, 4]));
        assert_eq!(differing(&b, &a), BTreeSet::from([2, 3, 4]));
        assert!(differing(&a, &a).is_empty());
    }

    #[test]
    fn neighbours_are_one_run() {
        assert_eq!(runs(&BTreeSet::from([0, 1, 3, 65_534, 65_535])), [(0, 1), (3, 3), (65_534, 65_535)]);
        assert!(runs(&BTreeSet::new()).is_empty());
    }
}
