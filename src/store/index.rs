//! The existence index in memory: pages are read when a batch first touches them, brought up to date by every batch,
//! and written back by a fold.
//!
//! A batch needs the old row hash of each key that it changes: to know what it does, and to keep fingerprints. Pages
//! answer that at memory speed, where a read of the rows themselves would cost a disk access a key once the table is
//! larger than the cache.

use super::keyspace::pages::{self, Entry, PAGES};
use super::keyspace::{deltas, meta};
use super::{Families, codec};
use crate::error::Result;
use rocksdb::{DB, WriteBatch};

/// A fold is due when this many entries changed since the last one: few enough that opening a store reads them in
/// milliseconds, many enough that a page which is written whole carries several changes. In a large table it is due when
/// a quarter of the entries changed, since it writes all of them. Sooner where they exceed the memory budget: what is not
/// folded cannot be dropped from memory.
const FOLD_ENTRIES: usize = 1 << 20;

/// Room for so many new entries in a page.
const SPARE: usize = 4;

/// One page in memory.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The entries, key hashes rising; `None` where the page was not read yet.
    entries: Option<Vec<Entry>>,
    /// Changes since the stored version, oldest first, for a page that was not read yet.
    pending: Vec<Entry>,
    /// Sequence of the stored version; 0 where there is none.
    stored: u64,
    /// Whether the entries are newer than the stored version.
    dirty: bool,
}

impl Page {
    /// The row hash of a key. The page must have been read.
    pub(super) fn get(&self, key_hash: u128) -> Option<u128> {
        let entries = self.entries.as_deref().unwrap_or_default();
        let at = entries.binary_search_by_key(&key_hash, |entry| entry.key_hash).ok()?;
        Some(entries[at].row_hash)
    }

    /// Sets or (with row hash 0) removes a key.
    pub(super) fn set(&mut self, entry: Entry) {
        self.dirty = true;
        let Some(entries) = &mut self.entries else { return self.pending.push(entry) };
        match (entries.binary_search_by_key(&entry.key_hash, |entry| entry.key_hash), entry.row_hash) {
            (Ok(at), 0) => drop(entries.remove(at)),
            (Ok(at), _) => entries[at] = entry,
            (Err(_), 0) => {}
            (Err(at), _) => {
                // Doubling would leave half of the memory unused: there are tens of thousands of pages.
                if entries.len() == entries.capacity() {
                    entries.reserve_exact(SPARE);
                }
                entries.insert(at, entry);
            }
        }
    }

    /// Sets or removes several keys, hashes rising; of a page that was read.
    pub(super) fn set_all(&mut self, changes: &[Entry]) {
        const FEW: usize = 3;
        let Some(old) = self.entries.as_mut().filter(|_| changes.len() >= FEW) else {
            return changes.iter().for_each(|change| self.set(*change));
        };
        self.dirty = true;
        // In place, from the end: most changes of a large batch are of new keys.
        let (mut from, mut to) = (old.len(), old.len() + changes.len());
        if to > old.capacity() {
            old.reserve_exact(changes.len() + SPARE);
        }
        old.resize(to, Entry { key_hash: 0, row_hash: 0 });
        for change in changes.iter().rev() {
            let before = old[..from].partition_point(|entry| entry.key_hash <= change.key_hash);
            old.copy_within(before..from, to - (from - before));
            to -= from - before;
            from = before;
            if from > 0 && old[from - 1].key_hash == change.key_hash {
                from -= 1;
            }
            if change.row_hash != 0 {
                to -= 1;
                old[to] = *change;
            }
        }
        old.drain(from..to);
    }

    /// Takes over the stored version, with what changed since, unless the page was read before.
    fn fill(&mut self, number: u16, stored: Option<(u64, &[u8])>) -> Result<()> {
        if self.entries.is_some() {
            return Ok(());
        }
        let mut entries = Vec::new();
        if let Some((sequence, value)) = stored {
            let decoded = pages::decode(number, value);
            entries = decoded.ok_or_else(|| codec::corrupt("page of the existence index", "its entries"))?;
            self.stored = sequence;
        }
        self.entries = Some(entries);
        std::mem::take(&mut self.pending).into_iter().for_each(|entry| self.set(entry));
        Ok(())
    }

    fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, Vec::len) + self.pending.len()
    }
}

/// Reads pages that a batch touches.
pub(super) struct PageReader<'a> {
    db: &'a DB,
    families: Families<'a>,
    /// Made when the first page is read: mostly all are in memory.
    iterator: Option<rocksdb::DBRawIterator<'a>>,
    /// The newest sequence that counts.
    committed: u64,
}

impl<'a> PageReader<'a> {
    pub(super) fn new(db: &'a DB, families: Families<'a>, committed: u64) -> Self {
        PageReader { db, families, iterator: None, committed }
    }

    /// Reads a page unless that was done before.
    pub(super) fn read(&mut self, number: u16, page: &mut Page) -> Result<()> {
        if page.entries.is_some() {
            return Ok(());
        }
        let iterator = match &mut self.iterator {
            Some(iterator) => iterator,
            empty => empty.insert(self.db.raw_iterator_cf(self.families.pages())),
        };
        iterator.seek(pages::key(number, self.committed));
        let stored = iterator.item().and_then(|(key, value)| {
            let (found, sequence) = pages::split_key(key)?;
            (found == number).then_some((sequence, value))
        });
        let filled = page.fill(number, stored);
        iterator.status()?;
        filled
    }
}

/// A batch that touches at least this many pages reads all of them in one pass, where they fit in memory, instead of
/// seeking each. So does a small batch when that many were sought before it.
const PASS_FROM: usize = 4096;

/// All pages.
pub(super) struct Index {
    pub(super) pages: Vec<Page>,
    /// Pages that batches asked for so far.
    asked: usize,
    /// Whether all pages were read in one pass.
    is_read: bool,
    /// Entries changed since the last fold.
    unfolded: usize,
    /// Entries that may stay in memory.
    budget: usize,
    /// At most so many entries came into memory since they were counted.
    grown: usize,
    /// Rows of the table when the last batch began.
    rows: usize,
}

impl Index {
    /// An index with what changed since the last fold; pages are read when they are needed.
    pub(super) fn open(db: &DB, families: Families<'_>, committed: u64, memory: usize) -> Result<Index> {
        let pages = std::iter::repeat_with(Page::default).take(PAGES).collect();
        let mut index = Index {
            pages,
            asked: 0,
            is_read: false,
            unfolded: 0,
            budget: memory / size_of::<Entry>(),
            grown: 0,
            rows: 0,
        };
        let mut iterator = db.raw_iterator_cf(families.deltas());
        iterator.seek_to_first();
        while let Some((key, value)) = iterator.item() {
            let sequence = key.try_into().map(u64::from_be_bytes).unwrap_or(u64::MAX);
            let entries =
                deltas::decode(value).ok_or_else(|| codec::corrupt("list of index changes", "its entries"))?;
            if sequence <= committed {
                index.unfolded += entries.len();
                entries
                    .into_iter()
                    .for_each(|entry| index.pages[usize::from(pages::page_of(entry.key_hash))].set(entry));
            }
            iterator.next();
        }
        iterator.status()?;
        Ok(index)
    }

