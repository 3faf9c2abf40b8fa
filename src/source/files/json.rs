//! JSON lines: one object a line. Each top-level field becomes a column that holds the raw text of its values.
//!
//! ```text
//! {"user_id":"ann","n":62.0}        user_id   n        tag
//! {"user_id":"bob","tag":null}  →   "ann"     62.0     null
//! {"tag":{"a": 1}}                  "bob"     null     null
//!                                   null      null     {"a": 1}
//! ```
//!
//! A part's columns are all fields of its rows in order of first appearance. Of a field that stands twice in an object
//! the last counts. Blank lines are skipped. A line that is JSON but no object becomes a row without fields.

use super::lines::{Lines, MOST_TEXT, without_end};
use super::{Reader, Rows, Verdicts, row_numbers, text_field};
use crate::error::{Error, Result};
use crate::model::change::TextMeaning;
use crate::source::SourceOptions;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Schema};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// The column that holds lines that are no object.
const LINE_COLUMN: &str = "(line)";
/// A line with more top-level fields is refused: columns cost memory even where they are empty.
const MOST_FIELDS: usize = 10_000;
/// A part ends when it has more columns than this, so that files of ever new fields do not pile up columns.
const MANY_COLUMNS: usize = 1_000;
/// What an absent value costs in a part: an offset and a bit of validity.
const BYTES_A_CELL: usize = 5;

/// The rows of a file of JSON lines.
pub(super) fn open(lines: Lines, options: &SourceOptions) -> Reader {
    let most_bytes = (options.memory / 8).min(MOST_TEXT);
    let parts =
        Parts { lines, rows_per_part: options.rows_per_part.max(1), most_bytes, buffer: Vec::new(), done: false };
    Reader { header: None, rows: Box::new(parts) }
}

struct Parts {
    lines: Lines,
    rows_per_part: usize,
    most_bytes: usize,
    buffer: Vec<u8>,
    done: bool,
}

impl Parts {
    fn next_part(&mut self) -> Result<Option<Rows>> {
        let mut table = Table::default();
        while !self.is_full(&table) {
            self.buffer.clear();
            if !self.lines.append_to(&mut self.buffer)? {
                break;
            }
            let line = without_end(&self.buffer);
            if line.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r')) {
                continue;
            }
            table.add(line, &self.lines)?;
        }
        match table.rows {
            0 => Ok(None),
            _ => table.finish().map(Some).map_err(|e| self.lines.file_error("the rows form no table").because(e)),
        }
    }

    fn is_full(&self, table: &Table) -> bool {
        let cells = table.rows * (table.columns.len() + 1) * BYTES_A_CELL;
        table.rows >= self.rows_per_part || table.columns.len() > MANY_COLUMNS || table.text + cells >= self.most_bytes
    }
}

impl Iterator for Parts {
    type Item = Result<Rows>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let part = self.next_part().transpose();
        self.done = !matches!(part, Some(Ok(_)));
        part
    }
}

/// The rows of a part as they come in.
#[derive(Default)]
struct Table {
    names: HashMap<String, usize>,
    columns: Vec<Column>,
    /// The column of each field of the line before: most lines have the same fields in the same order.
    order: Vec<usize>,
    rows: usize,
    /// Bytes of all values.
    text: usize,
    numbers: Vec<u64>,
    line: StringBuilder,
    not_objects: Vec<usize>,
}

struct Column {
    name: String,
    values: StringBuilder,
    /// Where the value stands in the line at hand; empty where the line has none.
    at: Range<usize>,
}

impl Table {
    fn add(&mut self, line: &[u8], lines: &Lines) -> Result<()> {
        let number = lines.number();
        let text = std::str::from_utf8(line).map_err(|e| {
            not_json(lines, e.valid_up_to() + 1, "the bytes are not UTF-8").advice("convert the file to UTF-8")
        })?;
        let is_object = text.trim_start_matches([' ', '\t', '\r']).starts_with('{');
        if is_object {
            self.add_object(text, lines)?;
        } else {
            serde_json::from_str::<&RawValue>(text).map_err(|e| syntax(lines, &e))?;
            self.not_objects.push(self.rows);
            self.columns.iter_mut().for_each(|column| column.values.append_null());
        }
        self.line.append_option((!is_object).then_some(text));
        self.text += text.len();
        self.rows += 1;
        self.numbers.push(number);
        Ok(())
    }

