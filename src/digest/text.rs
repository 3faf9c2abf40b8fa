//! The canonical text of a row, and its MD5 hash.

use super::columns::DigestColumn;
use super::form::{self, Form};
use crate::model::key::EventKey;
use crate::model::plain_number;
use crate::model::row::{self, BadRow};
use crate::model::schema::Schema;
use crate::model::value::ValueRef;
use md5::{Digest, Md5};
use std::fmt::Write;

const NULL: char = '-';
/// A value that no warehouse's column of this form has. No SQL writes it, so that the bucket differs, whatever the
/// warehouse has there, and the rows decide.
const INCOMPARABLE: char = '?';

/// Writes the texts of rows, one after the other, with memory that it uses again.
#[derive(Debug)]
pub struct RowText<'a> {
    columns: &'a [DigestColumn],
    /// The place of each column id of the store in `columns`.
    places: Vec<Option<usize>>,
    /// A field of the row for each of `columns`.
    fields: Vec<String>,
    value: String,
    text: String,
    /// Values so far that cannot be compared.
    incomparable: u64,
}

impl<'a> RowText<'a> {
    /// For rows with the columns of `schema`.
    pub fn new(columns: &'a [DigestColumn], schema: &Schema) -> Self {
        let place = |name: &str| columns.iter().position(|column| column.name == name);
        RowText {
            columns,
            places: schema.columns().iter().map(|column| place(&column.name)).collect(),
            fields: vec![String::new(); columns.len()],
            value: String::new(),
            text: String::new(),
            incomparable: 0,
        }
    }

    /// The MD5 hash of the text of a row.
    ///
    /// # Errors
    /// Where the bytes are no row of this schema.
    pub fn hash(&mut self, key: &EventKey, row: &[u8]) -> Result<[u8; 16], BadRow> {
        self.fields.iter_mut().for_each(String::clear);
        for field in row::fields(row) {
            let (id, value) = field?;
            if let Some(place) = *self.places.get(id as usize).ok_or(BadRow)? {
                self.value.clear();
                match append(self.columns[place].form, value, &mut self.value) {
                    true => put(&self.value, &mut self.fields[place]),
                    false => {
                        self.incomparable += 1;
                        self.fields[place].push(INCOMPARABLE);
                    }
                }
            }
        }
        self.text.clear();
        put(&key.user_id, &mut self.text);
        put(&key.insert_id, &mut self.text);
        self.value.clear();
        show(key.event_time, &mut self.value);
        put(&self.value, &mut self.text);
        for field in &self.fields {
            match field.is_empty() {
                true => self.text.push(NULL),
                false => self.text.push_str(field),
            }
        }
        Ok(Md5::digest(self.text.as_bytes()).into())
    }

    /// The text of the row that was hashed last.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Values of all rows so far that have another type than their column's form.
    pub fn incomparable(&self) -> u64 {
        self.incomparable
    }
}

/// `length:value`, the length in bytes: no value is taken for the end of another.
fn put(value: &str, out: &mut String) {
    show(value.len(), out);
    out.push(':');
    out.push_str(value);
}

fn show(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends a value in its column's form; false where it has none.
fn append(form: Form, value: ValueRef<'_>, out: &mut String) -> bool {
    match (form, value) {
        (Form::Text, ValueRef::Text(text)) => out.push_str(text),
        (Form::Text, ValueRef::Json(json)) => return append_json(json, out),
        (Form::Bool, ValueRef::Bool(value)) => out.push_str(if value { "true" } else { "false" }),
        (Form::Number, _) => return plain_number::append(value, out),
        (Form::Float(decimals), _) => match double(value).and_then(|value| rounded(value, decimals)) {
            Some(whole) => show(whole, out),
            None => return false,
        },
        (Form::Date, ValueRef::Date(days)) => show(days, out),
        (Form::Timestamp, ValueRef::Timestamp(count, unit)) => {
            let micros = i128::from(count) * 1_000_000;
            show(micros.div_euclid(i128::from(unit.per_second())), out);
        }
        (Form::Bytes, ValueRef::Bytes(bytes)) => bytes.iter().for_each(|byte| show(format_args!("{byte:02x}"), out)),
        _ => return false,
    }
    true
}

/// JSON as it is stored. A string is the text that it means: it is JSON only because its escapes are unusual.
fn append_json(json: &str, out: &mut String) -> bool {
    match json.starts_with('"') {
        false => out.push_str(json),
        true => match serde_json::from_str::<String>(json) {
            Ok(text) => out.push_str(&text),
            Err(_) => return false,
        },
    }
    true
}

/// The double nearest to a number.
fn double(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Int(value) => Some(value as f64),
        ValueRef::UInt(value) => Some(value as f64),
        ValueRef::Float(value) => Some(value),
        ValueRef::Decimal(text) => text.parse().ok(),
        _ => None,
    }
}

