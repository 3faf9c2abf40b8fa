//! Which row versions no reader may ask for any more.
//!
//! Of a key's versions up to the horizon the newest is what the horizon and later commits show; those before it are
//! superseded, and so is a tombstone in its place: without it the key is not there either. It is removed last: removed
//! before the versions that it hides, it would let them show for as long as they are there.

use super::codec;
use super::keyspace::rows;
use crate::error::Result;

/// Takes the stored key of a version that is to be removed.
pub(super) type Remove<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// Finds superseded versions among all of them, which come in their order: keys rising, the newest of a key first.
#[derive(Default)]
pub(super) struct Superseded {
    horizon: u64,
    /// The key at hand.
    key: Vec<u8>,
    /// Whether the newest of its versions up to the horizon has come.
    has_newest: bool,
    /// That version's stored key where it is a tombstone; empty otherwise.
    tombstone: Vec<u8>,
    pub(super) removed: u64,
    pub(super) kept: u64,
}

impl Superseded {
    pub(super) fn by(horizon: u64) -> Self {
        Superseded { horizon, ..Superseded::default() }
    }

    /// Takes the next version.
    pub(super) fn take(&mut self, stored: &[u8], is_tombstone: bool, remove: &mut Remove<'_>) -> Result<()> {
        let (key, sequence) = rows::split_key(stored).ok_or_else(|| codec::corrupt("key of a row", "its length"))?;
        if key != self.key {
            self.end_key(remove)?;
            self.key.clear();
            self.key.extend_from_slice(key);
        }
        if sequence > self.horizon {
            self.kept += 1;
            return Ok(());
        }
        match (self.has_newest, is_tombstone) {
            (true, _) => {
                self.removed += 1;
                remove(stored)?;
            }
            (false, true) => self.tombstone.extend_from_slice(stored),
            (false, false) => self.kept += 1,
        }
        self.has_newest = true;
        Ok(())
    }

    /// The end of the versions of a key.
    pub(super) fn end_key(&mut self, remove: &mut Remove<'_>) -> Result<()> {
        self.has_newest = false;
        if self.tombstone.is_empty() {
            return Ok(());
        }
        self.removed += 1;
        remove(&self.tombstone)?;
        self.tombstone.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Versions by their stored keys; true for a tombstone.
    type Versions = BTreeMap<Vec<u8>, bool>;

    fn versions() -> impl Strategy<Value = Versions> {
        let version = ((b'a'..b'd', 1u64..7), any::<bool>());
        prop::collection::vec(version, 0..12).prop_map(|all| {
            let stored = |key: u8, sequence| [&[key], rows::sequence_bytes(sequence).as_slice()].concat();
            all.into_iter().map(|((key, sequence), is_tombstone)| (stored(key, sequence), is_tombstone)).collect()
        })
    }

    /// The keys that a reader at a commit finds, each with the sequence of its version.
    fn shown(versions: &Versions, at: u64) -> BTreeMap<Vec<u8>, u64> {
        let mut newest: BTreeMap<Vec<u8>, (u64, bool)> = BTreeMap::new();
        for (stored, is_tombstone) in versions {
            let (key, sequence) = rows::split_key(stored).unwrap();
            if sequence <= at {
                newest.entry(key.to_vec()).or_insert((sequence, *is_tombstone));
            }
        }
        newest.into_iter().filter(|(_, version)| !version.1).map(|(key, version)| (key, version.0)).collect()
    }

    proptest! {
        #[test]
        fn every_commit_from_the_horizon_on_shows_the_same_at_every_moment(all in versions(), horizon in 0u64..8) {
            let (mut superseded, mut removed) = (Superseded::by(horizon), Vec::new());
            let mut remove = |stored: &[u8]| { removed.push(stored.to_vec()); Ok(()) };
            for (stored, is_tombstone) in &all {
                superseded.take(stored, *is_tombstone, &mut remove).unwrap();
            }
            superseded.end_key(&mut remove).unwrap();
            let mut left = all.clone();
            for stored in &removed {
                prop_assert!(left.remove(stored).is_some(), "removed once, and it was there");
                for at in horizon..8 {
                    prop_assert_eq!(shown(&left, at), shown(&all, at));
                }
            }
            prop_assert_eq!((superseded.removed, superseded.kept), (removed.len() as u64, left.len() as u64));
            // Nothing is left that need not be.
            let later = |stored: &&Vec<u8>| rows::split_key(stored).unwrap().1 > horizon;
            prop_assert_eq!(left.len(), all.keys().filter(later).count() + shown(&all, horizon).len());
        }
    }

    #[test]
    fn a_key_that_is_none_is_noticed() {
        assert!(Superseded::by(1).take(&[1; 7], false, &mut |_| Ok(())).is_err());
    }
}
