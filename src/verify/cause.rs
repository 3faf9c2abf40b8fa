//! Why a key differs, where the store knows.
//!
//! The first line that holds is the cause; where none does, there is no cause.
//!
//! | kind | known | cause |
//! |---|---|---|
//! | missing | the user was forgotten | `suppressed` |
//! | any | the extract has different rows with the key | `duplicate_in_extract` |
//! | any | the event time is none that the mirror is responsible for (`--scope`) | `out_of_scope` |
//! | any | a later commit than the one that is verified left the key as the extract has it | `pending` |
//! | any | an earlier commit had left the key as the extract has it | `stale` |
//! | missing, mismatched | since the last commit that wrote or deleted the key, a rule refused a row with it | `rejected` |
//! | any | the last commit that wrote or deleted the key had several operations on it, whose order nobody knows | `indeterminate` |
//! | mismatched | all columns that differ mean the same in another type | `type_drift` |
//! | missing, unexpected | the other side has the event with another time | `key_near_match` |
//! | missing / mismatched / unexpected | the mirror takes no INSERT / UPDATE / DELETE (`--ops`) | `op_disabled` |
//! | missing | the event is later than the last commit, so that no applied batch can have had it | `pending` |
//!
//! Behind the horizon of a collection (`gc`) earlier versions are gone, and deleted keys have none. So `stale` may not be
//! known, and a line below it may be the first that holds; each still says what is true. Of a key without a version
//! nobody knows whether it was deleted, as late as the horizon: only what was refused after it, or of uncertain order
//! from it on, counts for `rejected` and `indeterminate`.
//!
//! `pending` and `stale` by commits are facts about the mirror's history: the row hashes are equal. Which of the two
//! sides is right they do not say. Near matches are known when all keys that differ are; so causes come in two halves,
//! [before](Facts::cause) and [after](Facts::fallback) that line.

use crate::diff::Kind;
use crate::ingest::EnabledOperations;

/// Why a key differs (`spec/amplitude.md` section 12.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// What the extract has comes, or came, with a later batch.
    Pending,
    /// The extract has what the key was before a batch changed it.
    Stale,
    /// A rule refused the row.
    Rejected,
    /// The user was forgotten; the rows are kept out of the mirror on purpose.
    Suppressed,
    /// The extract has different rows with this key.
    DuplicateInExtract,
    /// The other side has an event with the same user and insert id, and another time.
    KeyNearMatch,
    /// The mirror is not responsible for the event's time.
    OutOfScope,
    /// The mirror does not take the operation that would have made it equal.
    OpDisabled,
    /// Several operations on the key stood in one window of a source that promises no order.
    Indeterminate,
    /// The columns differ in nothing but their type: `20` and `"20"`.
    TypeDrift,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 10] = [
        Cause::Pending,
        Cause::Stale,
        Cause::Rejected,
        Cause::Suppressed,
        Cause::DuplicateInExtract,
        Cause::KeyNearMatch,
        Cause::OutOfScope,
        Cause::OpDisabled,
        Cause::Indeterminate,
        Cause::TypeDrift,
    ];

    /// The public name.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Pending => "pending",
            Cause::Stale => "stale",
            Cause::Rejected => "rejected",
            Cause::Suppressed => "suppressed",
            Cause::DuplicateInExtract => "duplicate_in_extract",
            Cause::KeyNearMatch => "key_near_match",
            Cause::OutOfScope => "out_of_scope",
            Cause::OpDisabled => "op_disabled",
            Cause::Indeterminate => "indeterminate",
            Cause::TypeDrift => "type_drift",
        }
    }

    /// Whether the mirror did what it should: the difference comes from the extract, from a rule that was asked for, or
    /// from an order that nobody knows.
    pub fn is_harmless(self) -> bool {
        match self {
            Cause::Pending
            | Cause::Suppressed
            | Cause::DuplicateInExtract
            | Cause::OutOfScope
            | Cause::OpDisabled
            | Cause::Indeterminate => true,
            Cause::Stale | Cause::Rejected | Cause::KeyNearMatch | Cause::TypeDrift => false,
        }
    }
}

/// What is known of a key that differs.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) is_suppressed: bool,
    pub(super) is_ambiguous: bool,
    pub(super) is_out_of_scope: bool,
    /// The first later commit that left the key as the extract has it.
    pub(super) shown_later: Option<u64>,
    /// The last earlier commit that had left the key as the extract has it.
    pub(super) shown_earlier: Option<u64>,
    /// The last commit that wrote or deleted the key.
    pub(super) touched: Option<u64>,
    /// The commit up to which tombstones are gone, where they are.
    pub(super) horizon: Option<u64>,
    /// The last commit that refused a row with the key.
    pub(super) rejected: Option<u64>,
    /// The last commit that had several operations on the key in no certain order.
    pub(super) hazard: Option<u64>,
    pub(super) is_type_drift: bool,
    /// The event is later than the last commit.
    pub(super) is_recent: bool,
}

