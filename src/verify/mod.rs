//! Verb 2: an extract against a snapshot.
//!
//! ```text
//! extract ──hashes──▶ sums by bucket ──differing──▶ buckets ──join──▶ differences ──▶ causes, samples, repair
//!                     fingerprints of the snapshot ─┘  rows of just those buckets ─┘
//! ```
//!
//! Where all buckets agree, no row of the store is read. Otherwise the extract is read a second time for the rows that
//! differ, so that only hashes are kept of the others, in temporary files where they do not fit in memory.

mod cause;
mod compare;
mod digests;
mod explain;
mod extract;
mod files;
mod hashes;
mod input;
mod known;
mod options;
mod rejected;
mod repair;
mod rows;
mod sample;
mod stores;

pub use crate::diff::columns::{Columns, Comparison};
pub use cause::Cause;
pub use digests::{DigestComparison, Digests, digests, verify_digest};
pub use extract::{Extract, Place};
pub use options::VerifyOptions;
pub use sample::{Sample, Touched};
pub use stores::{StoreDifference, diff};

use crate::diff::Kind;
use crate::diff::times::Shift;
use crate::error::{Error, ErrorKind, Result};
use crate::model::rejection::Rule;
use crate::store::Snapshot;
use compare::Compared;
use explain::Explainer;
use options::Plan;
use repair::Repair;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// The result in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The mirror has exactly the extract's rows.
    Identical,
    /// It has not, and every difference has a [harmless](Cause::is_harmless) cause.
    Explained,
    /// It has not.
    Different,
}

impl Verdict {
    /// The public name.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Identical => "identical",
            Verdict::Explained => "explained",
            Verdict::Different => "different",
        }
    }
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verification {
    /// The commit that was verified.
    pub as_of: u64,
    /// Rows that the extract says there are: its different keys.
    pub expected: u64,
    /// Rows that the mirror has.
    pub actual: u64,
    /// Rows of the extract that were read.
    pub read: u64,
    /// Rows of the extract that repeat another one, key and columns. They are counted once.
    pub repeated: u64,
    /// Rows of the extract that [`VerifyOptions::range`] leaves out.
    pub out_of_range: u64,
    /// Rows of the extract that are no rows of the mirror: without a user, without an insert id, without a time.
    pub left_out: BTreeMap<Rule, u64>,
    /// How many buckets were compared row by row.
    pub buckets_read: u64,
    /// Differences by kind.
    pub differences: BTreeMap<Kind, u64>,
    /// Differences by the day of their event time, numbered from 1970-01-01, and by kind.
    pub days: BTreeMap<i64, BTreeMap<Kind, u64>>,
    /// Differences by bucket.
    pub buckets: BTreeMap<u16, u64>,
    /// Differences by cause. Those without a known cause are in none.
    pub causes: BTreeMap<Cause, u64>,
    /// Keys whose rows are equal just by [the tolerances](Comparison::tolerances).
    pub within_tolerance: u64,
    /// What most near matches have in common, and how many pairs of an event of the extract and one of the mirror do.
    pub shift: Option<(Shift, u64)>,
    /// Some differences of each kind by key: the first ones of the mirror, and of the extract.
    pub samples: Vec<Sample>,
    /// Mutations written to [`VerifyOptions::repair`].
    pub repairs: u64,
}

impl Verification {
    /// The differences that were kept, by kind and key: all of them where [`VerifyOptions::limit`] is `usize::MAX`.
    pub fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter()
    }

    /// How many keys differ in this way.
    pub fn count(&self, kind: Kind) -> u64 {
        self.differences.get(&kind).copied().unwrap_or_default()
    }

    /// How many keys differ.
    pub fn total(&self) -> u64 {
        self.differences.values().sum()
    }

    /// The result in one word.
    pub fn verdict(&self) -> Verdict {
        let harmless: BTreeSet<Cause> = Cause::ALL.into_iter().filter(|cause| cause.is_harmless()).collect();
        match self.total() {
            0 => Verdict::Identical,
            _ if self.is_accepted(&harmless) => Verdict::Explained,
            _ => Verdict::Different,
        }
    }

    /// Whether every difference has one of these causes.
    pub fn is_accepted(&self, causes: &BTreeSet<Cause>) -> bool {
        let accepted = self.causes.iter().filter(|(cause, _)| causes.contains(cause)).map(|(_, count)| count);
        accepted.sum::<u64>() == self.total()
    }
}

/// Compares the rows of an extract with those of a snapshot.
///
/// ```
/// use eventmirror::{
///     Change, ChangeBatch, Event, EventKey, EventStore, Extract, Position, SourceOptions, StoreOptions, Value, Verdict,
///     VerifyOptions, verify,
/// };
/// # fn main() -> eventmirror::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default())?;
/// let order = Event::new(EventKey::new("ann", "order-1", 1_762_161_300_123)).with("total", Value::Int(20));
/// store.apply(ChangeBatch::of_changes("shop", Position::Numbered(1), vec![Change::Insert(order)]))?;
///
/// let file = folder.path().join("orders.csv");
/// std::fs::write(&file, "user_id,insert_id,event_time,total\nann,order-1,1762161300123,21\n")?;
/// let extract = Extract::open(&[file.display().to_string()], SourceOptions::default())?;
/// let found = verify(&store.snapshot(), &extract, VerifyOptions { limit: usize::MAX, ..VerifyOptions::default() })?;
/// assert_eq!(found.verdict(), Verdict::Different);
/// assert_eq!(found.iter().map(|difference| difference.columns[0].column.as_str()).collect::<Vec<_>>(), ["total"]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of reading the extract; `Usage` for a column that neither side has, or a store with another precision;
/// `Corrupt` for a damaged store; `Io` where the repair or a temporary file cannot be written; `Interrupted` where it was
/// stopped.
pub fn verify(snapshot: &Snapshot, extract: &Extract, options: VerifyOptions<'_>) -> Result<Verification> {
    let (mut plan, repair) = Plan::new(snapshot, options);
    extract.narrow(&mut plan);
    let mut read = extract.read(&plan)?;
    plan.check_columns(&read.columns)?;
    let buckets = plan.buckets(&read.sums)?;
    extract.read_buckets(&plan, &buckets, &mut read)?;

    let mut explainer = Explainer::new(&plan, repair.map(|out| Repair::new(out, plan.precision())))?;
    let mut compared = Compared::default();
    read.take_hashes(&plan)
        .drain(&buckets, &mut |chunk| compared.add(&plan, &buckets, &chunk, &mut |found| explainer.take(&found)))?;
    explainer.read_extract(extract, &buckets, &read)?;

    // Where a bucket agrees with its fingerprint, no key comes twice.
    let agreed = read.sums.iter().filter(|(bucket, _)| !buckets.contains(bucket)).map(|(_, sum)| sum.rows);
    let mut result = Verification {
        as_of: snapshot.sequence(),
        expected: agreed.sum::<u64>() + compared.keys,
        actual: if plan.has_fingerprints() { plan.rows()? } else { compared.rows },
        read: read.counts.read,
        repeated: compared.repeated,
        out_of_range: read.out_of_range,
        left_out: read.counts.rejections,
        buckets_read: buckets.len() as u64,
        ..Verification::default()
    };
    explainer.finish(&mut result)?;
    Ok(result)
}

fn check_stop(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::new(ErrorKind::Interrupted, "stopped before the comparison was done")),
        false => Ok(()),
    }
}
