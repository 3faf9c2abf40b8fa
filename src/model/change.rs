//! What a source hands to `ingest`: Arrow rows with an operation, a key and a place.

use super::counts::Counter;
use super::position::BatchPosition;
use super::rejection::Rule;
use crate::error::Result;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute;
use arrow::error::ArrowError;
use std::sync::Arc;

/// Arrow field metadata that says how the text of a payload column is meant; see [`TextMeaning`].
pub const TEXT_MEANING: &str = "eventmirror.text";

/// Arrow field metadata with the name that a payload column has in the table, where that is not the field's.
pub const COLUMN_NAME: &str = "eventmirror.column";

/// The name that a payload column has in the table.
pub fn column_name(field: &arrow::datatypes::Field) -> &str {
    field.metadata().get(COLUMN_NAME).map_or(field.name(), String::as_str)
}

/// How the text of a Utf8 payload column is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMeaning {
    /// Plain text. No metadata.
    Plain,
    /// Each value is the text of one JSON value as it stood in the file (`"a"`, `62.0`, `{"b": 1}`, `true`), without
    /// white space around it. The file reader has checked that it is valid JSON. JSON null is an Arrow null.
    JsonToken,
    /// Each value is text that may hold a JSON object or array; where it does not, it is plain text.
    JsonText,
    /// On a Binary column: each value is one field of the [row codec](super::row), whose column id means nothing.
    /// How events that a program builds keep their exact types.
    EncodedField,
}

impl TextMeaning {
    /// The metadata value, `None` for plain text.
    pub fn metadata(self) -> Option<&'static str> {
        match self {
            TextMeaning::Plain => None,
            TextMeaning::JsonToken => Some("json_token"),
            TextMeaning::JsonText => Some("json_text"),
            TextMeaning::EncodedField => Some("encoded_field"),
        }
    }

    /// The meaning of a field's text.
    pub fn of(field: &arrow::datatypes::Field) -> TextMeaning {
        match field.metadata().get(TEXT_MEANING).map(String::as_str) {
            Some("json_token") => TextMeaning::JsonToken,
            Some("json_text") => TextMeaning::JsonText,
            Some("encoded_field") => TextMeaning::EncodedField,
            _ => TextMeaning::Plain,
        }
    }
}

/// The operation of one change record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Adds an event.
    Insert,
    /// Replaces an event.
    Update,
    /// Removes an event.
    Delete,
    /// The old half of an update: a delete of its key unless the same update puts that key again.
    PreImage,
    /// None of the dialect's operations: refused as `bad_mutation_type`.
    Unknown,
    /// None at all: the row is to be left out, and is counted as `event_ignored`.
    Ignored,
}

/// The operations of a part's rows.
#[derive(Debug, Clone)]
pub enum Operations {
    /// One for all rows.
    All(Operation),
    /// One a row.
    Each(Vec<Operation>),
}

impl Operations {
    /// The operation of a row.
    pub fn get(&self, row: usize) -> Operation {
        match self {
            Operations::All(operation) => *operation,
            Operations::Each(operations) => operations[row],
        }
    }

    /// The operations of `rows` rows, of which those at these indices are left out.
    pub fn without(self, ignored: &[usize], rows: usize) -> Operations {
        if ignored.is_empty() {
            return self;
        }
        let mut each: Vec<Operation> = (0..rows).map(|row| self.get(row)).collect();
        for row in ignored {
            if let Some(operation) = each.get_mut(*row) {
                *operation = Operation::Ignored;
            }
        }
        Operations::Each(each)
    }
}

/// Line or row numbers of a part's rows in their file, counted from 1.
#[derive(Debug, Clone)]
pub enum RowNumbers {
    /// The first row's number; the others follow one by one.
    From(u64),
    /// One a row, rising.
    Each(Vec<u64>),
}

impl RowNumbers {
    /// The number of a row.
    pub fn get(&self, row: usize) -> u64 {
        match self {
            RowNumbers::From(first) => first + row as u64,
            RowNumbers::Each(numbers) => numbers[row],
        }
    }
}

/// Where a row of a batch stood: which of the batch's files, and which line or row of it. Places sort in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RowPlace(u64);

impl RowPlace {
    const ROW_BITS: u32 = 40;
    /// Files that a batch may have.
    pub const MOST_FILES: usize = 1 << (u64::BITS - Self::ROW_BITS);

    /// The place of a row, counted from 1, in the file with an index below [`MOST_FILES`](Self::MOST_FILES). Rows
    /// beyond 2⁴⁰ of one file share a place.
    pub fn new(file: u32, row: u64) -> RowPlace {
        RowPlace(u64::from(file) << Self::ROW_BITS | row.min((1 << Self::ROW_BITS) - 1))
    }

    /// Index of the file.
    pub fn file(self) -> usize {
        (self.0 >> Self::ROW_BITS) as usize
    }

    /// Line or row in its file.
    pub fn row(self) -> u64 {
        self.0 & ((1 << Self::ROW_BITS) - 1)
    }

    /// The place as one number, for temporary files.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The place of [`to_bits`](RowPlace::to_bits).
    pub fn from_bits(bits: u64) -> RowPlace {
        RowPlace(bits)
    }
}

