//! Verb 2: an extract against a snapshot.
//!
//! ```text
//! extract ──hashes──▶ sums by bucket ──differing──▶ buckets ──join──▶ differences ──▶ causes, samples, repair
//!                     fingerprints of the snapshot ─┘  rows of just those buckets ─┘
//! ```
//!
//! Where all buckets agree, no row of the store is read. Otherwise the extract is read a second time for the rows that
//! differ, so that only hashes are kept of the others: about 48 bytes a row.

mod buckets;
mod cause;
mod explain;
mod extract;
mod repair;
mod stores;

pub use cause::Cause;
pub use explain::{Place, Sample, Touched};
pub use extract::Extract;
pub use stores::{StoreDifference, diff};

use crate::diff::times::Shift;
use crate::diff::{self as pure, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::model::rejection::Rule;
use crate::model::schema::Schema;
use crate::store::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a verification is done.
pub struct VerifyOptions<'a> {
    /// Reads every row of the store, computes its hash anew, and trusts no fingerprint.
    pub full: bool,
    /// Samples of each kind of difference at most.
    pub limit: usize,
    /// Where the mutations go that make the mirror equal to the extract: gzip, one JSON object a line.
    pub repair: Option<&'a mut (dyn Write + Send)>,
    /// Ends the verification when it is set.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for VerifyOptions<'_> {
    fn default() -> Self {
        VerifyOptions { full: false, limit: 100, repair: None, stop: None }
    }
}

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
    /// Rows of the extract that are no rows of the mirror: without a user, without an insert id, without a time.
    pub left_out: BTreeMap<Rule, u64>,
    /// How many buckets were compared row by row.
    pub buckets_read: u64,
    /// Differences by kind.
    pub differences: BTreeMap<Kind, u64>,
    /// Differences by cause. Those without a known cause are in none.
    pub causes: BTreeMap<Cause, u64>,
    /// What all near matches have in common.
    pub shift: Option<Shift>,
    /// Some differences of each kind, the first by key.
    pub samples: Vec<Sample>,
    /// Mutations written to [`VerifyOptions::repair`].
    pub repairs: u64,
}

impl Verification {
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

/// The flag of a verification that nobody stops.
static NEVER: AtomicBool = AtomicBool::new(false);

/// Compares the rows of an extract with those of a snapshot, exactly.
///
/// # Errors
/// Those of reading the extract; `Corrupt` for a damaged store; `Io` where the repair cannot be written; `Interrupted`
/// where it was stopped.
pub fn verify(snapshot: &Snapshot, extract: &Extract, options: VerifyOptions<'_>) -> Result<Verification> {
    let stop = options.stop.unwrap_or(&NEVER);
    let schema = Schema::clone(snapshot.schema());
    let precision = snapshot.store().precision();
    let mut hashes = extract.hashes(schema, precision, stop)?;
    let buckets = match options.full {
        true => (0..=u16::MAX).collect(),
        false => pure::differing(&hashes.sums, &snapshot.fingerprints()?),
    };
    let rows = hashes.rows.len() as u64;
    hashes.rows.retain(|row| buckets.contains(&row.bucket));
    hashes.rows.sort_unstable_by_key(|row| row.bucket);
    let compared = buckets::compare(snapshot, &hashes.rows, &buckets, options.full, stop)?;
    let mut result = Verification {
        as_of: snapshot.sequence(),
        // Where a bucket agrees with its fingerprint, no key comes twice.
        expected: rows - hashes.rows.len() as u64 + compared.keys,
        actual: if options.full { compared.rows } else { snapshot.count() },
        read: hashes.counts.read,
        repeated: compared.repeated,
        left_out: hashes.counts.rejections.clone(),
        buckets_read: buckets.len() as u64,
        ..Verification::default()
    };
    drop(hashes);
    for found in &compared.found {
        *result.differences.entry(found.difference.kind).or_default() += 1;
    }
    explain::explain(snapshot, extract, compared.found, (options.limit, options.repair, stop), &mut result)?;
    Ok(result)
}

fn check_stop(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::new(ErrorKind::Interrupted, "stopped before the comparison was done")),
        false => Ok(()),
    }
}
