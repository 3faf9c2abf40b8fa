//! What the one writer keeps in memory between batches.

use super::fingerprints::Fingerprints;
use super::index::Index;
use super::{Inner, recover};
use crate::error::Result;

/// The writer's memory, read from disk when the first batch begins and again after one that failed.
#[derive(Default)]
pub(super) struct Writer {
    state: Option<State>,
    /// A batch failed between its first write and its commit.
    pub(super) unfinished: bool,
}

/// The existence index and the fingerprints as the last batch left them.
pub(super) struct State {
    pub(super) index: Index,
    pub(super) fingerprints: Fingerprints,
    /// The last batch; ahead of the store's own after a dry run.
    pub(super) sequence: u64,
    pub(super) rows: u64,
}

impl Writer {
    /// The memory, in step with the disk.
    pub(super) fn state(&mut self, inner: &Inner) -> Result<&mut State> {
        if self.unfinished {
            self.state = None;
            recover::take_unfinished_away(inner)?;
            self.unfinished = false;
        }
        match &mut self.state {
            Some(state) => Ok(state),
            empty => Ok(empty.insert(State::read(inner)?)),
        }
    }

    /// Drops what dry runs left in memory, where each builds on the one before it, so that a batch which is written
    /// builds on the disk.
    pub(super) fn forget_dry_runs(&mut self, committed: u64) {
        self.state.take_if(|state| state.sequence != committed);
    }

    /// Drops what a failed batch may have changed in memory.
    pub(super) fn forget(&mut self) {
        self.state = None;
    }
}

impl State {
    fn read(inner: &Inner) -> Result<State> {
        let committed = inner.committed.read().clone();
        let families = inner.families();
        let index = Index::open(&inner.db, families, committed.sequence, inner.options.index_memory())?;
        let fingerprints = Fingerprints::read(inner, committed.sequence)?;
        Ok(State { index, fingerprints, sequence: committed.sequence, rows: committed.rows })
    }
}