impl Facts {
    /// The cause by the lines before that of near matches, and the commit that it is about.
    pub(super) fn cause(&self, kind: Kind) -> Option<(Cause, Option<u64>)> {
        let touched = self.touched.or(self.horizon);
        let rejected = self.rejected.filter(|at| kind != Kind::Unexpected && touched < Some(*at));
        let hazard = self.hazard.filter(|at| touched <= Some(*at));
        if self.is_suppressed && kind == Kind::Missing {
            return Some((Cause::Suppressed, None));
        }
        if self.is_ambiguous {
            return Some((Cause::DuplicateInExtract, None));
        }
        if self.is_out_of_scope {
            return Some((Cause::OutOfScope, None));
        }
        let by_commits = [
            (Cause::Pending, self.shown_later),
            (Cause::Stale, self.shown_earlier),
            (Cause::Rejected, rejected),
            (Cause::Indeterminate, hazard),
        ];
        if let Some((cause, at)) = by_commits.into_iter().find(|(_, at)| at.is_some()) {
            return Some((cause, at));
        }
        self.is_type_drift.then_some((Cause::TypeDrift, None))
    }

    /// The cause by the lines after that of near matches.
    pub(super) fn fallback(&self, kind: Kind, operations: EnabledOperations) -> Option<Cause> {
        let is_enabled = match kind {
            Kind::Missing => operations.insert,
            Kind::Mismatched => operations.update,
            Kind::Unexpected => operations.delete,
        };
        match is_enabled {
            false => Some(Cause::OpDisabled),
            true => (self.is_recent && kind == Kind::Missing).then_some(Cause::Pending),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::{Mismatched, Missing, Unexpected};

    fn cause(kind: Kind, facts: &Facts) -> Option<Cause> {
        facts.cause(kind).map(|(cause, _)| cause)
    }

    /// Everything at once: the lines that are crossed out leave the next one.
    fn all() -> Facts {
        Facts {
            is_suppressed: true,
            is_ambiguous: true,
            is_out_of_scope: true,
            shown_later: Some(9),
            shown_earlier: Some(1),
            touched: Some(3),
            horizon: None,
            rejected: Some(4),
            hazard: Some(3),
            is_type_drift: true,
            is_recent: true,
        }
    }

    #[test]
    fn the_first_line_that_holds_is_the_cause() {
        let mut facts = all();
        assert_eq!(cause(Missing, &facts), Some(Cause::Suppressed));
        assert_eq!(cause(Mismatched, &facts), Some(Cause::DuplicateInExtract));
        facts.is_suppressed = false;
        assert_eq!(cause(Missing, &facts), Some(Cause::DuplicateInExtract));
        facts.is_ambiguous = false;
        assert_eq!(cause(Unexpected, &facts), Some(Cause::OutOfScope));
        facts.is_out_of_scope = false;
        assert_eq!(facts.cause(Unexpected), Some((Cause::Pending, Some(9))));
        facts.shown_later = None;
        assert_eq!(facts.cause(Missing), Some((Cause::Stale, Some(1))));
        facts.shown_earlier = None;
        assert_eq!(facts.cause(Missing), Some((Cause::Rejected, Some(4))));
        assert_eq!(cause(Unexpected, &facts), Some(Cause::Indeterminate), "a refused row would not have deleted it");
        facts.rejected = Some(3);
        assert_eq!(facts.cause(Mismatched), Some((Cause::Indeterminate, Some(3))), "a later row decided about it");
        facts.hazard = Some(2);
        assert_eq!(cause(Mismatched, &facts), Some(Cause::TypeDrift), "a later batch decided about it");
        facts.is_type_drift = false;
        assert_eq!(cause(Mismatched, &facts), None);
    }

    #[test]
    fn a_key_that_no_commit_touched_is_rejected_or_in_hazard_all_the_same() {
        let facts = Facts { rejected: Some(1), ..Facts::default() };
        assert_eq!(cause(Missing, &facts), Some(Cause::Rejected));
        let facts = Facts { hazard: Some(1), ..Facts::default() };
        assert_eq!(cause(Missing, &facts), Some(Cause::Indeterminate));
    }

    #[test]
    fn a_tombstone_may_be_gone_up_to_the_horizon() {
        let of = |rejected, hazard| Facts { rejected, hazard, horizon: Some(5), ..Facts::default() };
        assert_eq!(cause(Missing, &of(Some(5), Some(4))), None, "the key may have been deleted since");
        assert_eq!(cause(Missing, &of(Some(6), None)), Some(Cause::Rejected));
        assert_eq!(cause(Missing, &of(None, Some(5))), Some(Cause::Indeterminate), "no later commit touched it");
        let there = Facts { touched: Some(2), ..of(Some(3), None) };
        assert_eq!(cause(Mismatched, &there), Some(Cause::Rejected), "the newest version is never removed");
    }

    #[test]
    fn what_is_left_may_be_switched_off_or_too_new() {
        let on = EnabledOperations::default();
        let off = EnabledOperations { insert: false, update: false, delete: false };
        for kind in [Missing, Mismatched, Unexpected] {
            assert_eq!(all().fallback(kind, off), Some(Cause::OpDisabled));
        }
        assert_eq!(all().fallback(Missing, on), Some(Cause::Pending));
        assert_eq!(all().fallback(Unexpected, on), None);
        assert_eq!(Facts::default().fallback(Missing, on), None);
        assert_eq!(
            Facts::default().fallback(Missing, EnabledOperations { insert: false, ..on }),
            Some(Cause::OpDisabled)
        );
        assert_eq!(Facts::default().fallback(Unexpected, EnabledOperations { insert: false, ..on }), None);
    }
}
