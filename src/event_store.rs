//! The store as its users see it: what embeds eventmirror calls this.

use crate::error::Result;
use crate::model::change::ChangeBatch;
use crate::model::key::TimePrecision;
use crate::model::ledger::{Applied, LedgerEntry};
use crate::model::rejection::Rejection;
use crate::store::{Collected, GcOptions, GcProgress, Horizon, Snapshot, SourceStatus, Status, Store, StoreOptions};
use crate::sync::{self, ApplyOptions};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// An exact local mirror of an event table.
///
/// One process holds a store for writing; within it, any number of threads read while one applies. A clone is the same
/// store.
///
/// ```
/// use eventmirror::{Change, ChangeBatch, Event, EventKey, EventStore, Position, StoreOptions, Value};
/// # fn main() -> eventmirror::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default())?;
///
/// let key = EventKey::new("ann", "order-1", 1_762_161_300_123);
/// let order = Event::new(key.clone()).with("event_type", Value::Text("Order Placed".into()));
/// let batch = ChangeBatch::of_changes("shop", Position::Numbered(1), vec![Change::Insert(order.clone())]);
/// let applied = store.apply(batch)?;
/// assert_eq!(applied.entry.counts.inserted, 1);
///
/// let before = store.snapshot();
/// store.apply(ChangeBatch::of_changes("shop", Position::Numbered(2), vec![Change::Delete(key.clone())]))?;
/// assert_eq!(before.get(&key)?, Some(order), "a snapshot does not change");
/// assert_eq!(store.snapshot().count(), 0);
/// assert_eq!(store.snapshot_at(1)?.user_events("ann")?.count(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EventStore(pub(crate) Store);

impl EventStore {
    /// Opens a store, or makes one where there is none. After a crash, what an unfinished batch left is removed first.
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) where there is no store and none may be made, or the folder holds something
    /// else; [`Locked`](crate::ErrorKind::Locked) where another process has it open;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for another format version;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for damaged files.
    pub fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<EventStore> {
        Store::open(path.as_ref(), options).map(EventStore)
    }

    /// Applies a batch whole or not at all. When it returns, a power cut loses nothing of the batch. A batch whose
    /// position was applied before changes nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where a part cannot be read or a guard refuses the batch;
    /// [`HistoryGap`](crate::ErrorKind::HistoryGap) where a numbered position leaves others out. The store is as it was
    /// then.
    pub fn apply(&self, batch: ChangeBatch) -> Result<Applied> {
        self.apply_with(batch, &ApplyOptions::default())
    }

    /// [`apply`](EventStore::apply) with options other than the defaults.
    pub fn apply_with(&self, batch: ChangeBatch, options: &ApplyOptions) -> Result<Applied> {
        sync::apply_batch(self, batch, options, &AtomicBool::new(false), &mut |_| {})
    }

    /// An unchanging view of the table as the last commit left it.
    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }

    /// An unchanging view of the table as commit `sequence` left it; 0 is the empty table before the first.
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) where the store has no such commit, or [`gc`](EventStore::gc) removed what it
    /// shows.
    pub fn snapshot_at(&self, sequence: u64) -> Result<Snapshot> {
        self.0.snapshot_at(sequence)
    }

    /// How far each source has come, by its name.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for a damaged log.
    pub fn sources(&self) -> Result<Vec<SourceStatus>> {
        self.0.sources()
    }

    /// Precision of event times, fixed when the store was made.
    pub fn precision(&self) -> TimePrecision {
        self.0.precision()
    }

    /// What was applied, oldest first.
    pub fn log(&self) -> Result<impl Iterator<Item = Result<LedgerEntry>> + '_> {
        Ok(self.0.log())
    }

    /// The rejected rows with the commit that rejected them, oldest first.
    pub fn rejections(&self) -> Result<impl Iterator<Item = Result<(u64, Rejection)>> + '_> {
        Ok(self.0.rejections())
    }

    /// What there is to know about the store as a whole.
    pub fn status(&self) -> Result<Status> {
        self.0.status()
    }

    /// The commit as of which a source had come to a position: a name, or a number up to which all was applied.
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) where nothing of the source was applied up to there.
    pub fn sequence_at(&self, source: &str, position: &str) -> Result<u64> {
        self.0.sequence_at(source, position)
    }

    /// Removes the row versions that only commits before a horizon show, and gives their disk back. Older commits are
    /// refused from then on, and programs that do not know of horizons refuse the store. A [`Snapshot`] of this process
    /// keeps its commit, and those after it, readable. Batches are applied and rows are read meanwhile. Reads all
    /// versions and rewrites the table where it removes any. May be interrupted and called again.
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) where the commit to keep does not exist, or the store is open for reading.
    ///
    /// ```
    /// use eventmirror::{Change, ChangeBatch, Event, EventKey, EventStore, GcOptions, Keep, Position, StoreOptions};
    /// # fn main() -> eventmirror::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default())?;
    /// let key = EventKey::new("ann", "order-1", 1_762_161_300_123);
    /// let changes = [Change::Insert(Event::new(key.clone())), Change::Delete(key)];
    /// for (change, number) in changes.into_iter().zip(1..) {
    ///     store.apply(ChangeBatch::of_changes("shop", Position::Numbered(number), vec![change]))?;
    /// }
    /// let collected = store.gc(&GcOptions { keep: Keep::From(2), ..GcOptions::default() })?;
    /// assert_eq!((collected.removed, collected.kept), (2, 0), "the row, and that it was deleted");
    /// assert_eq!(store.horizon().map(|horizon| horizon.sequence), Some(2));
    /// assert!(store.snapshot_at(1).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn gc(&self, options: &GcOptions) -> Result<Collected> {
        self.gc_with(options, &AtomicBool::new(false), &mut |_| {})
    }

    /// [`gc`](EventStore::gc) that tells how far it is, and ends with
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when `stop` is set. Compaction, its last step, is not stopped.
    pub fn gc_with(
        &self,
        options: &GcOptions,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(GcProgress),
    ) -> Result<Collected> {
        self.0.gc(options, stop, progress)
    }

    /// The oldest commit that can be read, where [`gc`](EventStore::gc) removed what only earlier ones show; `None` where
    /// every commit can be read.
    pub fn horizon(&self) -> Option<Horizon> {
        self.0.horizon()
    }

    /// Rejects every row of a user from now on, as `suppressed_user`.
    pub fn suppress(&self, user_id: &str) -> Result<()> {
        self.0.suppress(user_id)
    }

    /// Lets rows of a forgotten user in again.
    pub fn lift_suppression(&self, user_id: &str) -> Result<()> {
        self.0.lift_suppression(user_id)
    }
}
