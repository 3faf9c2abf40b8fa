//! Rows of a file into the rows of the events that a converter makes of them.

use super::cells::{Cells, Column};
use super::choices::is_true;
use super::config::{Config, Target};
use super::json::quoted;
use super::run::{Context, Failure, Root, Run};
use super::value::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::{Refused, RowNumbers, TextMeaning};
use crate::model::event_json::arrow_row;
use crate::model::rejection::Rule;
use crate::source::files::{Rows, Verdicts, text_field};
use crate::source::text::excerpt;
use crate::source::time::TimeRules;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::cell::Cell;
use std::sync::Arc;

/// The column that shows refused rows as they stood in the file.
const ROW_COLUMN: &str = "(row)";
/// Event types that change a user or a group and are no events (the vendor's Identify API).
const IDENTIFY_TYPES: [&str; 3] = ["$identify", "$groupidentify", "$groupIdentify"];

/// What converting needs beside the converter.
pub(super) struct Limits {
    pub(super) times: TimeRules,
    pub(super) now: Option<i64>,
    /// Bytes that an event may have.
    pub(super) longest: usize,
    /// Bytes after which converted rows end.
    pub(super) most_bytes: usize,
}

/// The columns of converted rows.
pub(super) fn schema(config: &Config) -> SchemaRef {
    Arc::new(Schema::new(fields(config)))
}

fn fields(config: &Config) -> Vec<Field> {
    let field = |target: &Target| text_field(&target.name, DataType::Utf8, TextMeaning::JsonToken);
    config.targets.iter().map(field).collect()
}

/// Converts rows. They come in several pieces where their texts are long.
pub(super) fn convert(config: &Config, limits: &Limits, rows: &Rows) -> Result<Vec<Rows>> {
    let schema = rows.batch.schema();
    let fields = schema.fields().iter().zip(rows.batch.columns()).enumerate();
    let fields = fields.filter(|(index, _)| Some(*index) != rows.line);
    let wanted = fields.filter(|(_, (field, _))| config.whole_row || config.fields.contains(field.name()));
    let columns: Vec<(&str, Column)> = wanted
        .map(|(_, (field, array))| Ok((field.name().as_str(), Column::new(field, array)?)))
        .collect::<Result<_>>()?;
    let cells = |name: &String| columns.iter().find(|(known, _)| known == name).map(|(_, column)| column.cells());
    let all = columns.iter().filter(|_| config.whole_row).map(|(name, column)| (quoted(name), column.cells()));
    let run = Run {
        cells: config.fields.iter().map(|name| cells(name).unwrap_or(Cells::Absent)).collect(),
        all: all.collect(),
        times: &limits.times,
        now: limits.now,
        longest: limits.longest,
        made: Cell::new(0),
    };
    let mut conversion = Conversion { config, limits, rows, run: &run, table: Table::new(config), done: Vec::new() };
    conversion.run()?;
    Ok(conversion.done)
}

/// What becomes of a row.
enum Verdict {
    Accepted,
    Ignored,
    Refused(Rule, String),
}

struct Conversion<'c> {
    config: &'c Config,
    limits: &'c Limits,
    rows: &'c Rows,
    run: &'c Run<'c>,
    table: Table,
    done: Vec<Rows>,
}

impl<'c> Conversion<'c> {
    fn run(&mut self) -> Result<()> {
        let mut not_objects = self.rows.not_objects.iter().copied().peekable();
        let mut values: Vec<Option<Value<'c>>> = Vec::with_capacity(self.config.targets.len());
        for row in 0..self.rows.batch.num_rows() {
            let verdict = match not_objects.next_if_eq(&row) {
                Some(_) => Verdict::Refused(Rule::NotAnObject, "the line is JSON, but no object".to_owned()),
                None => self.evaluate(row, &mut values),
            };
            let number = self.rows.numbers.get(row);
            match verdict {
                Verdict::Accepted => self.table.add(number, values.drain(..)),
                Verdict::Ignored => self.table.ignore(number),
                Verdict::Refused(rule, detail) => self.table.refuse(number, rule, detail, self.shown(row)),
            }
            if self.table.bytes >= self.limits.most_bytes {
                self.end_piece()?;
            }
        }
        self.end_piece()
    }

    fn end_piece(&mut self) -> Result<()> {
        let table = std::mem::replace(&mut self.table, Table::new(self.config));
        if !table.numbers.is_empty() {
            let rows = table.finish(self.config);
            let wrong = |e| Error::new(ErrorKind::InvalidInput, "the converted rows form no table").because(e);
            self.done.push(rows.map_err(wrong)?);
        }
        Ok(())
    }

