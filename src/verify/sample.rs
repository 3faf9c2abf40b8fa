//! A difference with all there is to know of it.

use super::cause::Cause;
use super::extract::Place;
use crate::diff::Kind;
use crate::diff::columns::ColumnDifference;
use crate::model::key::EventKey;
use crate::model::position::Position;
use crate::model::rejection::Rule;
use crate::model::value::Event;

/// A difference with all there is to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// How the key differs.
    pub kind: Kind,
    /// The key.
    pub key: EventKey,
    /// The extract's row; the first of several.
    pub expected: Option<Event>,
    /// The mirror's row.
    pub actual: Option<Event>,
    /// The columns that differ, where both have a row.
    pub columns: Vec<ColumnDifference>,
    /// Why, where that is known.
    pub cause: Option<Cause>,
    /// The batch that the cause is about: the later or earlier one that left the key as the extract has it, the one that
    /// refused a row, the one with operations in no certain order.
    pub cause_batch: Option<Touched>,
    /// The rule that refused the row.
    pub rule: Option<Rule>,
    /// The mirror's time minus the extract's in the store's unit, where a near match differs in its time.
    pub offset: Option<i64>,
    /// Where the extract's row stands.
    pub place: Option<Place>,
    /// The batch that last wrote or deleted the key.
    pub touched: Option<Touched>,
}

/// A batch that wrote or deleted a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its commit sequence.
    pub sequence: u64,
    /// Its source.
    pub source: String,
    /// Its position: a file's name or a number.
    pub position: Position,
}

impl Sample {
    pub(super) fn new(kind: Kind, key: EventKey) -> Sample {
        Sample {
            kind,
            key,
            expected: None,
            actual: None,
            columns: Vec::new(),
            cause: None,
            cause_batch: None,
            rule: None,
            offset: None,
            place: None,
            touched: None,
        }
    }
}
