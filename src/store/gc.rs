//! Removal of row versions that no reader may ask for any more.
//!
//! The horizon is the oldest commit that can be read. First it moves: the record is synced, and from there on older
//! commits are refused. Then one pass over all versions deletes those that are superseded. At last the table is
//! compacted, which gives the disk back.
//!
//! The deletes bypass the write-ahead log. What a crash loses of them is the end of them, which the next collection finds
//! again, and any beginning of them leaves a store that shows what it should.
//!
//! Batches are applied meanwhile: what they write is behind the horizon, so neither waits for the other. Versions of a
//! batch without commit are behind it too; the next opening for writing removes them.

use super::history::History;
use super::keyspace::meta::{self, Horizon};
use super::keyspace::rows;
use super::status::disk_bytes;
use super::superseded::Superseded;
use super::{Inner, Store, codec, now, synced};
use crate::error::{Error, ErrorKind, Result};
use crate::model::key;
use rocksdb::{BottommostLevelCompaction, CompactOptions, ReadOptions, WriteBatch, WriteOptions};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Which commits stay readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// What the table was at any moment within so long before now: the horizon is the last commit before that, by the
    /// clock of the machine at each commit. A commit that is not that old keeps all behind it. The last commit always
    /// stays.
    For(Duration),
    /// This commit and those after it.
    From(u64),
}

/// How to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcOptions {
    /// Which commits stay readable. Default: those of 7 days.
    pub keep: Keep,
    /// Find out what would be removed, and remove nothing.
    pub dry_run: bool,
}

impl Default for GcOptions {
    fn default() -> Self {
        GcOptions { keep: Keep::For(Duration::from_secs(7 * 24 * 60 * 60)), dry_run: false }
    }
}

/// What a collection did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The horizon; `None` where every commit can be read.
    pub horizon: Option<Horizon>,
    /// Row versions that were removed.
    pub removed: u64,
    /// Row versions that are left, tombstones included.
    pub kept: u64,
    /// Bytes of all files of the store before.
    pub disk_bytes_before: u64,
    /// Bytes of all files of the store afterwards.
    pub disk_bytes_after: u64,
}

/// How far a collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GcProgress {
    /// The pass over the versions has come to this bucket of 65,536.
    Bucket(u16),
    /// The table is being compacted.
    Compacting,
}

/// Versions between two looks at what the caller says.
const STEP: u64 = 4096;

impl Store {
    /// Removes the row versions that only commits before a horizon show. Waits for a collection by another thread.
    ///
    /// # Errors
    /// `Usage` where the commit to keep does not exist or the store is open for reading; `Interrupted` when `stop` is
    /// set, the horizon having moved; whatever the disk says.
    pub fn gc(
        &self,
        options: &GcOptions,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(GcProgress),
    ) -> Result<Collected> {
        if !options.dry_run {
            self.check_writable()?;
        }
        let inner = &*self.0;
        let _alone = inner.collecting.lock();
        let disk_bytes_before = disk_bytes(&inner.path)?;
        let was_cut_off = inner.history.lock().horizon.is_some_and(|horizon| !horizon.is_finished);
        let mut horizon = self.move_horizon(self.wanted_horizon(options.keep)?, options.dry_run)?;
        let sequence = horizon.map_or(0, |horizon| horizon.sequence);
        let (removed, kept) = remove_superseded(inner, sequence, options.dry_run, (stop, progress))?;
        if let Some(horizon) = horizon.as_mut().filter(|horizon| !options.dry_run && !horizon.is_finished) {
            if removed > 0 || was_cut_off {
                check_stop(stop)?;
                progress(GcProgress::Compacting);
                give_disk_back(inner)?;
            }
            horizon.is_finished = true;
            inner.set_horizon(&mut inner.history.lock(), *horizon)?;
        }
        let disk_bytes_after = disk_bytes(&inner.path)?;
        Ok(Collected { horizon, removed, kept, disk_bytes_before, disk_bytes_after })
    }

    /// The oldest commit that can be read; `None` where all can.
    pub fn horizon(&self) -> Option<Horizon> {
        self.0.history.lock().horizon
    }

    /// The horizon that is asked for.
    fn wanted_horizon(&self, keep: Keep) -> Result<u64> {
        let last = self.0.committed.read().sequence;
        let history = match keep {
            Keep::From(sequence) if sequence > last => return Err(self.no_such_commit(sequence)),
            Keep::From(sequence) => return Ok(sequence),
            Keep::For(history) => i64::try_from(history.as_millis()).unwrap_or(i64::MAX),
        };
        let until = now().saturating_sub(history);
        let reached = self.horizon().map_or(0, |horizon| horizon.sequence);
        let times = (reached + 1..=last).filter_map(|sequence| {
            let entry = self.ledger_entry(sequence).transpose()?;
            Some(entry.map(|entry| (sequence, entry.committed_at)))
        });
        Ok(last_until(times, until)?.unwrap_or(reached))
    }

