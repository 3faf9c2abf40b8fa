//! The rows of a snapshot that are compared.

use super::options::Plan;
use crate::diff::{self, Entry};
use crate::error::Result;
use crate::model::{hash, key};
use crate::store::{Snapshot, StoredRow};
use std::collections::BTreeSet;

/// A stored row with what is compared of it.
pub(super) struct ComparedRow<'a> {
    pub(super) bucket: u16,
    pub(super) entry: Entry,
    pub(super) stored: StoredRow<'a>,
}

/// The rows of these buckets that are to be compared, in the order of buckets and keys. `has` says of which keys, by
/// their hashes.
pub(super) fn for_each_row(
    plan: &Plan<'_>,
    snapshot: &Snapshot,
    buckets: &BTreeSet<u16>,
    has: &dyn Fn(u128) -> bool,
    each: &mut dyn FnMut(ComparedRow<'_>) -> Result<()>,
) -> Result<()> {
    let mut rows = snapshot.rows_of_none();
    for (first, last) in diff::runs(buckets) {
        rows.seek(&plan.prefix, &first.to_be_bytes());
        let mut before = None;
        while let Some(stored) = rows.next_row()? {
            let bucket = key::encoded_bucket(stored.key).unwrap_or(u16::MAX);
            if bucket > last {
                break;
            }
            if before.replace(bucket) != Some(bucket) {
                plan.check_stop()?;
            }
            let key_hash = hash::key_hash(stored.key.get(key::BUCKET_BYTES..).unwrap_or_default());
            if !plan.has(stored.key) || !has(key_hash) {
                continue;
            }
            let row_hash = plan.hash(key_hash, (stored.hash, stored.row), snapshot.schema())?;
            each(ComparedRow { bucket, entry: Entry { key_hash, row_hash }, stored })?;
        }
    }
    Ok(())
}
