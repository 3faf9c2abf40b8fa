//! Row versions to disk: with the commit where they are few, through the write-ahead log in sorted chunks, or as
//! sorted files that are ingested where they are very many.

use super::apply::BatchWriter;
use super::keyspace::rows;
use super::{Inner, both, options, recover};
use crate::error::Result;
use crate::model::mutation::{Effect, MutationSet};
use rocksdb::{Cache, SstFileWriter, WriteBatch, WriteOptions};
use std::path::{Path, PathBuf};

/// Sorted files per thread grow to this size, so that later compactions can move them one by one.
const FILE_BYTES: u64 = 64 << 20;
/// Bytes that a version takes in a write batch beside its key and row.
const OVERHEAD: usize = 40;

/// Writes a version for every mutation that changes its key.
pub(super) fn write(writer: &mut BatchWriter<'_>, set: &MutationSet, effects: &[Effect]) -> Result<()> {
    let changing: Vec<u32> =
        (0..effects.len() as u32).filter(|&index| effects[index as usize].changes_the_key()).collect();
    if changing.is_empty() {
        return Ok(());
    }
    let versions = Versions { set, changing: &changing, sequence: writer.sequence };
    let bytes: usize = versions.iter().map(|version| version.bytes()).sum();
    let chunk_bytes = writer.inner.options.chunk_bytes;
    let is_bulk = writer.is_bulk || changing.len() >= writer.inner.options.ingest_rows;
    if !is_bulk && writer.held.size_in_bytes() + bytes <= chunk_bytes {
        let family = writer.inner.families().rows();
        let mut value = Vec::new();
        versions.iter().for_each(|version| version.put(&mut writer.held, family, &mut value));
        return Ok(());
    }
    writer.declare_intent()?;
    let (low, high) = versions.halves();
    if is_bulk {
        let folder = recover::temporary_folder(writer.inner);
        std::fs::create_dir_all(&folder)?;
        let first = writer.files.len();
        let file = |half: &str| folder.join(format!("{first}-{half}"));
        let files = both(|| low.write_files(writer.inner, &file("a")), || high.write_files(writer.inner, &file("b")))?;
        writer.files.extend(files.0.into_iter().chain(files.1));
        return Ok(());
    }
    let inner = writer.inner;
    both(|| low.write_batches(inner, chunk_bytes), || high.write_batches(inner, chunk_bytes))?;
    Ok(())
}

/// The versions to write, in the order of keys.
#[derive(Clone, Copy)]
struct Versions<'a> {
    set: &'a MutationSet,
    /// Indices of the mutations.
    changing: &'a [u32],
    sequence: u64,
}

struct Version<'a> {
    key: &'a [u8],
    row_hash: u128,
    row: &'a [u8],
    sequence: u64,
}

impl<'a> Versions<'a> {
    fn iter(self) -> impl Iterator<Item = Version<'a>> {
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

    fn write_files(self, inner: &Inner, stem: &Path) -> Result<Vec<PathBuf>> {
        let cache = Cache::new_lru_cache(0);
        let options = options::family(rows::FAMILY, &inner.options, &cache);
        let mut files = Vec::new();
        let mut versions = self.iter().peekable();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while versions.peek().is_some() {
            let path = stem.with_extension(files.len().to_string());
            let mut file = SstFileWriter::create(&options);
            file.open(&path)?;
            while file.file_size() < FILE_BYTES
                && let Some(version) = versions.next()
            {
                version.encode(&mut key, &mut value);
                file.put(&key, &value)?;
            }
            file.finish()?;
            files.push(path);
        }
        Ok(files)
    }
}

impl Version<'_> {
    fn bytes(&self) -> usize {
        self.key.len() + self.row.len() + OVERHEAD
    }

    /// The stored key and value; the value of a tombstone is empty.
    fn encode(&self, key: &mut Vec<u8>, value: &mut Vec<u8>) {
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
