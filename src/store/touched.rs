//! What a verification asks of the store beside rows: which commit a key got its state from, and how certain that is.

use super::keyspace::{ledger, rows};
use super::{Snapshot, Store, codec};
use crate::error::Result;
use crate::model::ledger::LedgerEntry;
use rocksdb::{Direction, IteratorMode, ReadOptions};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Snapshot {
    /// The last commit up to this view that wrote or deleted the row with an encoded key.
    pub(crate) fn touched(&self, encoded: &[u8]) -> Result<Option<u64>> {
        let mut read = ReadOptions::default();
        read.set_prefix_same_as_start(true);
        let inner = &self.store().0;
        let mut iterator = inner.db.raw_iterator_cf_opt(inner.families().rows(), read);
        iterator.seek([encoded, &rows::sequence_bytes(self.sequence())].concat());
        let found = iterator.key().and_then(rows::split_key).filter(|(key, _)| *key == encoded);
        let sequence = found.map(|(_, sequence)| sequence);
        iterator.status()?;
        Ok(sequence)
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
