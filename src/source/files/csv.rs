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

use super::lines::{Lines, MOST_TEXT, without_end};
use super::{Reader, Rows, Verdicts, row_numbers, text_field};
use crate::error::{Error, Result};
use crate::source::{Mapping, SourceOptions};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use std::collections::HashSet;
use std::sync::Arc;

/// The text that Snowflake and others write for null.
const NULL: &[u8] = b"\\N";
/// See `json::MOST_FIELDS`.
const MOST_COLUMNS: usize = 10_000;

/// The rows of a CSV file. A file without a header row has no columns and no rows.
pub(super) fn open(lines: Lines, options: &SourceOptions) -> Result<Reader> {
    let mut records = Records { lines, line: Vec::new(), text: Vec::new(), cells: Vec::new(), first_line: 0 };
    if !records.next_record()? {
        return Ok(Reader { header: None, rows: Box::new(std::iter::empty()) });
    }
    let schema = header(&records, &options.mapping)?;
    let most_bytes = (options.memory / 8).min(MOST_TEXT);
    let rows_per_part = options.rows_per_part.max(1);
    let parts = Parts { records, schema: schema.clone(), rows_per_part, most_bytes, done: false };
    Ok(Reader { header: Some(schema), rows: Box::new(parts) })
}

fn header(records: &Records, mapping: &Mapping) -> Result<SchemaRef> {
    if records.cells.len() > MOST_COLUMNS {
        return Err(records.error(format!("the header has more than {MOST_COLUMNS} columns")));
    }
    let mut names = HashSet::new();
    let mut fields = Vec::with_capacity(records.cells.len());
    for cell in 0..records.cells.len() {
        let name = records.cell(cell)?.unwrap_or_default();
        if !names.insert(name) {
            return Err(records.error(format!("two columns are named {name:?}")).advice("rename one of them"));
        }
        fields.push(text_field(name, DataType::Utf8, mapping.text_meaning(name)));
    }
    Ok(Arc::new(Schema::new(fields)))
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
                return Err(self
                    .records
                    .error(format!("the record has {found} cells, the header has {width}"))
                    .advice("a cell that holds a comma, a quote or a line end must be quoted"));
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
