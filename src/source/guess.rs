//! Files of a warehouse's changes that would be read as S3 mutation files only because nobody named the dialect: each
//! of their rows would be an update.

use super::{Dialect, SourceOptions};
use crate::error::{Error, ErrorKind, Result};
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;

/// Columns that no table has but a warehouse's changes, and the dialect that has them.
const MARKS: [(&str, Dialect); 3] = [
    ("METADATA$ACTION", Dialect::Snowflake),
    ("_change_type", Dialect::Databricks),
    ("_CHANGE_TYPE", Dialect::Bigquery),
];

/// Errors, of kind `Usage`, where a header has a mark of a dialect that was not asked for.
pub(super) fn check_header(schema: &Schema, options: &SourceOptions) -> Result<()> {
    check(schema, |_| true, options)
}

/// The same for rows whose file has no header: there a column counts where it has a value.
pub(super) fn check_rows(rows: &RecordBatch, has_header: bool, options: &SourceOptions) -> Result<()> {
    let has_value = |column: usize| rows.columns().get(column).is_some_and(|array| array.null_count() < array.len());
    if has_header { Ok(()) } else { check(rows.schema_ref(), has_value, options) }
}

fn check(schema: &Schema, counts: impl Fn(usize) -> bool, options: &SourceOptions) -> Result<()> {
    if options.is_dialect_given || options.dialect != Dialect::S3 {
        return Ok(());
    }
    let find = |is_it: &dyn Fn(&str) -> bool| {
        let mut fields = schema.fields().iter().enumerate();
        fields.find(|(column, field)| is_it(field.name()) && counts(*column)).map(|(_, field)| field.name().as_str())
    };
    let marked = MARKS.iter().find_map(|(mark, dialect)| Some((find(&|name| name == *mark)?, *dialect)));
    let any_case =
        || MARKS.iter().find_map(|(mark, dialect)| Some((find(&|name| name.eq_ignore_ascii_case(mark))?, *dialect)));
    let Some((column, dialect)) = marked.or_else(any_case) else { return Ok(()) };
    let own = Dialect::S3.change_columns().iter().flat_map(|column| column.usual);
    let text = match own.clone().find_map(|usual| find(&|name| name.eq_ignore_ascii_case(usual))) {
        Some(other) => format!(
            "ambiguous_source: the file has both {other} and {column}, so it may be of the dialect {} or {}",
            Dialect::S3.name(),
            dialect.name()
        ),
        None => format!("ambiguous_source: the file has {column}, a column of the dialect {}", dialect.name()),
    };
    Err(Error::new(ErrorKind::Usage, text).advice("say which dialect it is with --dialect"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use arrow::datatypes::{DataType, Field};
    use std::sync::Arc;

    fn schema(names: &[&str]) -> Schema {
        Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>())
    }

    #[test]
    fn a_file_that_fits_two_dialects_needs_to_be_told_apart() {
        let options = SourceOptions::default();
        let error = check_header(&schema(&["mutation_type", "_change_type"]), &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let text = error.to_string();
        assert!(["mutation_type", "_change_type", "s3", "databricks", "--dialect"].iter().all(|t| text.contains(t)));
        let error = check_header(&schema(&["Metadata$Action"]), &options).unwrap_err();
        assert!(error.to_string().contains("snowflake"), "{error}");
        let error = check_header(&schema(&["_CHANGE_TYPE"]), &options).unwrap_err();
        assert!(error.to_string().contains("bigquery"), "{error}");
        check_header(&schema(&["mutation_type", "change_type"]), &options).unwrap();
        let given = SourceOptions { is_dialect_given: true, ..SourceOptions::default() };
        check_header(&schema(&["mutation_type", "_change_type"]), &given).unwrap();
    }

    #[test]
    fn without_a_header_only_values_tell() {
        let rows = |value: Option<&str>| {
            let column: ArrayRef = Arc::new(StringArray::from(vec![value]));
            RecordBatch::try_new(Arc::new(schema(&["_change_type"])), vec![column]).unwrap()
        };
        check_rows(&rows(None), false, &SourceOptions::default()).unwrap();
        check_rows(&rows(Some("\"insert\"")), true, &SourceOptions::default()).unwrap();
        assert!(check_rows(&rows(Some("\"insert\"")), false, &SourceOptions::default()).is_err());
    }
}
