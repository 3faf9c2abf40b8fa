//! Rows that a rule refused.

use super::change::RowPlace;
use serde::{Deserialize, Serialize};

/// Why a row was refused. The names are public: they stand in reports and in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Rule {
    /// `user_id` is null, absent or empty: anonymous events are not mirrored.
    MissingUserId,
    /// `insert_id` is null, absent or empty.
    MissingInsertId,
    /// The event time is null or absent.
    MissingEventTime,
    /// `user_id` is a number with a fraction, a boolean, or something else that is no id.
    BadUserId,
    /// `insert_id` is a number with a fraction, a boolean, or something else that is no id.
    BadInsertId,
    /// The event time cannot be read as a time.
    BadEventTime,
    /// `--id-rules amplitude`: shorter than five characters.
    UserIdTooShort,
    /// `--id-rules amplitude`: one of the literals that the vendor refuses.
    UserIdForbidden,
    /// The operation is none of the dialect's.
    BadMutationType,
    /// Two different puts on one key at the same sequence.
    Conflict,
    /// The user was forgotten, and the suppression is not lifted.
    SuppressedUser,
    /// `--on-insert-conflict reject`: an INSERT of a key that has another payload.
    InsertConflict,
    /// `--on-unmatched-update reject`: an UPDATE of a key that does not exist.
    UpdateWithoutMatch,
    /// The row is valid JSON but no object, so it has no fields.
    NotAnObject,
    /// A converter cannot make an event out of the row.
    ConversionFailed,
    /// The row changes properties of a user or a group (`$identify`, `$groupidentify`); that is no event.
    IdentifyEvent,
    /// What orders the changes (the commit version, the time of the change) is absent or cannot be read.
    BadSequence,
}

impl Rule {
    /// All rules, in the order of their codes.
    pub const ALL: [Rule; 17] = [
        Rule::MissingUserId,
        Rule::MissingInsertId,
        Rule::MissingEventTime,
        Rule::BadUserId,
        Rule::BadInsertId,
        Rule::BadEventTime,
        Rule::UserIdTooShort,
        Rule::UserIdForbidden,
        Rule::BadMutationType,
        Rule::Conflict,
        Rule::SuppressedUser,
        Rule::InsertConflict,
        Rule::UpdateWithoutMatch,
        Rule::NotAnObject,
        Rule::ConversionFailed,
        Rule::IdentifyEvent,
        Rule::BadSequence,
    ];

    /// The public name, as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Rule::MissingUserId => "missing_user_id",
            Rule::MissingInsertId => "missing_insert_id",
            Rule::MissingEventTime => "missing_event_time",
            Rule::BadUserId => "bad_user_id",
            Rule::BadInsertId => "bad_insert_id",
            Rule::BadEventTime => "bad_event_time",
            Rule::UserIdTooShort => "user_id_too_short",
            Rule::UserIdForbidden => "user_id_forbidden",
            Rule::BadMutationType => "bad_mutation_type",
            Rule::Conflict => "conflict",
            Rule::SuppressedUser => "suppressed_user",
            Rule::InsertConflict => "insert_conflict",
            Rule::UpdateWithoutMatch => "update_without_match",
            Rule::NotAnObject => "not_an_object",
            Rule::ConversionFailed => "conversion_failed",
            Rule::IdentifyEvent => "identify_event",
            Rule::BadSequence => "bad_sequence",
        }
    }
}

/// A refused row on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The rule that refused it.
    pub rule: Rule,
    /// Where it stood.
    pub place: RowPlace,
    /// What was found, for people.
    pub detail: String,
    /// The row as one JSON object (or, where it is none, its text as given).
    pub row: String,
}

impl Rejected {
    /// The row as the store keeps it. Where the batch has several files, the detail says which one it stood in.
    pub fn into_rejection(self, files: &[String]) -> Rejection {
        let Rejected { rule, place, mut detail, row } = self;
        if let (2.., Some(file)) = (files.len(), files.get(place.file())) {
            detail.push_str(" (in ");
            detail.push_str(file);
            detail.push(')');
        }
        Rejection { rule, row_number: place.row(), detail, row }
    }
}

/// A refused row, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The rule that refused it.
    pub rule: Rule,
    /// Line of a text file or row of a Parquet file, counted from 1.
    pub row_number: u64,
    /// What was found, for people: `"delete" is no operation`.
    pub detail: String,
    /// The row as one JSON object (or, where it is none, its text as given).
    pub row: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_one_of_several_files_names_it() {
        let rejected = Rejected {
            rule: Rule::Conflict,
            place: RowPlace::new(1, 7),
            detail: "why".to_owned(),
            row: "{}".to_owned(),
        };
        let files = ["a.csv", "b.csv"].map(str::to_owned);
        let kept = rejected.clone().into_rejection(&files);
        assert_eq!((kept.row_number, kept.detail.as_str()), (7, "why (in b.csv)"));
        let one = Rejected { place: RowPlace::new(0, 7), ..rejected };
        assert_eq!(one.into_rejection(&files[..1]).detail, "why");
    }
}
