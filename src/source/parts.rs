//! Columns become change parts: the same steps for every format and dialect.

use super::files::{self, Rows};
use super::inputs::content::Hashing;
use super::mapping::{Columns, Resolver};
use super::time::{TimeRules, Times, times};
use super::{Dialect, InputFile, SourceOptions, ids, typed};
use crate::error::Result;
use crate::model::change::{ChangePart, Refused, TextMeaning};
use crate::model::rejection::Rule;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};

/// The parts of one file.
pub(super) struct Parts {
    rows: files::Reader,
    file: InputFile,
    /// Size and time of last modification when it was opened.
    stat: (u64, Option<i64>),
    resolver: Resolver,
    /// The columns found for a schema; most parts of a file share one.
    columns: Option<(SchemaRef, Option<usize>, Columns)>,
    time_rules: TimeRules,
    options: SourceOptions,
    done: bool,
}

impl Parts {
    /// The parts, and how the content's hash comes about.
    pub(super) fn open(file: &InputFile, stat: (u64, Option<i64>), options: &SourceOptions) -> Result<(Self, Hashing)> {
        let (rows, hashing, mut resolver) = match &options.converter {
            None => {
                let (rows, hashing) = files::open(file, options)?;
                (rows, hashing, Resolver::new(&options.mapping, options.dialect))
            }
            Some(converter) => {
                converter.check(options)?;
                let (rows, hashing) = files::open(file, &converter.reading(options))?;
                (converter.convert(rows, options), hashing, Resolver::new(&converter.mapping(), options.dialect))
            }
        };
        if let Some(schema) = &rows.header {
            resolver.settle(schema, &file.place())?;
        }
        let parts = Parts {
            rows,
            file: file.clone(),
            stat,
            resolver,
            columns: None,
            time_rules: TimeRules::new(options.time_unit, &options.naive_tz),
            options: options.clone(),
            done: false,
        };
        Ok((parts, hashing))
    }

    fn next_part(&mut self) -> Result<Option<ChangePart>> {
        match self.rows.rows.next() {
            Some(rows) => self.decode(rows?).map(Some).map_err(|e| e.at(self.file.place())),
            None => self.file.check_unchanged(self.stat).map(|()| None),
        }
    }

    fn decode(&mut self, rows: Rows) -> Result<ChangePart> {
        let Rows { batch, numbers, line, not_objects, verdicts } = rows;
        let columns = self.columns_of(&batch, line);
        let mut refused = verdicts.refused;
        let no_object =
            |row| Refused { row, rule: Rule::NotAnObject, detail: "the line is JSON, but no object".to_owned() };
        refused.extend(not_objects.into_iter().map(no_object));
        let user_id = id_column(&batch, &columns.user_id, Rule::BadUserId, &mut refused)?;
        let insert_id = id_column(&batch, &columns.insert_id, Rule::BadInsertId, &mut refused)?;
        let Times { micros, sub_micros } = match columns.event_time.and_then(|c| column(&batch, c)) {
            Some((array, meaning)) => times(array, meaning, &self.time_rules, &mut refused)?,
            None => Times { micros: Int64Array::new_null(batch.num_rows()), sub_micros: Vec::new() },
        };
        let op = columns.op.and_then(|c| column(&batch, c));
        let json_tokens = op.is_some_and(|(_, meaning)| meaning == TextMeaning::JsonToken);
        let operations = self.options.dialect.operations(op.map(|(array, _)| array), json_tokens, &self.options);
        let operations = operations.without(&verdicts.ignored, batch.num_rows());
        // Repair files are S3 files; elsewhere a column may have any name.
        let (batch, payload) = match self.options.dialect {
            Dialect::S3 => typed::unfold(batch, columns.payload, &mut refused)?,
            _ => (batch, columns.payload),
        };
        // A row is refused once, for the first reason in the order of its fields.
        refused.sort_by_key(|r| r.row);
        refused.dedup_by_key(|r| r.row);
        Ok(ChangePart {
            payload,
            user_id,
            insert_id,
            event_time: micros,
            sub_micros,
            operations,
            sequence: None,
            pair: None,
            row_numbers: numbers,
            refused,
            rows: batch,
        })
    }

    fn columns_of(&mut self, batch: &RecordBatch, line: Option<usize>) -> Columns {
        if self.rows.header.is_none() {
            self.resolver.settle_by_rows(batch);
        }
        match &self.columns {
            Some((schema, at, columns)) if *schema == batch.schema() && *at == line && self.rows.header.is_some() => {
                columns.clone()
            }
            _ => {
                let columns = self.resolver.columns(batch.schema_ref(), line);
                self.columns = Some((batch.schema(), line, columns.clone()));
                columns
            }
        }
    }
}

impl Iterator for Parts {
    type Item = Result<ChangePart>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let part = self.next_part().transpose();
        self.done = !matches!(part, Some(Ok(_)));
        part
    }
}

fn column(batch: &RecordBatch, index: usize) -> Option<(&ArrayRef, TextMeaning)> {
    let field = batch.schema_ref().fields().get(index)?;
    Some((batch.columns().get(index)?, TextMeaning::of(field)))
}

fn id_column(batch: &RecordBatch, columns: &[usize], rule: Rule, refused: &mut Vec<Refused>) -> Result<ArrayRef> {
    let mut parts = Vec::with_capacity(columns.len());
    for (array, meaning) in columns.iter().filter_map(|c| column(batch, *c)) {
        parts.push(ids::ids(array, meaning, rule, refused)?);
    }
    match parts.as_slice() {
        [] => Ok(new_null_array(&DataType::Utf8, batch.num_rows())),
        [one] => Ok(one.clone()),
        parts => Ok(ids::composite(parts, batch.num_rows())),
    }
}
