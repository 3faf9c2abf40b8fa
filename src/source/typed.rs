//! The member of a repair file's lines that holds columns with their types; see [`typed`].

use crate::error::{Error, ErrorKind, Result};
use crate::model::change::{Refused, TEXT_MEANING, TextMeaning};
use crate::model::rejection::Rule;
use crate::model::value::Value;
use crate::model::{row, text, typed};
use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Columns of the member by name: the values of the rows that have them.
type Columns = BTreeMap<String, HashMap<usize, Value>>;

/// Puts the columns of the member among the payload. Key fields and operations are found before this, so that a column
/// may have the name of one of them. Rows without the member stay as they are.
pub(super) fn unfold(
    batch: RecordBatch,
    payload: Arc<[usize]>,
    refused: &mut Vec<Refused>,
) -> Result<(RecordBatch, Arc<[usize]>)> {
    let schema = batch.schema();
    let is_member = |index: &usize| {
        let field = schema.field(*index);
        field.name() == typed::TYPED_COLUMNS && TextMeaning::of(field) == TextMeaning::JsonToken
    };
    let Some(member) = payload.iter().copied().find(is_member) else { return Ok((batch, payload)) };
    let mut columns = Columns::new();
    for (index, member) in batch.column(member).as_string::<i32>().iter().enumerate() {
        match member.map(typed::parse).transpose() {
            Ok(values) => values.into_iter().flatten().for_each(|(column, value)| {
                columns.entry(column).or_default().insert(index, value);
            }),
            Err(why) => refused.push(Refused {
                row: index,
                rule: Rule::ConversionFailed,
                detail: format!("{}: {why}", typed::TYPED_COLUMNS),
            }),
        }
    }
    let payload = payload.iter().copied().filter(|index| *index != member).collect();
    put(&batch, payload, columns)
        .map_err(|error| Error::new(ErrorKind::InvalidInput, "the rows form no table").because(error))
}

fn put(
    batch: &RecordBatch,
    mut payload: Vec<usize>,
    mut columns: Columns,
) -> std::result::Result<(RecordBatch, Arc<[usize]>), arrow::error::ArrowError> {
    let mut fields: Vec<FieldRef> = batch.schema_ref().fields().to_vec();
    let mut arrays: Vec<ArrayRef> = batch.columns().to_vec();
    for &index in &payload {
        let name = fields[index].name().clone();
        if let Some(values) = columns.remove(&name) {
            (fields[index], arrays[index]) = encoded(&name, Some(&arrays[index]), &values, batch.num_rows());
        }
    }
    for (name, values) in &columns {
        let (field, array) = encoded(name, None, values, batch.num_rows());
        payload.push(fields.len());
        fields.push(field);
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?;
    Ok((batch, payload.into()))
}

/// A column with the types of its values: those of the member, and the JSON tokens of the other rows.
fn encoded(name: &str, tokens: Option<&ArrayRef>, typed: &HashMap<usize, Value>, rows: usize) -> (FieldRef, ArrayRef) {
    let tokens = tokens.and_then(|array| array.as_string_opt::<i32>());
    let mut cells = BinaryBuilder::new();
    let mut scratch = String::new();
    for index in 0..rows {
        let token = tokens.filter(|tokens| tokens.is_valid(index)).map(|tokens| tokens.value(index));
        let mut cell = Vec::new();
        match (typed.get(&index), token) {
            (Some(value), _) => row::put(0, value.as_ref(), &mut cell),
            (None, Some(token)) => row::put(0, text::parse_token(token, &mut scratch), &mut cell),
            (None, None) => {
                cells.append_null();
                continue;
            }
        }
        cells.append_value(cell);
    }
    let meaning = TextMeaning::EncodedField.metadata().unwrap_or_default().to_owned();
    let metadata = HashMap::from([(TEXT_MEANING.to_owned(), meaning)]);
    let field = Field::new(name, DataType::Binary, true).with_metadata(metadata);
    (Arc::new(field), Arc::new(cells.finish()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::{InputFile, SourceOptions, parts};

    fn read(lines: &str) -> Vec<crate::model::change::ChangePart> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, lines).unwrap();
        parts(&InputFile::new(path, "a.json"), &SourceOptions::default()).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_typed_column_joins_the_ordinary_one_of_its_name() {
        let lines = "{\"user_id\":\"a\",\"insert_id\":\"1\",\"time\":1,\"at\":5}\n\
            {\"user_id\":\"a\",\"insert_id\":\"2\",\"time\":1,\
            \"eventmirror_columns\":{\"at\":{\"date\":7},\"time\":{\"value\":\"x\"}}}\n";
        let part = read(lines).remove(0);
        let names: Vec<&str> =
            part.payload.iter().map(|at| part.rows.schema_ref().field(*at).name().as_str()).collect();
        assert_eq!(names, ["at", "time"], "{:?}", part.rows.schema());
        assert_eq!((part.event_time.value(0), part.event_time.value(1)), (1_000, 1_000));
        let cells = part.rows.column(part.payload[0]).as_binary::<i32>();
        let value = |row| row::take(&mut cells.value(row)).unwrap().1.to_value();
        assert_eq!((value(0), value(1)), (Value::Int(5), Value::Date(7)));
        assert!(part.refused.is_empty());
    }

    #[test]
    fn a_member_that_cannot_be_read_refuses_its_row() {
        let lines = "{\"user_id\":\"a\",\"insert_id\":\"1\",\"time\":1,\"eventmirror_columns\":[]}\n{}\n";
        let part = read(lines).remove(0);
        assert_eq!((part.refused.len(), part.refused[0].row, part.refused[0].rule), (1, 0, Rule::ConversionFailed));
        assert!(part.refused[0].detail.starts_with("eventmirror_columns: "), "{:?}", part.refused);
    }
}
