//! Two snapshots against each other: two mirrors, or one mirror at two commits.

use super::check_stop;
use super::extract::check_precisions;
use crate::diff::{self as pure};
use crate::error::{Error, ErrorKind, Result};
use crate::model::key::{self, EventKey};
use crate::model::value::Event;
use crate::store::{Reader, Rows, Snapshot};
use std::cmp::Ordering;
use std::sync::atomic::AtomicBool;

/// A row in which two snapshots differ.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreDifference {
    /// The first has it, the second has not.
    Removed(Event),
    /// The second has it, the first has not.
    Added(Event),
    /// Both have it, with other columns.
    Changed {
        /// As the first has it.
        before: Event,
        /// As the second has it.
        after: Event,
    },
}

/// Finds the rows in which two snapshots differ, in the order of buckets and keys, and hands each to `each`. Buckets whose
/// fingerprints agree are not read, so equal snapshots are compared at once, whatever their size.
///
/// # Errors
/// `Usage` where the stores keep event times in different units; those of reading; that of `each`.
pub fn diff(
    a: &Snapshot,
    b: &Snapshot,
    stop: &AtomicBool,
    each: &mut dyn FnMut(StoreDifference) -> Result<()>,
) -> Result<()> {
    check_precisions(a, b)?;
    let differing = pure::differing(&a.fingerprints()?, &b.fingerprints()?);
    for (first, last) in pure::runs(&differing) {
        let (mut left, mut right) = (Side::new(a, first, last)?, Side::new(b, first, last)?);
        loop {
            check_stop(stop)?;
            let order = match (&left.row, &right.row) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => one.0.cmp(&other.0),
            };
            let hashes = (left.hash(), right.hash());
            let before = if order != Ordering::Greater { left.take()? } else { None };
            let after = if order != Ordering::Less { right.take()? } else { None };
            match (before, after) {
                (Some(_), Some(_)) if hashes.0 == hashes.1 => {}
                (Some(before), Some(after)) => {
                    each(StoreDifference::Changed { before: left.event(&before)?, after: right.event(&after)? })?;
                }
                (Some(before), None) => each(StoreDifference::Removed(left.event(&before)?))?,
                (None, Some(after)) => each(StoreDifference::Added(right.event(&after)?))?,
                (None, None) => break,
            }
        }
    }
    Ok(())
}

/// The rows of some buckets of a snapshot, by their keys and hashes.
struct Side<'a> {
    reader: Reader<'a>,
    rows: Rows<'a>,
    last: u16,
    /// The row at hand.
    row: Option<(Vec<u8>, u128)>,
}

impl<'a> Side<'a> {
    fn new(snapshot: &'a Snapshot, first: u16, last: u16) -> Result<Self> {
        let rows = snapshot.rows(&[], &first.to_be_bytes());
        let mut side = Side { reader: snapshot.reader(), rows, last, row: None };
        side.take()?;
        Ok(side)
    }

    fn hash(&self) -> Option<u128> {
        self.row.as_ref().map(|(_, hash)| *hash)
    }

    /// The key of the row at hand, and on to the next row.
    fn take(&mut self) -> Result<Option<Vec<u8>>> {
        let last = self.last;
        let next = self.rows.next_row()?;
        let next = next.filter(|row| key::encoded_bucket(row.key).is_some_and(|bucket| bucket <= last));
        let next = next.map(|row| (row.key.to_vec(), row.hash));
        Ok(std::mem::replace(&mut self.row, next).map(|(key, _)| key))
    }

    fn event(&mut self, encoded: &[u8]) -> Result<Event> {
        let damaged = || Error::new(ErrorKind::Corrupt, "the key of a row of the store cannot be read");
        let key: EventKey = key::decode(encoded).ok_or_else(damaged)?;
        Ok(self.reader.get(&key)?.unwrap_or_else(|| Event::new(key)))
    }
}
