//! Rows that a rule refused.

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
}

impl Rule {
    /// All rules, in the order of their codes.
    pub const ALL: [Rule; 16] = [
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
        }
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