/// A row that the source cannot turn into a change record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Index of the row in its part.
    pub row: usize,
    /// Why.
    pub rule: Rule,
    /// What was found, for people.
    pub detail: String,
}

/// Some rows of a change batch: a slice of a file, decoded.
///
/// All arrays have as many entries as `rows` has rows.
#[derive(Debug, Clone)]
pub struct ChangePart {
    /// All columns as they were read, in the file's order; a rejected row is shown with all of them.
    pub rows: RecordBatch,
    /// Indices of the columns of `rows` that are payload: neither a key field nor the dialect's own columns.
    pub payload: Arc<[usize]>,
    /// User ids: Utf8, LargeUtf8, Utf8View, or a dictionary of Utf8.
    pub user_id: ArrayRef,
    /// Insert ids, likewise.
    pub insert_id: ArrayRef,
    /// Event times in microseconds since 1970-01-01T00:00:00Z, floored.
    pub event_time: Int64Array,
    /// Nanoseconds that flooring to microseconds cut off, one a row; empty where it cut nothing off.
    pub sub_micros: Vec<u16>,
    /// The operations.
    pub operations: Operations,
    /// Order of the changes within the batch where the dialect has one (commit version, change time); the order of
    /// the rows otherwise.
    pub sequence: Option<Vec<u64>>,
    /// What joins the two halves of an update (a hash of the warehouse's row id), where the dialect has it.
    pub pair: Option<Vec<u128>>,
    /// Which of the batch's files the rows are of.
    pub file: u32,
    /// Where the rows stood in their file.
    pub row_numbers: RowNumbers,
    /// Rows without a usable key, with the reason; rising by row. Their other entries mean nothing.
    pub refused: Vec<Refused>,
    /// What is counted of a row if it is accepted, with the index of the row; rising by row.
    pub notes: Vec<(usize, Counter)>,
}

impl ChangePart {
    /// Where a row stood.
    pub fn place(&self, row: usize) -> RowPlace {
        RowPlace::new(self.file, self.row_numbers.get(row))
    }
}

impl ChangePart {
    /// These rows alone, without their notes. None of them may be a refused one.
    ///
    /// # Errors
    /// Where Arrow cannot gather a column.
    pub fn take(&self, rows: &[usize]) -> Result<ChangePart, ArrowError> {
        let indices = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
        let each = |row: &usize| self.operations.get(*row);
        let gathered = |column: &dyn Array| compute::take(column, &indices, None);
        Ok(ChangePart {
            rows: compute::take_record_batch(&self.rows, &indices)?,
            payload: self.payload.clone(),
            user_id: gathered(&self.user_id)?,
            insert_id: gathered(&self.insert_id)?,
            event_time: gathered(&self.event_time)?.as_primitive().clone(),
            sub_micros: rows.iter().filter_map(|row| self.sub_micros.get(*row).copied()).collect(),
            operations: Operations::Each(rows.iter().map(each).collect()),
            sequence: self.sequence.as_ref().map(|all| rows.iter().map(|row| all[*row]).collect()),
            pair: self.pair.as_ref().map(|all| rows.iter().map(|row| all[*row]).collect()),
            file: self.file,
            row_numbers: RowNumbers::Each(rows.iter().map(|row| self.row_numbers.get(*row)).collect()),
            refused: Vec::new(),
            notes: Vec::new(),
        })
    }
}

/// How a dialect's rows make up a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    /// Each accepted operation counts on its own, and several on one key are an order hazard (S3).
    Operations,
    /// The window has one net effect a key (warehouses, backfill).
    Net,
}

/// The unit of atomicity: one sync window, one file, or one commit range.
pub struct ChangeBatch {
    /// The name of the source, the scope of its positions.
    pub source: String,
    /// Where the batch stands in its source.
    pub position: BatchPosition,
    /// How its rows make up a window.
    pub window: WindowKind,
    /// Where a numbered batch covers several numbers: the first of them. The sequence of each of its rows is then such
    /// a number, and rows up to the source's watermark, which were applied before, are skipped.
    pub first: Option<u64>,
    /// Names of the files that the rows are of; rejected rows name theirs where there are several.
    pub files: Arc<[String]>,
    /// The rows, decoded as they are asked for.
    pub parts: Parts,
}

/// The rows of a batch, decoded as they are asked for.
pub type Parts = Box<dyn Iterator<Item = Result<ChangePart>> + Send>;

impl ChangeBatch {
    /// A batch that covers one position, of rows that are of no file or of one.
    pub fn new(
        source: impl Into<String>,
        position: impl Into<BatchPosition>,
        window: WindowKind,
        parts: Parts,
    ) -> ChangeBatch {
        ChangeBatch {
            source: source.into(),
            position: position.into(),
            window,
            first: None,
            files: Arc::default(),
            parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_sort_by_file_then_row() {
        let place = RowPlace::new(3, 7);
        assert_eq!((place.file(), place.row()), (3, 7));
        assert!(RowPlace::new(0, u64::MAX) < RowPlace::new(1, 0));
        assert_eq!(RowPlace::new(1, u64::MAX).file(), 1);
        assert_eq!(RowPlace::new(RowPlace::MOST_FILES as u32 - 1, 1).file(), RowPlace::MOST_FILES - 1);
        assert_eq!(RowPlace::from_bits(place.to_bits()), place);
    }
}