/// One multiplication, one addition and one floor of doubles: IEEE 754 gives them one result on every engine.
fn rounded(value: f64, decimals: u8) -> Option<i64> {
    let is_in_range = value.abs() < form::float_limit(decimals) as f64;
    is_in_range.then(|| (value * form::power(decimals) as f64 + 0.5).floor() as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::value::TimeUnit;

    fn text(columns: &[(&str, Form, Option<ValueRef<'_>>)]) -> (String, u64) {
        let mut schema = Schema::default();
        let mut bytes = Vec::new();
        for (name, _, value) in columns {
            let id = schema.id_or_add(name);
            if let Some(value) = value {
                row::put(id, *value, &mut bytes);
            }
        }
        let of = |(name, form, _): &(&str, Form, _)| DigestColumn { name: (*name).to_owned(), form: *form };
        let columns: Vec<DigestColumn> = columns.iter().map(of).collect();
        let mut text = RowText::new(&columns, &schema);
        text.hash(&EventKey::new("ann", "é1", -1), &bytes).unwrap();
        (text.text().to_owned(), text.incomparable())
    }

    /// The field of a value.
    fn field(form: Form, value: ValueRef<'_>) -> String {
        text(&[("c", form, Some(value))]).0.strip_prefix("3:ann3:é12:-1").unwrap().to_owned()
    }

    #[test]
    fn the_text_of_a_row() {
        let columns = [
            ("a", Form::Text, Some(ValueRef::Text(""))),
            ("b", Form::Text, None),
            ("c", Form::Text, Some(ValueRef::Text("-"))),
            ("d", Form::Number, Some(ValueRef::Int(-20))),
        ];
        assert_eq!(text(&columns), ("3:ann3:é12:-10:-1:-3:-20".into(), 0));
    }

    #[test]
    fn each_form() {
        use ValueRef::*;
        for (form, value, expected) in [
            (Form::Text, Text("Zoë"), "4:Zoë"),
            (Form::Text, Json("{\"a\": 1}"), "8:{\"a\": 1}"),
            (Form::Text, Json("\"a\\/\\u00e9\""), "4:a/é"),
            (Form::Bool, Bool(true), "4:true"),
            (Form::Number, Decimal("62.50"), "4:62.5"),
            (Form::Number, Float(62.0), "2:62"),
            (Form::Float(2), Float(2.675), "3:268"),
            (Form::Float(2), Int(-3), "4:-300"),
            (Form::Float(6), Decimal("0.1"), "6:100000"),
            (Form::Float(0), Float(-0.0), "1:0"),
            (Form::Date, Date(-1), "2:-1"),
            (Form::Timestamp, Timestamp(-1, TimeUnit::Nanosecond), "2:-1"),
            (Form::Timestamp, Timestamp(2, TimeUnit::Second), "7:2000000"),
            (Form::Bytes, Bytes(&[0, 255]), "4:00ff"),
        ] {
            assert_eq!(field(form, value), expected);
        }
    }

    #[test]
    fn a_value_of_another_type_is_like_none_of_the_warehouse() {
        use ValueRef::*;
        for (form, value) in [
            (Form::Text, Int(1)),
            (Form::Text, Json("\"\\ud800\"")),
            (Form::Bool, Text("true")),
            (Form::Number, Text("1")),
            (Form::Number, Float(f64::NAN)),
            (Form::Float(6), Float(9e9)),
            (Form::Float(6), Float(f64::NAN)),
            (Form::Date, Timestamp(0, TimeUnit::Second)),
            (Form::Timestamp, Date(0)),
            (Form::Bytes, Text("00")),
            (Form::Nothing, Text("")),
        ] {
            assert_eq!(text(&[("c", form, Some(value))]), ("3:ann3:é12:-1?".into(), 1), "{form} {value:?}");
        }
    }

    #[test]
    fn columns_that_are_not_compared_are_not_read() {
        let mut schema = Schema::default();
        let mut bytes = Vec::new();
        for (name, value) in [("b", "x"), ("a", "y")] {
            row::put(schema.id_or_add(name), ValueRef::Text(value), &mut bytes);
        }
        let columns = [DigestColumn { name: "a".into(), form: Form::Text }];
        let mut text = RowText::new(&columns, &schema);
        text.hash(&EventKey::new("u", "i", 0), &bytes).unwrap();
        assert_eq!(text.text(), "1:u1:i1:01:y");
        assert_eq!(text.hash(&EventKey::new("u", "i", 0), &[0xff]), Err(BadRow));
    }
}
