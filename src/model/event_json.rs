//! Events as JSON objects: what `scan` prints, and how a rejected row is shown.

use super::change::TextMeaning;
use super::schema::Schema;
use super::value::{Event, ValueRef};
use super::{key, row, text};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Names of the key fields in every output.
pub const KEY_FIELDS: [&str; 3] = ["user_id", "insert_id", "event_time"];

/// Appends an event as one JSON object: the key fields, then the columns that are not null. A column that is named like
/// a key field (where a map took the key from another one) gets an underscore, so that no name comes twice.
pub fn append_event(event: &Event, out: &mut String) {
    append_key(&event.key, out);
    event.columns.iter().for_each(|(name, value)| append_column(name, value.as_ref(), out));
    out.push('}');
}

fn append_column(name: &str, value: ValueRef<'_>, out: &mut String) {
    match KEY_FIELDS.contains(&name) {
        true => append_member(&format!("{name}_"), value, out),
        false => append_member(name, value, out),
    }
}

fn append_key(key: &key::EventKey, out: &mut String) {
    out.push('{');
    let values = [ValueRef::Text(&key.user_id), ValueRef::Text(&key.insert_id), ValueRef::Int(key.event_time)];
    KEY_FIELDS.iter().zip(values).for_each(|(name, value)| append_member(name, value, out));
}

fn append_member(name: &str, value: ValueRef<'_>, out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
    text::append_json(ValueRef::Text(name), out);
    out.push(':');
    text::append_json(value, out);
}

/// An encoded key and row as one JSON object.
pub fn encoded(key_bytes: &[u8], row_bytes: &[u8], schema: &Schema) -> String {
    let mut out = String::new();
    match key::decode(key_bytes) {
        Some(key) => append_key(&key, &mut out),
        None => out.push('{'),
    }
    for (column, value) in row::fields(row_bytes).flatten() {
        append_column(schema.name(column).unwrap_or("?"), value, &mut out);
    }
    out.push('}');
    out
}

/// One row of Arrow columns as a JSON object; nulls are left out.
pub fn arrow_row(rows: &RecordBatch, index: usize) -> String {
    let mut out = String::from("{");
    let schema = rows.schema();
    for (field, array) in schema.fields().iter().zip(rows.columns()) {
        if array.is_null(index) {
            continue;
        }
        let meaning = TextMeaning::of(field);
        match (array.data_type(), meaning) {
            (DataType::Utf8, TextMeaning::JsonToken) => {
                append_member(field.name(), ValueRef::Json(array.as_string::<i32>().value(index)), &mut out);
            }
            (DataType::Binary, TextMeaning::EncodedField) => {
                if let Some((_, value)) = row::take(&mut array.as_binary::<i32>().value(index)) {
                    append_member(field.name(), value, &mut out);
                }
            }
            _ => append_formatted(field.name(), array, index, &mut out),
        }
    }
    out.push('}');
    out
}

/// Numbers and booleans as JSON has them, everything else as the text that Arrow shows. Instants are shown in UTC: Arrow
/// knows no names of time zones here.
fn append_formatted(name: &str, array: &dyn Array, index: usize, out: &mut String) {
    if let DataType::Timestamp(unit, Some(zone)) = array.data_type()
        && **zone != *"+00:00"
    {
        let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
        if let Ok(array) = arrow::array::make_array(array.to_data()).into_data().into_builder().data_type(utc).build() {
            return append_formatted(name, &arrow::array::make_array(array), index, out);
        }
    }
    let options = FormatOptions::default();
    let shown = ArrayFormatter::try_new(array, &options).map(|shown| shown.value(index).to_string());
    let shown = shown.unwrap_or_else(|error| error.to_string());
    let is_number = array.data_type().is_numeric() && shown.parse::<f64>().is_ok_and(f64::is_finite);
    match is_number || *array.data_type() == DataType::Boolean {
        true => append_member(name, ValueRef::Json(&shown), out),
        false => append_member(name, ValueRef::Text(&shown), out),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::key::EventKey;
    use crate::model::value::Value;
    use arrow::array::{Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
    use std::sync::Arc;

    #[test]
    fn a_column_named_like_a_key_field_does_not_hide_it() {
        let event = Event::new(EventKey::new("u", "i", 1)).with("user_id", Value::Int(7)).with("b", Value::Bool(true));
        let mut out = String::new();
        append_event(&event, &mut out);
        assert_eq!(out, r#"{"user_id":"u","insert_id":"i","event_time":1,"user_id_":7,"b":true}"#);
    }

    #[test]
    fn a_row_of_columns_is_shown_without_its_nulls() {
        let times = TimestampMillisecondArray::from(vec![Some(0)]).with_timezone("Europe/Paris");
        let rows = RecordBatch::try_from_iter([
            ("text", Arc::new(StringArray::from(vec!["a\"b"])) as arrow::array::ArrayRef),
            ("null", Arc::new(StringArray::from(vec![None::<&str>])) as _),
            ("number", Arc::new(Float64Array::from(vec![1.5])) as _),
            ("time", Arc::new(times) as _),
        ]);
        let shown = arrow_row(&rows.unwrap(), 0);
        assert_eq!(shown, r#"{"text":"a\"b","number":1.5,"time":"1970-01-01T00:00:00Z"}"#);
    }
}
