//! What a caller wants of a verification, and what follows from it.

use super::check_stop;
use crate::diff::columns::{Columns, Comparison};
use crate::diff::differing;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::EnabledOperations;
use crate::model::fingerprint::Fingerprint;
use crate::model::key::{self, TimePrecision};
use crate::model::row;
use crate::model::schema::Schema;
use crate::model::scope::Scope;
use crate::store::{ScanRange, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::AtomicBool;

/// How a verification is done.
pub struct VerifyOptions<'a> {
    /// Reads every row of the store, computes its hash anew, and trusts no fingerprint.
    pub full: bool,
    /// Which columns are compared, and how exactly. Where not all are, every row of the store is read.
    pub comparison: Comparison,
    /// Which rows are compared; those of other users and times are left out on both sides. A range of times is no range
    /// of buckets, so every row of the store is read.
    pub range: ScanRange,
    /// The event times that the mirror is responsible for: a difference at another time is `out_of_scope`.
    pub scope: Scope,
    /// The operations that the mirror takes: a difference that another one would have mended is `op_disabled`.
    pub operations: EnabledOperations,
    /// Only rows of these buckets are compared; those of others are left out on both sides.
    pub buckets: Option<BTreeSet<u16>>,
    /// Samples of each kind of difference at most.
    pub limit: usize,
    /// Where the mutations go that make the mirror equal to the extract: gzip, one JSON object a line.
    pub repair: Option<&'a mut (dyn Write + Send)>,
    /// Bytes of memory to use, about: hashes of the extract's rows beyond a quarter of it go to temporary files. Each
    /// difference takes 72 bytes beside. Default: 512 MiB.
    pub memory: usize,
    /// Ends the verification when it is set.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for VerifyOptions<'_> {
    fn default() -> Self {
        VerifyOptions {
            full: false,
            comparison: Comparison::default(),
            range: ScanRange::default(),
            scope: Scope::default(),
            operations: EnabledOperations::default(),
            buckets: None,
            limit: 100,
            repair: None,
            memory: 512 << 20,
            stop: None,
        }
    }
}

/// The flag of a verification that nobody stops.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The options beside the repair, with what follows from them.
pub(super) struct Plan<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) full: bool,
    pub(super) comparison: Comparison,
    pub(super) scope: Scope,
    pub(super) operations: EnabledOperations,
    only: Option<BTreeSet<u16>>,
    pub(super) limit: usize,
    pub(super) memory: usize,
    stop: &'a AtomicBool,
    range: ScanRange,
    /// What all encoded keys of the range's user begin with; nothing, where it has none.
    pub(super) prefix: Vec<u8>,
}

impl<'a> Plan<'a> {
    /// The options without the repair, which is for one taker.
    pub(super) fn new<'o: 'a>(
        snapshot: &'a Snapshot,
        options: VerifyOptions<'o>,
    ) -> (Self, Option<&'o mut (dyn Write + Send)>) {
        let mut prefix = Vec::new();
        if let Some(user_id) = &options.range.user_id {
            key::encode_user(user_id, &mut prefix);
        }
        let plan = Plan {
            snapshot,
            full: options.full,
            comparison: options.comparison,
            scope: options.scope,
            operations: options.operations,
            only: options.buckets,
            limit: options.limit,
            memory: options.memory,
            stop: options.stop.unwrap_or(&NEVER),
            range: options.range,
            prefix,
        };
        (plan, options.repair)
    }

    pub(super) fn check_stop(&self) -> Result<()> {
        check_stop(self.stop)
    }

    pub(super) fn precision(&self) -> TimePrecision {
        self.snapshot.store().precision()
    }

    /// Whether fingerprints, which are of all rows and columns, say whether buckets are equal.
    pub(super) fn has_fingerprints(&self) -> bool {
        !self.full && !self.has_range() && self.comparison.columns == Columns::All
    }

    pub(super) fn has_range(&self) -> bool {
        self.range != ScanRange::default()
    }

    /// The buckets to be compared row by row.
    pub(super) fn buckets(&self, sums: &BTreeMap<u16, Fingerprint>) -> Result<BTreeSet<u16>> {
        let mut buckets = match (self.has_fingerprints(), key::encoded_bucket(&self.prefix)) {
            (true, _) => differing(sums, &self.fingerprints(self.snapshot)?),
            (false, Some(bucket)) => BTreeSet::from([bucket]),
            (false, None) => (0..=u16::MAX).collect(),
        };
        buckets.retain(|bucket| self.has_bucket(*bucket));
        Ok(buckets)
    }