    fn evaluate(&self, row: usize, values: &mut Vec<Option<Value<'c>>>) -> Verdict {
        values.clear();
        self.run.made.set(0);
        let at = Context { run: self.run, root: Root::Row(row) };
        match self.evaluate_targets(at, values) {
            Ok(verdict) => verdict,
            Err(Failure(what)) => Verdict::Refused(Rule::ConversionFailed, what.into()),
        }
    }

    fn evaluate_targets(
        &self,
        at: Context<'c>,
        values: &mut Vec<Option<Value<'c>>>,
    ) -> std::result::Result<Verdict, Failure> {
        if let Some((flag, site)) = &self.config.ignore
            && is_true(flag, at, site)?
        {
            return Ok(Verdict::Ignored);
        }
        let mut bytes = 0;
        for target in &self.config.targets {
            let value = target.source.evaluate(at)?;
            if let Some(value) = &value {
                bytes += value.len();
                if target.name == "event_type" && value.as_text().is_ok_and(|text| IDENTIFY_TYPES.contains(&&*text)) {
                    let what = format!("an event of type {} changes a user or group", value.shown());
                    return Ok(Verdict::Refused(Rule::IdentifyEvent, what));
                }
            }
            values.push(value);
        }
        if bytes > self.run.longest {
            let what = format!("the event has {bytes} bytes, more than {}", self.run.longest);
            return Err(Failure(format!("convertToAmplitudeFunc: {what}").into()));
        }
        Ok(Verdict::Accepted)
    }

    /// A row as it stood in the file, as JSON.
    fn shown(&self, row: usize) -> String {
        use arrow::array::{Array, AsArray};
        let line =
            self.rows.line.and_then(|line| self.rows.batch.columns().get(line)).map(|line| line.as_string::<i32>());
        let shown = match line.filter(|line| line.is_valid(row)) {
            Some(line) => line.value(row).to_owned(),
            None => arrow_row(&self.rows.batch, row),
        };
        if shown.len() > self.limits.longest { quoted(&excerpt(&shown)) } else { shown }
    }
}

/// Converted rows as they come in.
struct Table {
    columns: Vec<StringBuilder>,
    shown: StringBuilder,
    numbers: Vec<u64>,
    verdicts: Verdicts,
    bytes: usize,
    scratch: String,
}

impl Table {
    fn new(config: &Config) -> Self {
        Table {
            columns: config.targets.iter().map(|_| StringBuilder::new()).collect(),
            shown: StringBuilder::new(),
            numbers: Vec::new(),
            verdicts: Verdicts::default(),
            bytes: 0,
            scratch: String::new(),
        }
    }

    fn add<'v>(&mut self, number: u64, values: impl Iterator<Item = Option<Value<'v>>>) {
        for (column, value) in self.columns.iter_mut().zip(values) {
            match value {
                None => column.append_null(),
                Some(Value::Token(token)) => {
                    self.bytes += token.len();
                    column.append_value(token);
                }
                Some(value) => {
                    self.scratch.clear();
                    value.append_json(&mut self.scratch);
                    self.bytes += self.scratch.len();
                    column.append_value(&self.scratch);
                }
            }
        }
        self.shown.append_null();
        self.end_row(number);
    }

    fn ignore(&mut self, number: u64) {
        self.verdicts.ignored.push(self.numbers.len());
        self.columns.iter_mut().for_each(StringBuilder::append_null);
        self.shown.append_null();
        self.end_row(number);
    }

    fn refuse(&mut self, number: u64, rule: Rule, detail: String, shown: String) {
        self.verdicts.refused.push(Refused { row: self.numbers.len(), rule, detail });
        self.columns.iter_mut().for_each(StringBuilder::append_null);
        self.bytes += shown.len();
        self.shown.append_value(shown);
        self.end_row(number);
    }

    fn end_row(&mut self, number: u64) {
        self.bytes += (self.columns.len() + 1) * 5;
        self.numbers.push(number);
    }

    fn finish(mut self, config: &Config) -> std::result::Result<Rows, arrow::error::ArrowError> {
        let mut fields = fields(config);
        let mut arrays: Vec<ArrayRef> =
            self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let line = (!self.verdicts.refused.is_empty()).then_some(fields.len());
        if line.is_some() {
            fields.push(text_field(ROW_COLUMN, DataType::Utf8, TextMeaning::JsonToken));
            arrays.push(Arc::new(self.shown.finish()));
        }
        let count = RecordBatchOptions::new().with_row_count(Some(self.numbers.len()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &count)?;
        let numbers = RowNumbers::Each(self.numbers);
        Ok(Rows { batch, numbers, line, not_objects: Vec::new(), verdicts: self.verdicts })
    }
}
