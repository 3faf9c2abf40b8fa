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
//! | absent, null, empty | UPDATE |
//! | anything else | unknown: `ingest` refuses it as `bad_mutation_type` |

use super::SourceOptions;
use super::text::{Text, normalise, unescape};
use crate::model::change::{Operation, Operations};
use arrow::array::{Array, ArrayRef};
use std::borrow::Cow;

/// The only name that the vendor documents (for profiles).
pub(super) const OPERATION_COLUMNS: &[&str] = &["mutation_type"];

/// The vendor's documented default: "If you don't provide a mutation type, the process defaults to UPDATE".
const MISSING_OPERATION: Operation = Operation::Update;

const OPERATIONS: [(&str, Operation); 3] =
    [("INSERT", Operation::Insert), ("UPDATE", Operation::Update), ("DELETE", Operation::Delete)];

/// The operations of a part by its operation column.
pub(super) fn operations(column: Option<&ArrayRef>, json_tokens: bool, options: &SourceOptions) -> Operations {
    let Some(column) = column else { return Operations::All(MISSING_OPERATION) };
    let unknown =
        || (0..column.len()).map(|row| if column.is_null(row) { MISSING_OPERATION } else { Operation::Unknown });
    let Ok(normal) = normalise(column) else { return Operations::Each(unknown().collect()) };
    let Some(text) = Text::of(&normal.array) else { return Operations::Each(unknown().collect()) };
    let mut each: Vec<Operation> = (0..column.len())
        .map(|row| match text.get(row) {
            None => MISSING_OPERATION,
            Some(token) if json_tokens => of_token(token, options),
            Some(text) => of_text(text, options),
        })
        .collect();
    for row in normal.not_utf8 {
        if let Some(operation) = each.get_mut(row) {
            *operation = Operation::Unknown;
        }
    }
    Operations::Each(each)
}

fn of_token(token: &str, options: &SourceOptions) -> Operation {
    unescape(token).map_or(Operation::Unknown, |text: Cow<'_, str>| of_text(&text, options))
}

fn of_text(text: &str, options: &SourceOptions) -> Operation {
    if text.is_empty() {
        return MISSING_OPERATION;
    }
    let is = |name: &str| text == name || options.op_case_insensitive && text.eq_ignore_ascii_case(name);
    let aliases = options.op_aliases.iter().map(|(name, operation)| (name.as_str(), *operation));
    OPERATIONS.into_iter().chain(aliases).find(|(name, _)| is(name)).map_or(Operation::Unknown, |(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryArray, BooleanArray, StringArray};
    use std::sync::Arc;

    fn read(column: ArrayRef, json_tokens: bool, options: &SourceOptions) -> Vec<Operation> {
        let operations = operations(Some(&column), json_tokens, options);
        (0..column.len()).map(|row| operations.get(row)).collect()
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
        assert!(matches!(operations(None, false, &SourceOptions::default()), Operations::All(Update)));
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