    fn add_object(&mut self, text: &str, lines: &Lines) -> Result<()> {
        let mut parser = serde_json::Deserializer::from_str(text);
        let mut fields = 0;
        let each = Fields(|name: Cow<'_, str>, value: &RawValue| {
            let value = value.get();
            let start = (value.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
            fields += 1;
            if fields > MOST_FIELDS {
                return;
            }
            let column = self.column(fields - 1, &name);
            if let Some(column) = self.columns.get_mut(column) {
                column.at = if value == "null" { 0..0 } else { start..start + value.len() };
            }
        });
        each.read(&mut parser).and_then(|()| parser.end()).map_err(|e| syntax(lines, &e))?;
        self.order.truncate(fields);
        if fields > MOST_FIELDS {
            return Err(lines
                .error(lines.number(), format!("the object has {fields} fields, the most are {MOST_FIELDS}"))
                .advice("put them into one field, such as event_properties"));
        }
        for column in &mut self.columns {
            let at = std::mem::take(&mut column.at);
            column.values.append_option(text.get(at).filter(|value| !value.is_empty()));
        }
        Ok(())
    }

    /// The column of the line's n-th field.
    fn column(&mut self, n: usize, name: &str) -> usize {
        if let Some(column) = self.order.get(n)
            && self.columns.get(*column).is_some_and(|c| c.name == name)
        {
            return *column;
        }
        let column = match self.names.get(name) {
            Some(column) => *column,
            None => {
                let mut values = StringBuilder::new();
                values.append_nulls(self.rows);
                self.columns.push(Column { name: name.to_owned(), values, at: 0..0 });
                self.names.insert(name.to_owned(), self.columns.len() - 1);
                self.columns.len() - 1
            }
        };
        match self.order.get_mut(n) {
            Some(entry) => *entry = column,
            None => self.order.push(column),
        }
        column
    }

    fn finish(mut self) -> std::result::Result<Rows, arrow::error::ArrowError> {
        let mut fields = Vec::with_capacity(self.columns.len() + 1);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len() + 1);
        for mut column in self.columns {
            fields.push(text_field(&column.name, DataType::Utf8, TextMeaning::JsonToken));
            arrays.push(Arc::new(column.values.finish()));
        }
        let line = (!self.not_objects.is_empty()).then_some(fields.len());
        if line.is_some() {
            fields.push(text_field(LINE_COLUMN, DataType::Utf8, TextMeaning::JsonToken));
            arrays.push(Arc::new(self.line.finish()));
        }
        // A part of `{}` lines has rows but no columns.
        let rows = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &rows)?;
        Ok(Rows {
            batch,
            numbers: row_numbers(self.numbers),
            line,
            not_objects: self.not_objects,
            verdicts: Verdicts::default(),
        })
    }
}

fn syntax(lines: &Lines, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
    not_json(lines, error.column(), &why).advice("each line must be one whole JSON object")
}

fn not_json(lines: &Lines, column: usize, why: &str) -> Error {
    lines.error(lines.number(), format!("the line is not JSON: byte {column}: {why}"))
}

/// Calls a function for each field of an object.
struct Fields<F>(F);

impl<F: FnMut(Cow<'_, str>, &RawValue)> Fields<F> {
    fn read<'de, D: Deserializer<'de>>(self, object: D) -> std::result::Result<(), D::Error> {
        object.deserialize_map(self)
    }
}

/// A field's name: borrowed from the line unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a field name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de, F: FnMut(Cow<'_, str>, &RawValue)> Visitor<'de> for Fields<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> std::result::Result<(), A::Error> {
        while let Some(Name(name)) = fields.next_key()? {
            (self.0)(name, fields.next_value::<&'de RawValue>()?);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
