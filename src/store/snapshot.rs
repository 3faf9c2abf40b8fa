//! Unchanging views of the table.

use super::fingerprints::Fingerprints;
use super::history::Hold;
use super::keyspace::rows::{self, Version};
use super::{Store, codec};
use crate::error::Result;
use crate::model::fingerprint::Fingerprint;
use crate::model::key::{self, EventKey};
use crate::model::schema::Schema;
use crate::model::value::Event;
use crate::model::{hash, row};
use rocksdb::{DBRawIterator, ReadOptions};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Which rows a scan yields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanRange {
    /// Only this user's.
    pub user_id: Option<String>,
    /// Event time at least this, in the store's unit.
    pub from: Option<i64>,
    /// Event time below this.
    pub to: Option<i64>,
}

/// The table as one commit left it. It does not change while batches are applied, and it is cheap to make and clone.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) store: Store,
    sequence: u64,
    rows: u64,
    schema: Arc<Schema>,
    _hold: Arc<Hold>,
}

impl Snapshot {
    pub(super) fn new(store: Store, hold: Arc<Hold>, rows: u64, schema: Arc<Schema>) -> Self {
        Snapshot { store, sequence: hold.sequence, rows, schema, _hold: hold }
    }

    /// The commit that this view shows.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How many rows the table has. Read from the ledger, not counted.
    pub fn count(&self) -> u64 {
        self.rows
    }

    /// The columns known to the store.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The event with a key. For many keys see [`reader`](Snapshot::reader).
    pub fn get(&self, key: &EventKey) -> Result<Option<Event>> {
        self.reader().get(key)
    }

    /// Looks events up one after the other: several times as fast as [`get`](Snapshot::get), which prepares anew for
    /// each. While it is there, it keeps files that compaction replaced; make it for a task, not for a lifetime.
    ///
    /// ```
    /// # use eventmirror::{EventKey, EventStore, StoreOptions};
    /// # fn main() -> eventmirror::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default())?;
    /// let snapshot = store.snapshot();
    /// let mut reader = snapshot.reader();
    /// for number in 0..3 {
    ///     assert_eq!(reader.get(&EventKey::new("ann", format!("order-{number}"), 0))?, None);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reader(&self) -> Reader<'_> {
        let mut read = ReadOptions::default();
        read.set_prefix_same_as_start(true);
        let inner = &self.store.0;
        let iterator = inner.db.raw_iterator_cf_opt(inner.families().rows(), read);
        Reader { snapshot: self, iterator, start: Vec::new() }
    }

    /// The events of a range, in the order of buckets and then of `(user_id, insert_id, event_time)`.
    pub fn scan(&self, range: ScanRange) -> Result<Scan> {
        let prefix = match &range.user_id {
            Some(user_id) => {
                let mut prefix = Vec::new();
                key::encode_user(user_id, &mut prefix);
                prefix
            }
            None => Vec::new(),
        };
        Ok(Scan { snapshot: self.clone(), range, prefix, next: Some(Vec::new()), chunk: Vec::new().into_iter() })
    }

    /// The events of a user, ordered by insert id and time.
    pub fn user_events(&self, user_id: &str) -> Result<Scan> {
        self.scan(ScanRange { user_id: Some(user_id.to_owned()), ..ScanRange::default() })
    }

    /// Encoded keys and rows whose key begins with `prefix`, from `start` on.
    pub(crate) fn rows(&self, prefix: &[u8], start: &[u8]) -> Rows<'_> {
        let mut rows = self.rows_of_none();
        rows.seek(prefix, start);
        rows
    }

    /// No rows, before [`seek`](Rows::seek) says which.
    pub(crate) fn rows_of_none(&self) -> Rows<'_> {
        let mut read = ReadOptions::default();
        read.set_total_order_seek(true);
        let inner = &self.store.0;
        let iterator = inner.db.raw_iterator_cf_opt(inner.families().rows(), read);
        Rows { iterator, sequence: self.sequence, prefix: Vec::new(), current: Vec::new(), is_first: true }
    }

    /// The fingerprint of each bucket that has rows: kept by every commit, so no row is read.
    pub fn fingerprints(&self) -> Result<BTreeMap<u16, Fingerprint>> {
        Ok(Fingerprints::read(&self.store.0, self.sequence)?.with_rows().collect())
    }

    /// The fingerprint of a range of buckets, as of all of them together: two mirrors have the same rows in it exactly when
    /// theirs are equal.
    pub fn fingerprint(&self, buckets: RangeInclusive<u16>) -> Result<Fingerprint> {
        let all = self.fingerprints()?;
        Ok(all.range(buckets).fold(Fingerprint::default(), |sum, (_, fingerprint)| sum.plus(*fingerprint)))
    }

    /// The fingerprint of each bucket, computed anew from all rows: what a scrub compares with
    /// [`fingerprints`](Snapshot::fingerprints).
    pub fn fingerprints_of_rows(&self) -> Result<BTreeMap<u16, Fingerprint>> {
        let mut all: BTreeMap<u16, Fingerprint> = BTreeMap::new();
        let mut rows = self.rows(&[], &[]);
        while let Some(found) = rows.next_row()? {
            let bad_row = |_| codec::corrupt("row", "its fields cannot be read");
            let computed = row::hash_fields(hash::key_hash(&found.key[key::BUCKET_BYTES..]), found.row, &self.schema);
            if computed.map_err(bad_row)? != found.hash {
                return Err(codec::corrupt("row", "its hash is not that of its columns"));
            }
            all.entry(key::encoded_bucket(found.key).unwrap_or_default()).or_default().add(found.hash);
        }
        Ok(all)
    }

    fn event(&self, encoded: &[u8], row_bytes: &[u8]) -> Result<Event> {
        let bad_key = || codec::corrupt("key of a row", "it cannot be read");
        let bad_row = || codec::corrupt("row", "its fields cannot be read");
        let mut event = Event::new(key::decode(encoded).ok_or_else(bad_key)?);
        for field in row::fields(row_bytes) {
            let (column, value) = field.map_err(|_| bad_row())?;
            let name = self.schema.name(column).ok_or_else(bad_row)?;
            event.columns.push((name.to_owned(), value.to_value()));
        }
        Ok(event)
    }
}

