//! What the store knows of a key that differs.

use super::cause::Facts;
use super::extract::event;
use super::options::Plan;
use super::rejected::{RejectedBy, rejected};
use super::sample::Touched;
use crate::error::{Error, ErrorKind, Result};
use crate::model::hash;
use crate::model::key::{self, EventKey};
use crate::model::value::Event;
use crate::source::SourceOptions;
use crate::store::Histories;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What is looked up once for all keys.
pub(super) struct Known<'a> {
    plan: &'a Plan<'a>,
    histories: Histories<'a>,
    suppressed: Arc<HashSet<String>>,
    hazards: HashMap<u128, u64>,
    rejected: HashMap<u128, RejectedBy>,
    /// When the last commit was made, as an event time.
    committed_at: Option<i64>,
    batches: HashMap<u64, Option<Touched>>,
}

/// What is known of one key, and the mirror's row of it.
pub(super) struct KnownKey {
    pub(super) facts: Facts,
    pub(super) rejected: Option<RejectedBy>,
    pub(super) actual: Option<Event>,
}

impl<'a> Known<'a> {
    pub(super) fn new(plan: &'a Plan<'a>) -> Result<Self> {
        let entry = plan.snapshot.ledger_entry(plan.snapshot.sequence())?;
        let committed_at = entry.and_then(|entry| entry.committed_at.checked_mul(1_000 / plan.precision().micros()));
        Ok(Known {
            plan,
            histories: plan.snapshot.histories(),
            suppressed: plan.snapshot.suppressed(),
            hazards: plan.snapshot.hazards()?,
            rejected: HashMap::new(),
            committed_at,
            batches: HashMap::new(),
        })
    }

    /// Looks up which of these keys had a row that was refused.
    pub(super) fn find_rejected(&mut self, source: &SourceOptions, is_wanted: &dyn Fn(u128) -> bool) -> Result<()> {
        self.rejected = rejected(self.plan, source, is_wanted)?;
        Ok(())
    }

    pub(super) fn is_suppressed(&self, user_id: &str) -> bool {
        self.suppressed.contains(user_id)
    }

    /// What is known of a key of which the extract has a row with this hash, or none.
    pub(super) fn key(&mut self, encoded: &[u8], key: &EventKey, expected: Option<u128>) -> Result<KnownKey> {
        let (plan, snapshot) = (self.plan, self.plan.snapshot);
        let key_hash = hash::key_hash(encoded.get(key::BUCKET_BYTES..).unwrap_or_default());
        let rejected = self.rejected.get(&key_hash).copied();
        let mut facts = Facts {
            is_suppressed: self.is_suppressed(&key.user_id),
            is_out_of_scope: !plan.scope.contains(key.event_time, plan.precision()),
            hazard: self.hazards.get(&key_hash).copied(),
            rejected: rejected.map(|(sequence, _)| sequence),
            horizon: self.histories.horizon(),
            is_recent: self.committed_at.is_some_and(|at| key.event_time > at),
            ..Facts::default()
        };
        let mut actual = None;
        self.histories.of(encoded, &mut |version| {
            let hash = version.row.map(|row| plan.hash(key_hash, row, snapshot.schema())).transpose()?;
            let is_shown = hash == expected;
            if version.sequence > snapshot.sequence() {
                // The newest comes first; the first of those that show it is wanted.
                facts.shown_later = is_shown.then_some(version.sequence).or(facts.shown_later);
            } else if facts.touched.is_none() {
                facts.touched = Some(version.sequence);
                let damaged = || Error::new(ErrorKind::Corrupt, "a row of the store cannot be read");
                let row = version.row.map(|(_, row)| event(encoded, row, snapshot.schema()).ok_or_else(damaged));
                actual = row.transpose()?;
            } else {
                facts.shown_earlier = facts.shown_earlier.or(is_shown.then_some(version.sequence));
            }
            Ok(())
        })?;
        Ok(KnownKey { facts, rejected, actual })
    }

    /// The batch of a commit.
    pub(super) fn batch(&mut self, sequence: Option<u64>) -> Result<Option<Touched>> {
        let Some(sequence) = sequence else { return Ok(None) };
        if let Some(batch) = self.batches.get(&sequence) {
            return Ok(batch.clone());
        }
        let entry = self.plan.snapshot.ledger_entry(sequence)?;
        let batch = entry.map(|entry| Touched { sequence, source: entry.source, position: entry.position });
        self.batches.insert(sequence, batch.clone());
        Ok(batch)
    }
}
