//! What became of the rows of a change batch.

use super::rejection::Rule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Things worth knowing about a batch beside what became of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Counter {
    /// Event times whose digits beyond the store's precision were cut off.
    TimeTruncated,
    /// Rows that fell on the key of another row only because their times were cut off.
    KeyCollision,
    /// INSERTs of a key that had another payload.
    InsertConflict,
    /// UPDATEs of a key that did not exist.
    UpdateWithoutMatch,
    /// DELETEs of a key that did not exist.
    DeleteWithoutMatch,
    /// Rows whose operation is switched off.
    OpDisabled,
    /// Keys with several operations in one window of a source that promises no order.
    OrderHazard,
    /// Updates that moved an event to another key.
    KeyChange,
    /// Rows without an operation, taken as the dialect's default.
    OpMissing,
    /// A file that turned up later but sorts before one already applied.
    LateFile,
    /// A known name whose content is another one now; it was not applied.
    ChangedAfterApply,
    /// Rows that a converter's `ignoreEventFlag` leaves out.
    EventIgnored,
    /// Rows whose event time is not in the source's scope.
    OutOfScope,
    /// Rows of a position that was applied before, in a batch that goes on beyond it.
    AlreadyApplied,
    /// Rows of JSON files with an object that stood in a string, and was read as the object.
    PropertiesWereString,
}

impl Counter {
    /// All counters, in the order of their codes.
    pub const ALL: [Counter; 15] = [
        Counter::TimeTruncated,
        Counter::KeyCollision,
        Counter::InsertConflict,
        Counter::UpdateWithoutMatch,
        Counter::DeleteWithoutMatch,
        Counter::OpDisabled,
        Counter::OrderHazard,
        Counter::KeyChange,
        Counter::OpMissing,
        Counter::LateFile,
        Counter::ChangedAfterApply,
        Counter::EventIgnored,
        Counter::OutOfScope,
        Counter::AlreadyApplied,
        Counter::PropertiesWereString,
    ];

    /// The public name, as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Counter::TimeTruncated => "time_truncated",
            Counter::KeyCollision => "key_collision",
            Counter::InsertConflict => "insert_conflict",
            Counter::UpdateWithoutMatch => "update_without_match",
            Counter::DeleteWithoutMatch => "delete_without_match",
            Counter::OpDisabled => "op_disabled",
            Counter::OrderHazard => "order_hazard",
            Counter::KeyChange => "key_change",
            Counter::OpMissing => "op_missing",
            Counter::LateFile => "late_file",
            Counter::ChangedAfterApply => "changed_after_apply",
            Counter::EventIgnored => "event_ignored",
            Counter::OutOfScope => "out_of_scope",
            Counter::AlreadyApplied => "already_applied",
            Counter::PropertiesWereString => "properties_were_string",
        }
    }
}

/// What became of the rows of a batch. The law of conservation holds for each batch:
/// `read = inserted + updated + deleted + unchanged + coalesced + without_effect + skipped + rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Change records read.
    pub read: u64,
    /// Keys that are new.
    pub inserted: u64,
    /// Keys that have another payload now.
    pub updated: u64,
    /// Keys that are gone.
    pub deleted: u64,
    /// Keys that had the payload already.
    pub unchanged: u64,
    /// Records that another record of the same key and batch outranks.
    pub coalesced: u64,
    /// Records that leave the store as it is: a delete of an absent key, or a policy that ignores the record.
    pub without_effect: u64,
    /// Records that were not to be applied: their operation is switched off, a converter leaves them out, their time is
    /// not in scope, or their position was applied before.
    pub skipped: u64,
    /// Records that a rule refused.
    pub rejected: u64,
    /// What else was seen.
    pub counters: BTreeMap<Counter, u64>,
    /// The rejected records by rule.
    pub rejections: BTreeMap<Rule, u64>,
    /// Billable events by the vendor's rule for the dialect.
    pub event_volume: u64,
}

impl Counts {
    /// Adds to a counter; zero leaves no trace.
    pub fn count(&mut self, counter: Counter, by: u64) {
        if by > 0 {
            *self.counters.entry(counter).or_default() += by;
        }
    }

    /// Counts rejected records.
    pub fn reject(&mut self, rule: Rule, by: u64) {
        if by > 0 {
            self.rejected += by;
            *self.rejections.entry(rule).or_default() += by;
        }
    }

    /// Adds the counts of another part or batch.
    pub fn add(&mut self, other: &Counts) {
        self.read += other.read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.unchanged += other.unchanged;
        self.coalesced += other.coalesced;
        self.without_effect += other.without_effect;
        self.skipped += other.skipped;
        self.event_volume += other.event_volume;
        other.counters.iter().for_each(|(counter, by)| self.count(*counter, *by));
        other.rejections.iter().for_each(|(rule, by)| self.reject(*rule, *by));
    }

    /// Whether the law of conservation holds.
    pub fn balances(&self) -> bool {
        let became = self.inserted
            + self.updated
            + self.deleted
            + self.unchanged
            + self.coalesced
            + self.without_effect
            + self.skipped
            + self.rejected;
        self.read == became && self.rejected == self.rejections.values().sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_vanishes_is_noticed() {
        let mut counts = Counts { read: 3, inserted: 1, coalesced: 1, ..Counts::default() };
        assert!(!counts.balances());
        counts.reject(Rule::Conflict, 1);
        assert!(counts.balances());
        let twice = counts.clone();
        counts.add(&twice);
        assert_eq!((counts.read, counts.rejections[&Rule::Conflict]), (6, 2));
        assert!(counts.balances());
    }

    #[test]
    fn names_are_unique() {
        let counters: std::collections::BTreeSet<_> = Counter::ALL.map(Counter::name).into();
        assert_eq!(counters.len(), Counter::ALL.len());
        let rules: std::collections::BTreeSet<_> = Rule::ALL.map(Rule::name).into();
        assert_eq!(rules.len(), Rule::ALL.len());
    }
}
