//! Which commits can be read: those from the horizon on.
//!
//! `gc` moves the horizon. A view of the table holds its commit, which keeps the horizon from passing it. One lock
//! guards both, so that a commit is either held before the horizon passes it, or refused.

use super::Inner;
use super::keyspace::meta::Horizon;
use crate::error::{Error, ErrorKind, Result};
use crate::model::text;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The horizon, and the commits that are held.
#[derive(Default)]
pub(super) struct History {
    pub(super) horizon: Option<Horizon>,
    /// How many hold each commit.
    held: BTreeMap<u64, usize>,
}

impl History {
    /// A history that nothing is held of.
    pub(super) fn new(horizon: Option<Horizon>) -> History {
        History { horizon, held: BTreeMap::new() }
    }

    /// The oldest commit that is held.
    pub(super) fn oldest_held(&self) -> Option<u64> {
        self.held.keys().next().copied()
    }

    /// Refuses a commit that can no longer be read.
    pub(super) fn check(&self, sequence: u64) -> Result<()> {
        let Some(horizon) = self.horizon.as_ref().filter(|horizon| sequence < horizon.sequence) else { return Ok(()) };
        let (oldest, at) = (horizon.sequence, text::rfc3339(horizon.collected_at));
        let text = format!(
            "commit {sequence} can no longer be read: at {at} `gc` removed what commits before {oldest} alone show"
        );
        let advice = format!("name commit {oldest} or a later one; `gc --history` says how long they are kept");
        Err(Error::new(ErrorKind::Usage, text).advice(advice))
    }
}

/// Keeps a commit readable until it is dropped.
pub(super) struct Hold {
    inner: Arc<Inner>,
    pub(super) sequence: u64,
}

impl Hold {
    /// Holds a commit that can be read. `history` is that of the store.
    pub(super) fn new(inner: &Arc<Inner>, history: &mut History, sequence: u64) -> Arc<Hold> {
        *history.held.entry(sequence).or_default() += 1;
        Arc::new(Hold { inner: inner.clone(), sequence })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut history = self.inner.history.lock();
        if let Some(count) = history.held.get_mut(&self.sequence) {
            *count -= 1;
            if *count == 0 {
                history.held.remove(&self.sequence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::{ScanRange, Store, StoreOptions};

    #[test]
    fn the_refusal_says_which_commit_is_the_oldest_and_why() {
        let horizon = Horizon { sequence: 5, committed_at: 1, collected_at: 2, is_finished: true };
        let history = History::new(Some(horizon));
        assert!(history.check(5).is_ok() && History::default().check(0).is_ok());
        let error = history.check(4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(
            error.to_string(),
            "commit 4 can no longer be read: at 1970-01-01T00:00:00.002Z `gc` removed what commits before 5 alone show; \
             name commit 5 or a later one; `gc --history` says how long they are kept"
        );
    }

    #[test]
    fn views_hold_their_commit_until_the_last_of_them_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("s"), StoreOptions::default()).unwrap();
        let held = || store.0.history.lock().oldest_held();
        assert_eq!(held(), None);
        let (one, other) = (store.snapshot(), store.snapshot_at(0).unwrap());
        let scan = one.clone().scan(ScanRange::default()).unwrap();
        drop((one, other));
        assert_eq!(held(), Some(0), "a scan outlives the snapshot that it was made of");
        drop(scan);
        assert_eq!(held(), None);
    }
}
