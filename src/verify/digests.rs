//! Digests of a snapshot, and their comparison with a digest file: no row of the warehouse is needed.

use super::check_stop;
use crate::digest::file::{DigestFile, Settings};
use crate::digest::{BucketDigest, DigestColumn, RowText};
use crate::error::{Error, ErrorKind, Result};
use crate::model::key;
use crate::store::Snapshot;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Buckets that a thread takes at a time.
const CHUNK: u32 = 512;
const BUCKETS: u32 = 1 << 16;

/// The digests of a snapshot's buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// Those of the buckets that have rows.
    pub buckets: BTreeMap<u16, BucketDigest>,
    /// Values of another type than their column's form. Their buckets differ from the warehouse's in any case.
    pub incomparable: u64,
}

/// What a comparison with a digest file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestComparison {
    /// The buckets that differ: rows that the file tells of, rows of the snapshot.
    pub differing: BTreeMap<u16, (u64, u64)>,
    /// Values of the snapshot that cannot be compared.
    pub incomparable: u64,
}

/// Computes the digests of all buckets, on all cores. Every row is read.
///
/// # Errors
/// `Corrupt` for a damaged store; `Interrupted` where it was stopped.
pub fn digests(snapshot: &Snapshot, columns: &[DigestColumn], stop: &AtomicBool) -> Result<Digests> {
    let next = AtomicU32::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = || work(snapshot, columns, &next, stop);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Digests::default();
        for worker in workers {
            let part = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            all.buckets.extend(part.buckets);
            all.incomparable += part.incomparable;
        }
        Ok(all)
    })
}

/// Compares a snapshot with a digest file.
///
/// # Errors
/// `Usage` where the file is of another precision or of columns that the store has not; those of [`digests`].
pub fn verify_digest(snapshot: &Snapshot, file: &DigestFile, stop: &AtomicBool) -> Result<DigestComparison> {
    check_settings(snapshot, &file.settings)?;
    let Digests { buckets: actual, incomparable } = digests(snapshot, &file.settings.columns, stop)?;
    let of = |side: &BTreeMap<u16, BucketDigest>, bucket: &u16| side.get(bucket).copied().unwrap_or_default();
    let pair = |bucket: &u16| (*bucket, (of(&file.buckets, bucket), of(&actual, bucket)));
    let pairs = file.buckets.keys().chain(actual.keys()).map(pair).filter(|(_, (a, b))| a != b);
    let differing = pairs.map(|(bucket, (expected, actual))| (bucket, (expected.rows, actual.rows))).collect();
    Ok(DigestComparison { differing, incomparable })
}

fn check_settings(snapshot: &Snapshot, settings: &Settings) -> Result<()> {
    let again = "compute the digest again with the query of `eventmirror digest sql` for this store";
    let precision = snapshot.store().precision();
    if settings.precision != precision {
        let (theirs, ours) = (settings.precision.name(), precision.name());
        let text = format!("the digest has event times in {theirs}, the store in {ours}");
        return Err(Error::new(ErrorKind::Usage, text).advice(again));
    }
    let unknown = settings.columns.iter().find(|column| snapshot.schema().id(&column.name).is_none());
    match unknown {
        None => Ok(()),
        Some(column) => {
            let text = format!("the digest is of a column {:?}, which the store has not", column.name);
            Err(Error::new(ErrorKind::Usage, text).advice(again))
        }
    }
}

/// Takes one chunk of buckets after the other.
fn work(snapshot: &Snapshot, columns: &[DigestColumn], next: &AtomicU32, stop: &AtomicBool) -> Result<Digests> {
    let mut text = RowText::new(columns, snapshot.schema());
    let mut all = Digests::default();
    loop {
        let first = next.fetch_add(CHUNK, Ordering::Relaxed);
        if first >= BUCKETS {
            all.incomparable = text.incomparable();
            return Ok(all);
        }
        check_stop(stop)?;
        chunk(snapshot, first, &mut text, &mut all.buckets)?;
    }
}

fn chunk(
    snapshot: &Snapshot,
    first: u32,
    text: &mut RowText<'_>,
    buckets: &mut BTreeMap<u16, BucketDigest>,
) -> Result<()> {
    let damaged = || Error::new(ErrorKind::Corrupt, "a row of the store cannot be read");
    // Below 65,536, as the caller sees to it.
    let mut rows = snapshot.rows(&[], &(first as u16).to_be_bytes());
    while let Some(found) = rows.next_row()? {
        let bucket = key::encoded_bucket(found.key).ok_or_else(damaged)?;
        if u32::from(bucket) >= first + CHUNK {
            break;
        }
        let key = key::decode(found.key).ok_or_else(damaged)?;
        let hash = text.hash(&key, found.row).map_err(|_| damaged())?;
        buckets.entry(bucket).or_default().add(hash);
    }
    Ok(())
}