    /// Makes ready for a batch of `mutations` on a table of `rows`.
    pub(super) fn expect(
        &mut self,
        (db, families): (&DB, Families<'_>),
        committed: u64,
        mutations: usize,
        rows: u64,
    ) -> Result<()> {
        self.asked += mutations.min(PAGES);
        self.rows = rows as usize;
        // Each mutation may bring its page and a new entry.
        self.grown += (mutations.min(PAGES) * (rows as usize / PAGES + 1)).min(rows as usize) + mutations;
        if self.is_read || self.asked < PASS_FROM || rows as usize > self.budget {
            return Ok(());
        }
        self.is_read = true;
        self.grown += rows as usize;
        let mut read = rocksdb::ReadOptions::default();
        read.fill_cache(false);
        read.set_readahead_size(1 << 20);
        let mut iterator = db.raw_iterator_cf_opt(families.pages(), read);
        iterator.seek_to_first();
        while let Some((key, value)) = iterator.item() {
            if let Some((number, sequence)) = pages::split_key(key)
                && sequence <= committed
            {
                // Newer versions come first, and a page that was read already is left alone.
                self.pages[usize::from(number)].fill(number, Some((sequence, value)))?;
            }
            iterator.next();
        }
        Ok(iterator.status()?)
    }

    /// Whether the changes of a batch (`entries` of them) should be folded into pages right away.
    pub(super) fn fold_is_due(&self, entries: usize) -> bool {
        self.unfolded + entries >= FOLD_ENTRIES.max(self.rows / 4).min(self.budget)
    }

    /// Notes that a batch wrote its list and left the pages as they are on disk.
    pub(super) fn note_list(&mut self, entries: usize) {
        self.unfolded += entries;
    }

    /// Gives every page that is not up to date at `sequence` to `write`, by rising numbers, and takes the versions and
    /// lists away that these replace in the commit's batch. What `write` gets may be on disk before the commit: a page
    /// of a sequence that is never committed is not read.
    pub(super) fn fold(
        &mut self,
        (db, families): (&DB, Families<'_>),
        (committed, sequence): (u64, u64),
        commit: &mut WriteBatch,
        write: &mut super::sorted_files::Put<'_>,
    ) -> Result<()> {
        let mut reader = PageReader::new(db, families, committed);
        let mut value = Vec::new();
        for (number, page) in self.pages.iter_mut().enumerate().filter(|(_, page)| page.dirty) {
            let number = number as u16;
            reader.read(number, page)?;
            let entries = page.entries.as_deref().unwrap_or_default();
            value.clear();
            pages::encode(entries, &mut value);
            write(&pages::key(number, sequence), &value)?;
            if page.stored != 0 {
                commit.delete_cf(families.pages(), pages::key(number, page.stored));
            }
            (page.stored, page.dirty) = (sequence, false);
        }
        if self.unfolded > 0 {
            commit.delete_range_cf(families.deltas(), deltas::key(0), deltas::key(sequence));
        }
        commit.put_cf(families.meta(), meta::FOLDED, meta::encode_sequence(sequence)?);
        self.unfolded = 0;
        Ok(())
    }

    /// Forgets pages beyond the memory budget; those that are not on disk stay.
    pub(super) fn shrink(&mut self) {
        if self.grown < self.budget / 16 {
            return;
        }
        self.grown = 0;
        let mut entries: usize = self.pages.iter().map(Page::len).sum();
        for page in &mut self.pages {
            if entries <= self.budget {
                return;
            }
            if !page.dirty {
                entries -= page.len();
                page.entries = None;
                self.is_read = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn setting_several_keys_is_setting_each(
            old in prop::collection::btree_map(0u128..9, 1u128..3, 0..9),
            changes in prop::collection::btree_map(0u128..9, 0u128..3, 0..9),
        ) {
            let entries = |map: BTreeMap<u128, u128>| -> Vec<Entry> {
                map.into_iter().map(|(key_hash, row_hash)| Entry { key_hash, row_hash }).collect()
            };
            let page = || Page { entries: Some(entries(old.clone())), ..Page::default() };
            let (mut together, mut one_by_one) = (page(), page());
            let changes = entries(changes);
            together.set_all(&changes);
            changes.iter().for_each(|change| one_by_one.set(*change));
            prop_assert_eq!(&together.entries, &one_by_one.entries);
            prop_assert_eq!(together.dirty, one_by_one.dirty);
        }

        #[test]
        fn a_page_is_a_map(sets in prop::collection::vec((0u128..6, 0u128..3), 0..30), read_at in 0usize..30) {
            let mut page = Page::default();
            let mut oracle = BTreeMap::new();
            for (index, (key_hash, row_hash)) in sets.iter().copied().enumerate() {
                if index == read_at {
                    page.entries = Some(Vec::new());
                    std::mem::take(&mut page.pending).into_iter().for_each(|entry| page.set(entry));
                }
                page.set(Entry { key_hash, row_hash });
                match row_hash {
                    0 => drop(oracle.remove(&key_hash)),
                    _ => drop(oracle.insert(key_hash, row_hash)),
                }
            }
            if page.entries.is_some() {
                let found: Vec<_> = page.entries.unwrap().iter().map(|entry| (entry.key_hash, entry.row_hash)).collect();
                prop_assert_eq!(found, oracle.into_iter().collect::<Vec<_>>());
            } else {
                prop_assert_eq!(page.pending.len(), sets.len());
            }
        }
    }
}
