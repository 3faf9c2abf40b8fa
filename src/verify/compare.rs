//! The rows of the buckets that differ: those of the extract joined with those that the store has.

use super::hashes::{Chunk, Seen};
use super::options::Plan;
use super::rows::{ComparedRow, for_each_row};
use crate::diff::{Entry, Join, RowDifference};
use crate::error::Result;
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

/// Hears of each key that differs, with the store's row of it.
pub(super) type Each<'a> = &'a mut dyn FnMut(RowDifference, Option<&ComparedRow<'_>>) -> Result<()>;

impl Compared {
    /// Joins bucket by bucket.
    pub(super) fn add(
        &mut self,
        plan: &Plan<'_>,
        buckets: &BTreeSet<u16>,
        chunk: &Chunk,
        each: Each<'_>,
    ) -> Result<()> {
        let mut joining = Joining { rest: &chunk.rows, bucket: 0, join: Join::default(), compared: self, each };
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
            Some(found) => (self.each)(found, Some(row)),
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
        let rows: Vec<Entry> = rows.iter().map(|row| row.entry).collect();
        (self.rest, self.bucket, self.join) = (rest, bucket, Join::new(rows));
    }

    fn end(&mut self) -> Result<()> {
        let join = std::mem::take(&mut self.join);
        let (keys, repeated) = join.counts();
        self.compared.keys += keys;
        self.compared.repeated += repeated;
        join.missing().try_for_each(|found| (self.each)(found, None))
    }
}
