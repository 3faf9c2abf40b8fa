//! CSV files (RFC 4180): a header row, then records of as many cells, separated by commas.
//!
//! ```text
//! user_id,note,props_json
//! ann,,"{""a"": 1}"            note is null: an unquoted empty cell, or \N
//! bob,"","two                  note is the empty text; a quoted cell may hold commas, quotes and line ends
//! lines"
//! ```
//!
//! A quote opens a quoted cell only at the cell's start; elsewhere it is itself. What follows a closing quote must be a
//! comma or the end of the record. A record's row number is that of its first line. Empty lines are skipped.
//! Every cell is text; columns that hold JSON are told by name.
//!
//! The caller may say that there is no header row, and name the columns. And it may say that nothing is quoted, as
//! Snowflake unloads by default ([`CsvForm::Escaped`]):
//!
//! ```text
//! ann,\N,{"a": 1\,"b": 2}      \N is null, an empty cell is the empty text; a backslash takes away the meaning of the
//! bob,,two\                     comma, backslash or line end behind it, and makes line ends and tabs of n, r and t
//! lines
//! ```

use super::lines::{Lines, MOST_TEXT, without_end};
use super::{Reader, Rows, Verdicts, row_numbers, text_field};
use crate::error::{Error, Result};
use crate::source::{Dialect, Mapping, SourceOptions};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use std::collections::HashSet;
use std::sync::Arc;

/// The text that Snowflake and others write for null.
const NULL: &[u8] = b"\\N";
/// See `json::MOST_FIELDS`.
const MOST_COLUMNS: usize = 10_000;

/// How the cells of a CSV file are written where they hold commas, quotes or line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CsvForm {
    /// In quotes (RFC 4180).
    Quoted,
    /// With a backslash before what has a meaning of its own. Quotes have none.
    Escaped,
}

/// The rows of a CSV file. A file without a header row has no columns and no rows, unless the caller names the columns.
pub(super) fn open(lines: Lines, options: &SourceOptions) -> Result<Reader> {
    let has_snowflakes_form = options.dialect == Dialect::Snowflake && options.header.is_some();
    let by_default = if has_snowflakes_form { CsvForm::Escaped } else { CsvForm::Quoted };
    let form = options.csv_form.unwrap_or(by_default);
    let mut records = Records { lines, form, line: Vec::new(), text: Vec::new(), cells: Vec::new(), first_line: 0 };
    let schema = match &options.header {
        Some(columns) => schema(columns.iter().map(String::as_str), &options.mapping),
        None if records.next_record()? => header(&records, &options.mapping)?,
        None => return Ok(Reader { header: None, rows: Box::new(std::iter::empty()) }),
    };
    let most_bytes = (options.memory / 8).min(MOST_TEXT);
    let rows_per_part = options.rows_per_part.max(1);
    let parts = Parts { records, schema: schema.clone(), rows_per_part, most_bytes, done: false };
    Ok(Reader { header: Some(schema), rows: Box::new(parts) })
}

fn header(records: &Records, mapping: &Mapping) -> Result<SchemaRef> {
    if records.cells.len() > MOST_COLUMNS {
        return Err(records.error(format!("the header has more than {MOST_COLUMNS} columns")));
    }
    let mut seen = HashSet::new();
    let mut names = Vec::with_capacity(records.cells.len());
    for cell in 0..records.cells.len() {
        let name = records.cell(cell)?.unwrap_or_default();
        if !seen.insert(name) {
            return Err(records.error(format!("two columns are named {name:?}")).advice("rename one of them"));
        }
        names.push(name);
    }
    Ok(schema(names.into_iter(), mapping))
}

fn schema<'a>(names: impl Iterator<Item = &'a str>, mapping: &Mapping) -> SchemaRef {
    let field = |name: &str| text_field(name, DataType::Utf8, mapping.text_meaning(name));
    Arc::new(Schema::new(names.map(field).collect::<Vec<_>>()))
}

struct Parts {
    records: Records,
    schema: SchemaRef,
    rows_per_part: usize,
    most_bytes: usize,
    done: bool,
}

impl Parts {
    fn next_part(&mut self) -> Result<Option<Rows>> {
        let width = self.schema.fields().len();
        let mut columns: Vec<StringBuilder> = (0..width).map(|_| StringBuilder::new()).collect();
        let (mut numbers, mut bytes) = (Vec::new(), 0);
        while numbers.len() < self.rows_per_part && bytes < self.most_bytes && self.records.next_record()? {
            if self.records.cells.len() != width {
                let found = self.records.cells.len();
                let advice = match self.records.form {
                    CsvForm::Quoted => "a cell that holds a comma, a quote or a line end must be quoted",
                    CsvForm::Escaped => "a comma or a line end in a cell must have a backslash before it",
                };
                let text = format!("the record has {found} cells, the header has {width}");
                return Err(self.records.error(text).advice(advice));
            }
            for (cell, column) in columns.iter_mut().enumerate() {
                column.append_option(self.records.cell(cell)?);
            }
            bytes += self.records.text.len() + width * 5;
            numbers.push(self.records.first_line);
        }
        if numbers.is_empty() {
            return Ok(None);
        }
        let arrays = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|e| self.records.error("the records form no table").because(e))?;
        Ok(Some(Rows {
            batch,
            numbers: row_numbers(numbers),
            line: None,
            not_objects: Vec::new(),
            verdicts: Verdicts::default(),
        }))
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

/// A cell of the record at hand.
struct Cell {
    /// Its text in `Records::text`.
    start: usize,
    end: usize,
    is_null: bool,
}

/// Reads records.
struct Records {
    lines: Lines,
    form: CsvForm,
    /// The record's lines as they stand in the file.
    line: Vec<u8>,
    /// The cells' texts, one after the other.
    text: Vec<u8>,
    cells: Vec<Cell>,
    first_line: u64,
}

impl Records {
    fn next_record(&mut self) -> Result<bool> {
        loop {
            self.line.clear();
            if !self.lines.append_to(&mut self.line)? {
                return Ok(false);
            }
            if !without_end(&self.line).is_empty() {
                break;
            }
        }
        self.first_line = self.lines.number();
        self.text.clear();
        self.cells.clear();
        let mut at = 0;
        while let Some(next) = self.read_cell(at)? {
            at = next;
        }
        Ok(true)
    }

