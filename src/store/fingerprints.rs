//! The fingerprints of all buckets as of any commit: a list of all of them as of one, and the changes of each commit.
//!
//! A batch of 500 events changes almost as many buckets, so a commit that wrote the fingerprints themselves would be half
//! fingerprints. It writes its changes, which its ledger entry needs anyway; the list is written anew now and then.

use super::keyspace::{fingerprints, ledger};
use super::{Families, Inner, codec, meta};
use crate::error::Result;
use crate::model::fingerprint::Fingerprint;
use rocksdb::{DB, Direction, IteratorMode};

const BUCKETS: usize = 1 << 16;
/// The list is written anew when commits changed so many fingerprints since, which takes milliseconds to read, and with
/// each fold of the index.
const RENEW_AFTER: usize = 1 << 17;

/// The fingerprints of all buckets.
pub(super) struct Fingerprints {
    /// One a bucket.
    all: Vec<Fingerprint>,
    /// The commit of the list.
    pub(super) listed: u64,
    /// Changes since the list.
    unlisted: usize,
}

impl Fingerprints {
    /// Those as of a commit, which may be before the list.
    pub(super) fn read(inner: &Inner, sequence: u64) -> Result<Fingerprints> {
        // One view of the database for both families, in case a batch commits in between.
        let (view, families) = (inner.db.snapshot(), inner.families());
        let mut all = vec![Fingerprint::default(); BUCKETS];
        let mut listed = 0;
        if inner.format.version < meta::FINGERPRINT_LISTS {
            listed = inner.committed.read().sequence;
            for (bucket, fingerprint) in read_single(&inner.db, families)? {
                all[usize::from(bucket)] = fingerprint;
            }
        } else if let Some(entry) = view.iterator_cf(families.fingerprints(), IteratorMode::End).next() {
            let (key, value) = entry?;
            let damaged = || codec::corrupt("list of fingerprints", "its length");
            listed = fingerprints::sequence(&key).ok_or_else(damaged)?;
            for (bucket, fingerprint) in fingerprints::decode(&value).ok_or_else(damaged)? {
                all[usize::from(bucket)] = fingerprint;
            }
        }
        let (is_later, last) = (sequence >= listed, sequence.max(listed));
        let mut unlisted = 0;
        let first = ledger::key(sequence.min(listed) + 1, ledger::Part::Entry);
        for entry in view.iterator_cf(families.ledger(), IteratorMode::From(&first, Direction::Forward)) {
            let (key, value) = entry?;
            let (found, _) =
                ledger::split_key(&key).ok_or_else(|| codec::corrupt("key of a ledger entry", "its length"))?;
            if found > last {
                break;
            }
            if ledger::part(&key) != Some(ledger::Part::FingerprintChanges) {
                continue;
            }
            let changes = fingerprints::decode(&value);
            for (bucket, change) in changes.ok_or_else(|| codec::corrupt("changes of fingerprints", "their length"))? {
                let sum = &mut all[usize::from(bucket)];
                *sum = if is_later { sum.plus(change) } else { sum.minus(change) };
                unlisted += 1;
            }
        }
        Ok(Fingerprints { all, listed, unlisted })
    }

    /// Takes the changes of a commit in; true where it should write the list.
    pub(super) fn change(&mut self, changes: &[(u16, Fingerprint)]) -> bool {
        for (bucket, change) in changes {
            let sum = &mut self.all[usize::from(*bucket)];
            *sum = sum.plus(*change);
        }
        self.unlisted += changes.len();
        self.unlisted >= RENEW_AFTER
    }

    /// The list, as of the commit `sequence`, which writes it.
    pub(super) fn list(&mut self, sequence: u64) -> Vec<u8> {
        (self.listed, self.unlisted) = (sequence, 0);
        fingerprints::encode(&self.with_rows().collect::<Vec<_>>())
    }

    /// The buckets that have rows, rising.
    pub(super) fn with_rows(&self) -> impl Iterator<Item = (u16, Fingerprint)> {
        let all = (0..=u16::MAX).zip(self.all.iter().copied());
        all.filter(|(_, fingerprint)| *fingerprint != Fingerprint::default())
    }
}

/// The fingerprints of format version 1, which has an entry a bucket, as of the last commit.
fn read_single(db: &DB, families: Families<'_>) -> Result<Vec<(u16, Fingerprint)>> {
    let mut single = Vec::new();
    for entry in db.iterator_cf(families.fingerprints(), IteratorMode::Start) {
        let (key, value) = entry?;
        let read = fingerprints::decode_single(&key, &value);
        single.push(read.ok_or_else(|| codec::corrupt("fingerprint", "its length"))?);
    }
    Ok(single)
}

/// Puts the list into a batch in the place of the entries that format version 1 has.
pub(super) fn upgrade(db: &DB, families: Families<'_>, committed: u64, batch: &mut rocksdb::WriteBatch) -> Result<()> {
    let single = read_single(db, families)?;
    batch.delete_range_cf(families.fingerprints(), [].as_slice(), &[u8::MAX; 3]);
    batch.put_cf(families.fingerprints(), fingerprints::key(committed), fingerprints::encode(&single));
    Ok(())
}
