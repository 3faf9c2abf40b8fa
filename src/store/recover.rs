//! What an unfinished batch leaves behind, and how it is taken away.
//!
//! A batch that takes more than one write first writes the *intent*: its commit sequence. The commit removes it in the
//! same write that makes the batch visible. An intent that is found at opening therefore names a sequence that was
//! never committed; its versions are invisible, since readers stop at the last commit, and they are removed before the
//! sequence is used again.

use super::keyspace::{meta, pages, rejections, rows};
use super::{Inner, codec, synced};
use crate::error::Result;
use rocksdb::{ColumnFamily, WriteBatch};

/// Takes away what a batch without commit left. Reads every row's key once if there is such a batch, and nothing
/// otherwise. May be interrupted and begun again.
pub(super) fn take_unfinished_away(inner: &Inner) -> Result<()> {
    let families = inner.families();
    remove_temporary_files(inner)?;
    let Some(intent) = inner.db.get_pinned_cf(families.meta(), meta::INTENT)? else { return Ok(()) };
    let sequence = meta::decode_sequence(&intent)?;
    remove_versions(inner, families.rows(), |key| rows::split_key(key).map(|(_, found)| found), sequence)?;
    remove_versions(inner, families.pages(), |key| pages::split_key(key).map(|(_, found)| found), sequence)?;
    remove_versions(inner, families.rejections(), rejections::sequence, sequence)?;
    inner.db.delete_cf_opt(families.meta(), meta::INTENT, &synced())?;
    Ok(())
}

fn remove_versions(
    inner: &Inner,
    family: &ColumnFamily,
    sequence_of: impl Fn(&[u8]) -> Option<u64>,
    unfinished: u64,
) -> Result<()> {
    const BATCH: usize = 10_000;
    let mut read = rocksdb::ReadOptions::default();
    read.set_total_order_seek(true);
    read.fill_cache(false);
    let mut iterator = inner.db.raw_iterator_cf_opt(family, read);
    let mut batch = WriteBatch::default();
    iterator.seek_to_first();
    while let Some(key) = iterator.key() {
        let sequence = sequence_of(key).ok_or_else(|| codec::corrupt("key of a version", "its length"))?;
        if sequence == unfinished {
            batch.delete_cf(family, key);
        }
        if batch.len() >= BATCH {
            inner.db.write(std::mem::take(&mut batch))?;
        }
        iterator.next();
    }
    iterator.status()?;
    inner.db.write(batch)?;
    Ok(())
}

/// The folder for sorted files that are not ingested yet.
pub(super) fn temporary_folder(inner: &Inner) -> std::path::PathBuf {
    inner.path.join("unfinished")
}

/// Takes the folder for sorted files away, with what is in it.
pub(super) fn remove_temporary_files(inner: &Inner) -> Result<()> {
    match std::fs::remove_dir_all(temporary_folder(inner)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