fn version(value: &[u8]) -> Result<Version<'_>> {
    rows::version(value).ok_or_else(|| codec::corrupt("row", "it is shorter than its hash"))
}

/// Looks events up by their keys; see [`Snapshot::reader`].
pub struct Reader<'a> {
    snapshot: &'a Snapshot,
    iterator: DBRawIterator<'a>,
    /// Where the row at hand begins.
    start: Vec<u8>,
}

impl Reader<'_> {
    /// The event with a key.
    ///
    /// # Errors
    /// `Corrupt` for a damaged row; whatever the disk says.
    pub fn get(&mut self, key: &EventKey) -> Result<Option<Event>> {
        let encoded = key.encode();
        let snapshot = self.snapshot;
        self.row(&encoded)?.map(|(_, row)| snapshot.event(&encoded, row)).transpose()
    }

    /// Hash and bytes of the row with an encoded key.
    pub(super) fn row(&mut self, encoded: &[u8]) -> Result<Option<(u128, &[u8])>> {
        self.start.clear();
        self.start.extend_from_slice(encoded);
        self.start.extend_from_slice(&rows::sequence_bytes(self.snapshot.sequence));
        self.iterator.seek(&self.start);
        self.iterator.status()?;
        match self.iterator.item() {
            Some((key, value)) if rows::split_key(key).is_some_and(|(key, _)| key == encoded) => {
                Ok(match version(value)? {
                    Version::Row { hash, row } => Some((hash, row)),
                    Version::Tombstone => None,
                })
            }
            _ => Ok(None),
        }
    }
}

/// The newest version of each row that a snapshot shows, borrowed from the database one at a time.
pub struct Rows<'a> {
    iterator: DBRawIterator<'a>,
    sequence: u64,
    prefix: Vec<u8>,
    /// The key of the row at hand.
    current: Vec<u8>,
    is_first: bool,
}

/// A row as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredRow<'a> {
    /// The encoded key.
    pub(crate) key: &'a [u8],
    pub(crate) hash: u128,
    /// The encoded columns.
    pub(crate) row: &'a [u8],
}

impl Rows<'_> {
    /// Goes to the rows whose key begins with `prefix`, from `start` on.
    pub(crate) fn seek(&mut self, prefix: &[u8], start: &[u8]) {
        self.prefix.clear();
        self.prefix.extend_from_slice(prefix);
        self.current.clear();
        self.is_first = true;
        self.iterator.seek(prefix.max(start));
    }

    /// The next row.
    pub(crate) fn next_row(&mut self) -> Result<Option<StoredRow<'_>>> {
        if !self.is_first && self.iterator.valid() {
            self.iterator.next();
        }
        self.is_first = false;
        if !self.settle()? {
            return Ok(None);
        }
        // `settle` stopped at a version with a payload.
        match self.iterator.value().map(version).transpose()? {
            Some(Version::Row { hash, row }) => Ok(Some(StoredRow { key: &self.current, hash, row })),
            _ => Ok(None),
        }
    }

    /// Moves on to the next version that the snapshot shows and that has a payload; false at the end.
    fn settle(&mut self) -> Result<bool> {
        while let Some((stored, value)) = self.iterator.item() {
            let (key, sequence) =
                rows::split_key(stored).ok_or_else(|| codec::corrupt("key of a row", "its length"))?;
            if !key.starts_with(&self.prefix) {
                return Ok(false);
            }
            // Older versions of the key at hand come behind the one that counts.
            if sequence <= self.sequence && key != self.current {
                self.current.clear();
                self.current.extend_from_slice(key);
                if version(value)? != Version::Tombstone {
                    return Ok(true);
                }
            }
            self.iterator.next();
        }
        self.iterator.status()?;
        Ok(false)
    }
}

/// Iterator over events; see [`Snapshot::scan`]. Owns what it needs, so that it can outlive the snapshot.
pub struct Scan {
    snapshot: Snapshot,
    range: ScanRange,
    prefix: Vec<u8>,
    /// Where the next chunk begins; `None` at the end.
    next: Option<Vec<u8>>,
    chunk: std::vec::IntoIter<Event>,
}

impl Scan {
    const CHUNK: usize = 1024;

    fn read_chunk(&mut self) -> Result<()> {
        let Some(start) = self.next.take() else { return Ok(()) };
        let mut events = Vec::new();
        let mut rows = self.snapshot.rows(&self.prefix, &start);
        while let Some(found) = rows.next_row()? {
            if events.len() == Self::CHUNK {
                self.next = Some(found.key.to_vec());
                break;
            }
            let event = self.snapshot.event(found.key, found.row)?;
            let time = event.key.event_time;
            if self.range.from.is_none_or(|from| time >= from) && self.range.to.is_none_or(|to| time < to) {
                events.push(event);
            }
        }
        drop(rows);
        self.chunk = events.into_iter();
        Ok(())
    }
}

impl Iterator for Scan {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.chunk.next() {
                return Some(Ok(event));
            }
            self.next.as_ref()?;
            if let Err(error) = self.read_chunk() {
                self.next = None;
                return Some(Err(error));
            }
        }
    }
}
