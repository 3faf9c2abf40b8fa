//! The rows of the buckets that differ: those of the extract joined with those that the store has.

use super::hashes::{Chunk, Seen};
use super::options::Plan;
use super::rows::{ComparedRow, for_each_row};
use crate::diff::{Entry, Join, RowDifference};
use crate::error::Result;
use crate::model::change::RowPlace;
use std::collections::BTreeSet;

/// What the buckets have in sum.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Keys of the extract in these buckets.
    pub(super) keys: u64,
    /// Rows of the store in these buckets.
    pub(super) rows: u64,
    /// Rows of the extract that repeat another one.
    pub(super) repeated: u64,
}

/// A key that differs.
pub(super) struct Found<'a> {
    pub(super) difference: RowDifference,
    /// The store's row of it.
    pub(super) row: Option<&'a ComparedRow<'a>>,
    /// Where its first row of the extract stands.
    pub(super) place: RowPlace,
}

/// Hears of each key that differs.
pub(super) type Each<'a> = &'a mut dyn FnMut(Found<'_>) -> Result<()>;

impl Compared {
    /// Joins bucket by bucket.
    pub(super) fn add(
        &mut self,
        plan: &Plan<'_>,
        buckets: &BTreeSet<u16>,
        chunk: &Chunk,
        each: Each<'_>,
    ) -> Result<()> {
        let mut joining =
            Joining { rest: &chunk.rows, rows: &[], bucket: 0, join: Join::default(), compared: self, each };
        joining.begin(0);
        for_each_row(plan, plan.snapshot, &chunk.buckets(buckets), &|key_hash| chunk.has(key_hash), &mut |row| {
            joining.take(&row)
        })?;
        joining.end_buckets(&|_| true)
    }
}

/// The join of a chunk, at a bucket.
struct Joining<'a> {
    /// The rows of the extract in later buckets.
    rest: &'a [Seen],
    /// Its rows in the bucket.
    rows: &'a [Seen],
    bucket: u16,
    join: Join,
    compared: &'a mut Compared,
    each: Each<'a>,
}

impl Joining<'_> {
    fn take(&mut self, row: &ComparedRow<'_>) -> Result<()> {
        if self.bucket < row.bucket {
            self.end_buckets(&|bucket| bucket < row.bucket)?;
            self.begin(row.bucket);
        }
        self.compared.rows += 1;
        match self.join.meet(row.entry) {
            Some(difference) => {
                let place = first_place(self.rows, difference.key_hash);
                (self.each)(Found { difference, row: Some(row), place })
            }
            None => Ok(()),
        }
    }

    /// Ends the bucket at hand, and those behind it of which the store has no row.
    fn end_buckets(&mut self, is_one: &dyn Fn(u16) -> bool) -> Result<()> {
        self.end()?;
        while let Some(next) = self.rest.first().filter(|next| is_one(next.bucket)) {
            self.begin(next.bucket);
            self.end()?;
        }
        Ok(())
    }

    fn begin(&mut self, bucket: u16) {
        let (rows, rest) = self.rest.split_at(self.rest.partition_point(|row| row.bucket <= bucket));
        let entries: Vec<Entry> = rows.iter().map(|row| row.entry).collect();
        (self.rest, self.rows, self.bucket, self.join) = (rest, rows, bucket, Join::new(entries));
    }

    fn end(&mut self) -> Result<()> {
        let join = std::mem::take(&mut self.join);
        let (keys, repeated) = join.counts();
        self.compared.keys += keys;
        self.compared.repeated += repeated;
        join.missing().try_for_each(|difference| {
            let place = first_place(self.rows, difference.key_hash);
            (self.each)(Found { difference, row: None, place })
        })
    }
}

/// Where the first row of a key stands; `rows` are those of a bucket, sorted.
fn first_place(rows: &[Seen], key_hash: u128) -> RowPlace {
    let first = rows.partition_point(|row| row.entry.key_hash < key_hash);
    let of_key = rows[first..].iter().take_while(|row| row.entry.key_hash == key_hash);
    of_key.map(|row| row.place).min().unwrap_or_default()
}
