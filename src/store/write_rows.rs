//! Row versions to disk: with the commit where they are few, through the write-ahead log in sorted chunks, or as
//! sorted files that are ingested where they are very many.

use super::apply::BatchWriter;
use super::keyspace::rows;
use super::sorted_files::SortedFiles;
use super::{Inner, both};
use crate::error::Result;
use crate::model::mutation::{Effect, MutationSet};
use rocksdb::{WriteBatch, WriteOptions};

/// Bytes that a version takes in a write batch beside its key and row.
const OVERHEAD: usize = 40;

/// Writes a version for every mutation that changes its key.
pub(super) fn write(writer: &mut BatchWriter<'_>, set: MutationSet, effects: &[Effect]) -> Result<()> {
    let changing: Vec<u32> =
        (0..effects.len() as u32).filter(|&index| effects[index as usize].changes_the_key()).collect();
    if changing.is_empty() {
        return Ok(());
    }
    let inner = writer.inner;
    if writer.is_bulk || changing.len() >= inner.options.ingest_rows {
        writer.declare_intent()?;
        let files = match &mut writer.files {
            Some(files) => files,
            empty => empty.insert(SortedFiles::begin(inner, writer.is_bulk)?),
        };
        return files.add(set, changing, writer.sequence);
    }
    let versions = Versions { set: &set, changing: &changing, sequence: writer.sequence };
    let bytes: usize = versions.iter().map(|version| version.bytes()).sum();
    let chunk_bytes = inner.options.chunk_bytes;
    if writer.held.size_in_bytes() + bytes <= chunk_bytes {
        let mut value = Vec::new();
        versions.iter().for_each(|version| version.put(&mut writer.held, inner.families().rows(), &mut value));
        return Ok(());
    }
    writer.declare_intent()?;
    let (low, high) = versions.halves();
    both(|| low.write_batches(inner, chunk_bytes), || high.write_batches(inner, chunk_bytes))?;
    Ok(())
}

/// The versions to write, in the order of keys.
#[derive(Clone, Copy)]
pub(super) struct Versions<'a> {
    pub(super) set: &'a MutationSet,
    /// Indices of the mutations.
    pub(super) changing: &'a [u32],
    pub(super) sequence: u64,
}

pub(super) struct Version<'a> {
    key: &'a [u8],
    row_hash: u128,
    row: &'a [u8],
    sequence: u64,
}

impl<'a> Versions<'a> {
    pub(super) fn iter(self) -> impl Iterator<Item = Version<'a>> {
        self.changing.iter().map(move |&index| {
            let mutation = &self.set.mutations[index as usize];
            let (key, row) = (self.set.key(mutation), self.set.row(mutation));
            Version { key, row_hash: mutation.row_hash, row, sequence: self.sequence }
        })
    }

    fn halves(self) -> (Versions<'a>, Versions<'a>) {
        let (low, high) = self.changing.split_at(self.changing.len() / 2);
        (Versions { changing: low, ..self }, Versions { changing: high, ..self })
    }

    fn write_batches(self, inner: &Inner, chunk_bytes: usize) -> Result<()> {
        let mut options = WriteOptions::default();
        options.set_memtable_insert_hint_per_batch(true);
        let family = inner.families().rows();
        let mut value = Vec::new();
        let mut batch = WriteBatch::with_capacity_bytes(chunk_bytes.min(4 << 20));
        for version in self.iter() {
            version.put(&mut batch, family, &mut value);
            if batch.size_in_bytes() >= chunk_bytes {
                inner.db.write_opt(std::mem::take(&mut batch), &options)?;
            }
        }
        Ok(inner.db.write_opt(batch, &options)?)
    }
}

impl Version<'_> {
    fn bytes(&self) -> usize {
        self.key.len() + self.row.len() + OVERHEAD
    }

    /// The stored key and value; the value of a tombstone is empty.
    pub(super) fn encode(&self, key: &mut Vec<u8>, value: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.key);
        key.extend_from_slice(&rows::sequence_bytes(self.sequence));
        value.clear();
        if self.row_hash != 0 {
            rows::put_value(self.row_hash, self.row, value);
        }
    }

    fn put(&self, batch: &mut WriteBatch, family: &rocksdb::ColumnFamily, scratch: &mut Vec<u8>) {
        let mut key = Vec::with_capacity(self.key.len() + 8);
        self.encode(&mut key, scratch);
        batch.put_cf(family, &key, &scratch);
    }
}