    /// Reads the cell that starts at a byte of the record; tells where the next one starts.
    fn read_cell(&mut self, at: usize) -> Result<Option<usize>> {
        if self.form == CsvForm::Escaped {
            return self.read_escaped(at);
        }
        if self.line.get(at) == Some(&b'"') {
            return self.read_quoted(at + 1);
        }
        let rest = self.line.get(at..).unwrap_or_default();
        let comma = rest.iter().position(|b| *b == b',');
        let cell = comma.map_or_else(|| without_end(rest), |end| rest.get(..end).unwrap_or_default());
        let start = self.text.len();
        self.text.extend_from_slice(cell);
        self.cells.push(Cell { start, end: self.text.len(), is_null: cell.is_empty() || cell == NULL });
        Ok(comma.map(|comma| at + comma + 1))
    }

    fn read_escaped(&mut self, first: usize) -> Result<Option<usize>> {
        let (start, mut at) = (self.text.len(), first);
        let next = loop {
            let rest = without_end(self.line.get(at..).unwrap_or_default());
            let special = rest.iter().position(|byte| matches!(byte, b',' | b'\\'));
            let plain = special.unwrap_or(rest.len());
            self.text.extend_from_slice(rest.get(..plain).unwrap_or_default());
            at += plain;
            if special.is_none() {
                break None;
            }
            if self.line.get(at) == Some(&b',') {
                break Some(at + 1);
            }
            at += 1;
            // A line end behind a backslash is one of the cell, and the record goes on.
            if matches!(self.line.get(at..), Some(b"\n" | b"\r\n")) {
                self.text.extend_from_slice(self.line.get(at..).unwrap_or_default());
                at = self.line.len();
                if !self.lines.append_to(&mut self.line)? {
                    return Err(self.error("the last cell ends with a backslash").advice("the file may be cut short"));
                }
                continue;
            }
            match self.line.get(at) {
                Some(b'n') => self.text.push(b'\n'),
                Some(b'r') => self.text.push(b'\r'),
                Some(b't') => self.text.push(b'\t'),
                Some(byte) => self.text.push(*byte),
                None => {
                    return Err(self.error("the last cell ends with a backslash").advice("the file may be cut short"));
                }
            }
            at += 1;
        };
        let cell = self.line.get(first..next.map_or(at, |next| next - 1)).unwrap_or_default();
        let is_null = cell == NULL;
        self.cells.push(Cell { start, end: self.text.len(), is_null });
        Ok(next)
    }

    fn read_quoted(&mut self, mut at: usize) -> Result<Option<usize>> {
        let start = self.text.len();
        loop {
            let rest = self.line.get(at..).unwrap_or_default();
            let Some(quote) = rest.iter().position(|b| *b == b'"') else {
                self.text.extend_from_slice(rest);
                at = self.line.len();
                if !self.lines.append_to(&mut self.line)? {
                    return Err(self.error("a quoted cell is not closed").advice("the file may be cut short"));
                }
                continue;
            };
            self.text.extend_from_slice(rest.get(..quote).unwrap_or_default());
            let after = rest.get(quote + 1..).unwrap_or_default();
            at += quote + 1;
            match after.first() {
                Some(b'"') => {
                    self.text.push(b'"');
                    at += 1;
                }
                Some(b',') => {
                    self.cells.push(Cell { start, end: self.text.len(), is_null: false });
                    return Ok(Some(at + 1));
                }
                _ if without_end(after).is_empty() => {
                    self.cells.push(Cell { start, end: self.text.len(), is_null: false });
                    return Ok(None);
                }
                _ => {
                    let cell = self.cells.len() + 1;
                    return Err(self
                        .error(format!("cell {cell} goes on after its closing quote"))
                        .advice("a quote inside a quoted cell must be doubled"));
                }
            }
        }
    }

    /// A cell's text, `None` for null.
    fn cell(&self, index: usize) -> Result<Option<&str>> {
        let Some(cell) = self.cells.get(index).filter(|cell| !cell.is_null) else { return Ok(None) };
        let text = self.text.get(cell.start..cell.end).unwrap_or_default();
        let wrong = |_| self.error(format!("cell {} is not UTF-8", index + 1)).advice("convert the file to UTF-8");
        std::str::from_utf8(text).map(Some).map_err(wrong)
    }

    fn error(&self, message: impl Into<String>) -> Error {
        self.lines.error(self.first_line, message)
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
