//! What a verification asks of the store beside rows: which commit a key got its state from, and how certain that is.

use super::keyspace::{ledger, rows};
use super::{Snapshot, Store, codec};
use crate::error::Result;
use crate::model::ledger::LedgerEntry;
use rocksdb::{DBRawIterator, Direction, IteratorMode, ReadOptions};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a commit left of a row.
pub(crate) struct Version<'a> {
    /// The commit.
    pub(crate) sequence: u64,
    /// Hash and encoded columns; `None` where it deleted the row.
    pub(crate) row: Option<(u128, &'a [u8])>,
}

/// The histories of rows, one after the other. Making an iterator costs as much as using it, so all share one.
pub(crate) struct Histories<'a> {
    iterator: DBRawIterator<'a>,
    horizon: Option<u64>,
    last: u64,
    /// Where the row at hand begins.
    start: Vec<u8>,
}

impl Histories<'_> {
    /// The commit up to which versions may be gone: of a key without a version, a tombstone too.
    pub(crate) fn horizon(&self) -> Option<u64> {
        self.horizon
    }

    /// What each commit that wrote or deleted the row with an encoded key left of it, newest first.
    pub(crate) fn of(&mut self, encoded: &[u8], each: &mut dyn FnMut(Version<'_>) -> Result<()>) -> Result<()> {
        self.start.clear();
        self.start.extend_from_slice(encoded);
        self.start.extend_from_slice(&rows::sequence_bytes(self.last));
        self.iterator.seek(&self.start);
        while let Some((stored, value)) = self.iterator.item() {
            let Some((_, sequence)) = rows::split_key(stored).filter(|(key, _)| *key == encoded) else { break };
            let row = match rows::version(value).ok_or_else(|| codec::corrupt("row", "it is shorter than its hash"))? {
                rows::Version::Row { hash, row } => Some((hash, row)),
                rows::Version::Tombstone => None,
            };
            each(Version { sequence, row })?;
            self.iterator.next();
        }
        Ok(self.iterator.status()?)
    }
}

impl Snapshot {
    /// What commits left of rows, those after this view included, up to the last one that there is now.
    pub(crate) fn histories(&self) -> Histories<'_> {
        let mut read = ReadOptions::default();
        read.set_prefix_same_as_start(true);
        let (inner, last) = (&self.store().0, self.store().snapshot().sequence());
        let iterator = inner.db.raw_iterator_cf_opt(inner.families().rows(), read);
        // Behind the iterator, which shows what was there when it was made: what is gone from it is before this.
        let horizon = self.store().horizon().map(|horizon| horizon.sequence);
        Histories { iterator, horizon, last, start: Vec::new() }
    }

    /// The keys with an order hazard, by hash, each with the last commit up to this view that had it.
    pub(crate) fn hazards(&self) -> Result<HashMap<u128, u64>> {
        let inner = &self.store().0;
        let mut hazards = HashMap::new();
        let first = ledger::key(1, ledger::Part::Entry);
        for entry in inner.db.iterator_cf(inner.families().ledger(), IteratorMode::From(&first, Direction::Forward)) {
            let (key, value) = entry?;
            let (sequence, _) =
                ledger::split_key(&key).ok_or_else(|| codec::corrupt("key of a ledger entry", "its length"))?;
            if sequence > self.sequence() {
                break;
            }
            if ledger::part(&key) == Some(ledger::Part::Hazards) {
                let hashes = ledger::decode_hazards(&value);
                let hashes = hashes.ok_or_else(|| codec::corrupt("list of order hazards", "its length"))?;
                hazards.extend(hashes.map(|hash| (hash, sequence)));
            }
        }
        Ok(hazards)
    }

    /// Forgotten users.
    pub(crate) fn suppressed(&self) -> Arc<HashSet<String>> {
        self.store().suppressed()
    }

    /// The ledger entry of a commit.
    pub(crate) fn ledger_entry(&self, sequence: u64) -> Result<Option<LedgerEntry>> {
        self.store().ledger_entry(sequence)
    }

    /// The store that this is a view of.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}