    /// Moves the horizon as far as it may go, and never back.
    fn move_horizon(&self, wanted: u64, dry_run: bool) -> Result<Option<Horizon>> {
        // Locked until it is on disk: from then on nobody may ask for an older commit.
        let mut history = self.0.history.lock();
        let sequence = history.oldest_held().map_or(wanted, |held| wanted.min(held));
        if sequence <= history.horizon.map_or(0, |horizon| horizon.sequence) {
            return Ok(history.horizon);
        }
        let entry = self.ledger_entry(sequence)?;
        let committed_at = entry.ok_or_else(|| codec::corrupt("ledger", "an entry is missing"))?.committed_at;
        let horizon = Horizon { sequence, committed_at, collected_at: now(), is_finished: false };
        if !dry_run {
            self.0.set_horizon(&mut history, horizon)?;
        }
        Ok(Some(horizon))
    }
}

/// The last of commits that were all made until then. One that is younger ends them, whatever comes behind it: a clock
/// that was wrong for a while must not cost history.
fn last_until(commits: impl Iterator<Item = Result<(u64, i64)>>, until: i64) -> Result<Option<u64>> {
    let mut last = None;
    for commit in commits {
        match commit? {
            (sequence, at) if at <= until => last = Some(sequence),
            _ => break,
        }
    }
    Ok(last)
}

impl Inner {
    /// Writes the horizon.
    fn set_horizon(&self, history: &mut History, horizon: Horizon) -> Result<()> {
        let family = self.families().meta();
        self.db.put_cf_opt(family, meta::HORIZON, horizon.encode()?, &synced())?;
        history.horizon = Some(horizon);
        Ok(())
    }
}

/// Removes the versions that a horizon supersedes; the numbers of those that were removed and are kept.
fn remove_superseded(
    inner: &Inner,
    horizon: u64,
    dry_run: bool,
    (stop, progress): (&AtomicBool, &mut dyn FnMut(GcProgress)),
) -> Result<(u64, u64)> {
    let family = inner.families().rows();
    let mut read = ReadOptions::default();
    read.set_total_order_seek(true);
    read.fill_cache(false);
    read.set_readahead_size(1 << 20);
    let mut unlogged = WriteOptions::default();
    unlogged.disable_wal(true);
    let mut batch = WriteBatch::default();
    let mut remove = |stored: &[u8]| -> Result<()> {
        if dry_run {
            return Ok(());
        }
        batch.delete_cf(family, stored);
        if batch.size_in_bytes() < inner.options.chunk_bytes {
            return Ok(());
        }
        Ok(inner.db.write_opt(std::mem::take(&mut batch), &unlogged)?)
    };
    let mut superseded = Superseded::by(horizon);
    let mut iterator = inner.db.raw_iterator_cf_opt(family, read);
    iterator.seek_to_first();
    let mut seen: u64 = 0;
    while let Some((stored, value)) = iterator.item() {
        if seen.is_multiple_of(STEP) {
            check_stop(stop)?;
            progress(GcProgress::Bucket(key::encoded_bucket(stored).unwrap_or_default()));
        }
        seen += 1;
        superseded.take(stored, rows::version(value) == Some(rows::Version::Tombstone), &mut remove)?;
        iterator.next();
    }
    iterator.status()?;
    superseded.end_key(&mut remove)?;
    if !batch.is_empty() {
        inner.db.write_opt(batch, &unlogged)?;
    }
    Ok((superseded.removed, superseded.kept))
}

/// Writes what is in memory and rewrites the table, so that neither deleted versions nor their deletes are left.
fn give_disk_back(inner: &Inner) -> Result<()> {
    let family = inner.families().rows();
    inner.db.flush_cf(family)?;
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    // Files of batches that are applied meanwhile are merged too.
    options.set_exclusive_manual_compaction(false);
    inner.db.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
    Ok(())
}

fn check_stop(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::new(ErrorKind::Interrupted, "stopped as asked").advice("run it again to remove the rest")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_younger_commit_keeps_those_behind_it_whatever_their_clock_said() {
        let found = |times: &[i64], until| {
            let commits = times.iter().zip(1..).map(|(at, sequence)| Ok((sequence, *at)));
            last_until(commits, until).unwrap()
        };
        assert_eq!(found(&[], 5), None);
        assert_eq!(found(&[6], 5), None);
        assert_eq!(found(&[1, 5, 6], 5), Some(2));
        assert_eq!(found(&[1, 6, 0, 7], 5), Some(1), "the clock was set back for a while");
        assert_eq!(found(&[1, 2], 5), Some(2));
    }
}
