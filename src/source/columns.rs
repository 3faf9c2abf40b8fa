//! Columns as the table has them: their names, and objects that stand in strings.

use super::text::unescape;
use super::{ColumnNames, Dialect, SourceOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::{COLUMN_NAME, TextMeaning};
use crate::model::counts::Counter;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, StringBuilder};
use arrow::datatypes::{Field, Schema};
use serde::de::IgnoredAny;
use std::sync::Arc;

/// Rows whose payload columns are as the table has them.
pub(super) struct Named {
    pub(super) rows: RecordBatch,
    /// What is counted of the rows, with the index of the row.
    pub(super) strings: Vec<(usize, Counter)>,
}

/// Gives the payload columns of a part their names in the table, and takes objects out of the strings of JSON files.
pub(super) fn name(rows: RecordBatch, payload: &[usize], options: &SourceOptions) -> Result<Named> {
    let mut fields: Vec<Arc<Field>> = rows.schema_ref().fields().iter().cloned().collect();
    let mut arrays: Vec<ArrayRef> = rows.columns().to_vec();
    let (mut is_changed, mut strings) = (false, Vec::new());
    for index in payload {
        let (Some(field), Some(array)) = (fields.get_mut(*index), arrays.get_mut(*index)) else { continue };
        if let Some(unquoted) = without_strings(field, array, options, &mut strings) {
            *array = unquoted;
            is_changed = true;
        }
        if let Some(name) = name_in_table(field.name(), options) {
            let mut metadata = field.metadata().clone();
            metadata.insert(COLUMN_NAME.to_owned(), name);
            *field = Arc::new(Field::clone(field).with_metadata(metadata));
            is_changed = true;
        }
    }
    if !is_changed {
        return Ok(Named { rows, strings });
    }
    let count = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &count)
        .map_err(|e| Error::new(ErrorKind::InvalidInput, "the columns form no table").because(e))?;
    Ok(Named { rows, strings })
}

/// The table's name of a column, where it is not the file's: Snowflake turns names that are not quoted into upper case,
/// and the vendor asks for lower case.
fn name_in_table(name: &str, options: &SourceOptions) -> Option<String> {
    let names = options.column_names.unwrap_or(match options.dialect {
        Dialect::Snowflake => ColumnNames::Lower,
        _ => ColumnNames::AsIs,
    });
    let folds = names == ColumnNames::Lower && !name.chars().any(char::is_lowercase);
    folds.then(|| name.to_lowercase()).filter(|lower| lower != name)
}

/// A column of JSON tokens that holds objects, where some of them stand in strings: with those taken out of them.
fn without_strings(
    field: &Field,
    array: &ArrayRef,
    options: &SourceOptions,
    strings: &mut Vec<(usize, Counter)>,
) -> Option<ArrayRef> {
    // What a converter makes is what it says.
    let is_meant = options.converter.is_none()
        && TextMeaning::of(field) == TextMeaning::JsonToken
        && options.mapping.text_meaning(field.name()) == TextMeaning::JsonText;
    let tokens: &StringArray = if is_meant { array.as_string_opt()? } else { return None };
    let objects: Vec<(usize, String)> = (0..tokens.len())
        .filter(|row| tokens.is_valid(*row))
        .filter_map(|row| Some((row, object_in(tokens.value(row))?)))
        .collect();
    if objects.is_empty() {
        return None;
    }
    strings.extend(objects.iter().map(|(row, _)| (*row, Counter::PropertiesWereString)));
    // A row counts once, however many of its columns are strings.
    strings.sort_unstable_by_key(|(row, _)| *row);
    strings.dedup();
    let mut taken_out = objects.into_iter().peekable();
    let mut out = StringBuilder::with_capacity(tokens.len(), tokens.value_data().len());
    for (row, token) in tokens.iter().enumerate() {
        match taken_out.next_if(|(of, _)| *of == row) {
            Some((_, object)) => out.append_value(object),
            None => out.append_option(token),
        }
    }
    Some(Arc::new(out.finish()))
}

/// The JSON object or array in a string token.
fn object_in(token: &str) -> Option<String> {
    let inner = token.strip_prefix('"')?.trim_ascii_start();
    if !inner.starts_with(['{', '[', '\\']) {
        return None;
    }
    let text = unescape(token)?;
    let text = text.trim_ascii();
    let is_json = text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok();
    is_json.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table_name(name: &str, dialect: Dialect, column_names: Option<ColumnNames>) -> Option<String> {
        name_in_table(name, &SourceOptions { dialect, column_names, ..Default::default() })
    }

    #[test]
    fn names_in_upper_case_are_folded_where_they_mean_no_case() {
        let folded = |name| table_name(name, Dialect::Snowflake, None);
        assert_eq!(folded("EVENT_TYPE").as_deref(), Some("event_type"));
        assert_eq!(folded("A$1").as_deref(), Some("a$1"));
        for name in ["event_type", "eventType", "_1", "ÄÖß"] {
            assert_eq!(folded(name), None, "{name}");
        }
        assert_eq!(table_name("X", Dialect::S3, None), None);
        assert_eq!(table_name("X", Dialect::S3, Some(ColumnNames::Lower)).as_deref(), Some("x"));
        assert_eq!(table_name("X", Dialect::Snowflake, Some(ColumnNames::AsIs)), None);
    }

    #[test]
    fn an_object_in_a_string_is_taken_out_and_nothing_else_is() {
        for (token, expected) in [
            (r#""{\"total\":\"7\"}""#, Some(r#"{"total":"7"}"#)),
            (r#"" [1, 2] ""#, Some("[1, 2]")),
            (r#""{""#, None),
            (r#""{} {}""#, None),
            (r#""1""#, None),
            (r#""text""#, None),
            (r#"{"a":1}"#, None),
            (r#""\ud800{}""#, None),
        ] {
            assert_eq!(object_in(token).as_deref(), expected, "{token}");
        }
    }
}