    /// The fingerprints of a snapshot's buckets that are compared.
    pub(super) fn fingerprints(&self, snapshot: &Snapshot) -> Result<BTreeMap<u16, Fingerprint>> {
        let mut fingerprints = snapshot.fingerprints()?;
        fingerprints.retain(|bucket, _| self.has_bucket(*bucket));
        Ok(fingerprints)
    }

    /// How many rows of the store are compared, where fingerprints tell.
    pub(super) fn rows(&self) -> Result<u64> {
        match self.only {
            None => Ok(self.snapshot.count()),
            Some(_) => Ok(self.fingerprints(self.snapshot)?.values().map(|sum| sum.rows).sum()),
        }
    }

    fn has_bucket(&self, bucket: u16) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&bucket))
    }

    /// Whether the event of an encoded key is compared.
    pub(super) fn has(&self, encoded: &[u8]) -> bool {
        let time = encoded.last_chunk::<{ key::TIME_BYTES }>();
        let is_from = |bound: i64| time.is_some_and(|time| *time >= key::time_bytes(bound));
        let has_bucket = self.only.is_none() || key::encoded_bucket(encoded).is_some_and(|it| self.has_bucket(it));
        has_bucket
            && encoded.starts_with(&self.prefix)
            && self.range.from.is_none_or(is_from)
            && !self.range.to.is_some_and(is_from)
    }

    /// The hash of what is compared of a stored row.
    pub(super) fn hash(&self, key_hash: u128, (hash, row): (u128, &[u8]), schema: &Schema) -> Result<u128> {
        let damaged = |why: &str| {
            Error::new(ErrorKind::Corrupt, format!("a row of the store {why}"))
                .advice("restore the store from a backup, or build it again from its sources")
        };
        let unreadable = |_| damaged("cannot be read");
        if self.full && row::hash_fields(key_hash, row, schema).map_err(unreadable)? != hash {
            return Err(damaged("has not the hash of its columns"));
        }
        if self.comparison.columns == Columns::All {
            return Ok(hash);
        }
        let mut compared = Vec::new();
        for field in row::fields(row) {
            let (column, value) = field.map_err(unreadable)?;
            if schema.name(column).is_some_and(|name| self.comparison.columns.has(name)) {
                row::put(column, value, &mut compared);
            }
        }
        row::hash_fields(key_hash, &compared, schema).map_err(unreadable)
    }

    /// Refuses columns that neither side has: they are slips, and a comparison without them would not say so.
    /// Empty tables have no columns to tell.
    pub(super) fn check_columns(&self, extract: &BTreeSet<String>) -> Result<()> {
        if self.snapshot.schema().columns().is_empty() && extract.is_empty() {
            return Ok(());
        }
        let mut names = self.comparison.columns.names().chain(self.comparison.tolerances.keys());
        match names.find(|name| self.snapshot.schema().id(name).is_none() && !extract.contains(*name)) {
            None => Ok(()),
            Some(name) => {
                Err(Error::new(ErrorKind::Usage, format!("neither the store nor the extract has a column {name:?}"))
                    .advice("names of columns are exact; `eventmirror status` lists them"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::key::EventKey;
    use crate::store::{Store, StoreOptions};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn a_range_has_the_events_that_its_bounds_say(
            users in prop::collection::vec("[ab]{1,2}", 1..20), time in -5i64..5,
            user_id in prop::option::of("[ab]{1,2}"), from in prop::option::of(-5i64..5), to in prop::option::of(-5i64..5),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("s"), StoreOptions::default()).unwrap();
            let snapshot = store.snapshot();
            let range = ScanRange { user_id: user_id.clone(), from, to };
            let (plan, _) = Plan::new(&snapshot, VerifyOptions { range, ..VerifyOptions::default() });
            let buckets = plan.buckets(&BTreeMap::new()).unwrap();
            for user in users {
                let has = user_id.as_ref().is_none_or(|wanted| *wanted == user)
                    && from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to);
                prop_assert_eq!(plan.has(&EventKey::new(user.clone(), "i", time).encode()), has);
                prop_assert!(!has || !plan.has_range() || buckets.contains(&key::bucket(&user)));
            }
        }
    }
}
