//! The rows of the buckets that differ: those of the extract joined with those that the store has.

use super::check_stop;
use super::extract::Seen;
use crate::diff::{self, Entry, Kind, RowDifference};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{hash, key, row};
use crate::store::{Rows, Snapshot};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicBool;

/// A key that differs.
pub(super) struct Found {
    pub(super) difference: RowDifference,
    /// The encoded key; that of a missing row is not known before the extract is read again.
    pub(super) key: Vec<u8>,
}

/// What the buckets have in sum.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) found: Vec<Found>,
    /// Keys of the extract in these buckets.
    pub(super) keys: u64,
    /// Rows of the store in these buckets.
    pub(super) rows: u64,
    /// Rows of the extract that repeat another one.
    pub(super) repeated: u64,
}

/// Joins bucket by bucket. `seen` has the extract's rows of these buckets, sorted by bucket. `checks_hashes`: the hash of
/// each row of the store is computed anew from its columns.
pub(super) fn compare(
    snapshot: &Snapshot,
    seen: &[Seen],
    buckets: &BTreeSet<u16>,
    checks_hashes: bool,
    stop: &AtomicBool,
) -> Result<Compared> {
    let mut compared = Compared::default();
    let mut rest = seen;
    for (first, last) in diff::runs(buckets) {
        let rows = snapshot.rows(&[], &first.to_be_bytes());
        let mut mirror = Mirror { snapshot, rows, checks_hashes, waiting: None, bucket: Bucket::default() };
        for bucket in first..=last {
            check_stop(stop)?;
            mirror.fill(bucket)?;
            let count = rest.partition_point(|row| row.bucket <= bucket);
            let mut extract: Vec<Entry> = rest[..count].iter().map(|row| row.entry).collect();
            rest = &rest[count..];
            compared.add(diff::join(&mut extract, &mut mirror.bucket.entries), &mirror.bucket);
        }
    }
    Ok(compared)
}

impl Compared {
    fn add(&mut self, joined: diff::Joined, bucket: &Bucket) {
        self.keys += joined.keys;
        self.rows += bucket.entries.len() as u64;
        self.repeated += joined.repeated;
        let is_known = joined.differences.iter().any(|difference| difference.kind != Kind::Missing);
        let keys: HashMap<u128, &[u8]> = if is_known { bucket.keys().collect() } else { HashMap::new() };
        self.found.extend(joined.differences.into_iter().map(|difference| {
            let key = keys.get(&difference.key_hash).map(|key| key.to_vec()).unwrap_or_default();
            Found { difference, key }
        }));
    }
}

/// The rows of one bucket of the store.
#[derive(Default)]
struct Bucket {
    entries: Vec<Entry>,
    /// Encoded keys, one behind the other.
    bytes: Vec<u8>,
    /// Key hash, and where the key ends in `bytes`.
    ends: Vec<(u128, usize)>,
}

impl Bucket {
    fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, entry: Entry, key: &[u8]) {
        self.entries.push(entry);
        self.bytes.extend_from_slice(key);
        self.ends.push((entry.key_hash, self.bytes.len()));
    }

    fn keys(&self) -> impl Iterator<Item = (u128, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        self.ends.iter().zip(starts).map(|((hash, end), start)| (*hash, &self.bytes[start..*end]))
    }
}

/// The rows of the store, a bucket at a time.
struct Mirror<'a> {
    snapshot: &'a Snapshot,
    rows: Rows<'a>,
    checks_hashes: bool,
    /// The first row of a later bucket.
    waiting: Option<(u16, Entry, Vec<u8>)>,
    bucket: Bucket,
}

impl Mirror<'_> {
    fn fill(&mut self, bucket: u16) -> Result<()> {
        self.bucket.clear();
        if let Some((of, entry, key)) = self.waiting.take() {
            if of > bucket {
                self.waiting = Some((of, entry, key));
                return Ok(());
            }
            self.bucket.push(entry, &key);
        }
        while let Some(found) = self.rows.next_row()? {
            let key_hash = hash::key_hash(found.key.get(key::BUCKET_BYTES..).unwrap_or_default());
            if self.checks_hashes && row::hash_fields(key_hash, found.row, self.snapshot.schema()) != Ok(found.hash) {
                return Err(Error::new(ErrorKind::Corrupt, "a row of the store has not the hash of its columns")
                    .advice("restore the store from a backup, or build it again from its sources"));
            }
            let entry = Entry { key_hash, row_hash: found.hash };
            match key::encoded_bucket(found.key).unwrap_or(u16::MAX) {
                of if of > bucket => {
                    self.waiting = Some((of, entry, found.key.to_vec()));
                    break;
                }
                _ => self.bucket.push(entry, found.key),
            }
        }
        Ok(())
    }
}
