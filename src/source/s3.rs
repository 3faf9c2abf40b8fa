//! Mutation files as they are put on Amazon S3 for the vendor's Mirror Sync.
//!
//! ```text
//! {"mutation_type":"INSERT","user_id":"u-10003","insert_id":"ord-1003","time":1762214399999,"event_type":"Order Placed"}
//! {"mutation_type":"DELETE","user_id":"u-10002","insert_id":"ord-1002","time":1762161390000}
//! {"user_id":"u-10001","insert_id":"ord-1001","time":1762161300123,"event_type":"Order Placed"}     ← an UPDATE
//! ```
//!
//! | `mutation_type` | operation |
//! |---|---|
//! | `INSERT`, `UPDATE`, `DELETE` | that one; other case only with `--op-case insensitive`, other texts with `--op-alias` |
//! | absent, null, empty | UPDATE, counted as `op_missing` |
//! | anything else | unknown: `ingest` refuses it as `bad_mutation_type` |

use super::SourceOptions;
use super::dialect::{Arrays, Changes};
use super::labels::{Label, Labels};
use super::mapping::{ChangeColumn, ChangeField};
use crate::model::change::{Operation, Operations};
use crate::model::counts::Counter;

/// The only name that the vendor documents (for profiles).
pub(super) const COLUMNS: &[ChangeColumn] =
    &[ChangeColumn { field: ChangeField::Op, usual: &["mutation_type"], is_required: false }];

const LABELS: Labels =
    Labels(&[("INSERT", Operation::Insert), ("UPDATE", Operation::Update), ("DELETE", Operation::Delete)]);

/// The vendor's documented default: "If you don't provide a mutation type, the process defaults to UPDATE".
const MISSING_OPERATION: Operation = Operation::Update;

/// What the rows of a part do.
pub(super) fn changes(columns: &Arrays<'_>, options: &SourceOptions) -> Changes {
    let missing = |row: usize| (row, Counter::OpMissing);
    let Some(labels) = columns.labels(&LABELS, options) else {
        let notes = (0..columns.rows).map(missing).collect();
        return Changes { notes, ..Changes::in_order(Operations::All(MISSING_OPERATION)) };
    };
    let notes = labels.iter().enumerate().filter(|(_, label)| **label == Label::Missing).map(|(row, _)| missing(row));
    let notes = notes.collect();
    let operation = |label: Label| if label == Label::Missing { MISSING_OPERATION } else { label.operation() };
    let operations = labels.into_iter().map(operation).collect();
    Changes { notes, ..Changes::in_order(Operations::Each(operations)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::TextMeaning;
    use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray, StringArray};
    use std::sync::Arc;

    fn read(column: ArrayRef, json_tokens: bool, options: &SourceOptions) -> Vec<Operation> {
        let meaning = if json_tokens { TextMeaning::JsonToken } else { TextMeaning::Plain };
        let columns = vec![(ChangeField::Op, &column, meaning)];
        let changes = changes(&Arrays { rows: column.len(), first_place: 0, columns }, options);
        (0..column.len()).map(|row| changes.operations.get(row)).collect()
    }

    #[test]
    fn only_exact_upper_case_is_an_operation_and_nothing_means_update() {
        use Operation::*;
        let column = StringArray::from(vec![
            Some("INSERT"),
            Some("UPDATE"),
            Some("DELETE"),
            Some(""),
            None,
            Some("delete"),
            Some("UPSERT"),
            Some(" INSERT"),
        ]);
        let expected = [Insert, Update, Delete, Update, Update, Unknown, Unknown, Unknown];
        assert_eq!(read(Arc::new(column), false, &SourceOptions::default()), expected);
        let none = changes(&Arrays { rows: 2, first_place: 0, columns: Vec::new() }, &SourceOptions::default());
        assert!(matches!(none.operations, Operations::All(Update)));
        assert_eq!(none.notes, [(0, Counter::OpMissing), (1, Counter::OpMissing)]);
    }

    #[test]
    fn case_and_aliases_are_options() {
        use Operation::*;
        let column: ArrayRef = Arc::new(StringArray::from(vec!["delete", "Insert", "I", "i"]));
        let any_case = SourceOptions { op_case_insensitive: true, ..Default::default() };
        assert_eq!(read(column.clone(), false, &any_case), [Delete, Insert, Unknown, Unknown]);
        let alias = SourceOptions { op_aliases: vec![("I".to_owned(), Insert)], ..Default::default() };
        assert_eq!(read(column, false, &alias), [Unknown, Unknown, Insert, Unknown]);
    }

    #[test]
    fn what_is_no_text_is_no_operation() {
        use Operation::*;
        let options = SourceOptions::default();
        let tokens = StringArray::from(vec![Some("\"INSERT\""), Some("\"\""), None, Some("1"), Some("{}")]);
        assert_eq!(read(Arc::new(tokens), true, &options), [Insert, Update, Update, Unknown, Unknown]);
        let flags = BooleanArray::from(vec![Some(true), None]);
        assert_eq!(read(Arc::new(flags), false, &options), [Unknown, Update]);
        let bytes = BinaryArray::from_vec(vec![b"DELETE", b"\xff"]);
        assert_eq!(read(Arc::new(bytes), false, &options), [Delete, Unknown]);
    }
}
