//! Columns become change parts: the same steps for every format and dialect.

use super::columns::{self, Named};
use super::dialect::{Arrays, Changes};
use super::files::{self, Rows};
use super::inputs::Stat;
use super::inputs::content::{Hashing, OpenedFile};
use super::mapping::{Columns, Resolver};
use super::time::{TimeRules, Times, times};
use super::{Dialect, InputFile, SourceOptions, databricks, guess, ids, typed};
use crate::error::Result;
use crate::model::change::{ChangePart, Refused, RowPlace, TextMeaning};
use crate::model::rejection::Rule;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Where rows come from.
pub(super) enum RowsOf {
    /// A file, and what told its content apart when it was opened.
    File(InputFile, Stat),
    /// Versions of a table, as errors name them.
    #[cfg(feature = "delta")]
    Table(String),
}

impl RowsOf {
    fn place(&self) -> String {
        match self {
            RowsOf::File(file, _) => file.place(),
            #[cfg(feature = "delta")]
            RowsOf::Table(place) => place.clone(),
        }
    }

    /// The batch carries the hash of what was read first; rows of a file that changed since must not be applied under
    /// that hash. Files of a table never change.
    fn check_unchanged(&self) -> Result<()> {
        match self {
            RowsOf::File(file, stat) => file.check_unchanged(*stat),
            #[cfg(feature = "delta")]
            RowsOf::Table(_) => Ok(()),
        }
    }
}

/// The parts of one file, or of versions of a table.
pub(super) struct Parts {
    rows: files::Reader,
    rows_of: RowsOf,
    /// Which of the batch's files it is.
    index: u32,
    resolver: Resolver,
    /// The columns found for a schema; most parts of a file share one.
    columns: Option<(SchemaRef, Option<usize>, Columns)>,
    time_rules: TimeRules,
    options: SourceOptions,
    done: bool,
}

impl Parts {
    /// The parts, and how the content's hash comes about.
    pub(super) fn open(opened: &OpenedFile, index: u32, options: &SourceOptions) -> Result<(Self, Hashing)> {
        let OpenedFile { file, stat, is_hashed, .. } = opened;
        options.mapping.check(options.dialect)?;
        let place = file.place();
        let (rows, hashing, mapping) = match &options.converter {
            None => {
                let (rows, hashing) = files::open(file, options, *is_hashed)?;
                if let Some(schema) = &rows.header {
                    guess::check_header(schema, options).map_err(|e| e.at(place))?;
                }
                (rows, hashing, options.mapping.clone())
            }
            Some(converter) => {
                converter.check(options)?;
                let (rows, hashing) = files::open(file, &converter.reading(options), *is_hashed)?;
                (converter.convert(rows, options), hashing, converter.mapping())
            }
        };
        let resolver = Resolver::new(&mapping, options.dialect);
        Ok((Parts::new(rows, resolver, RowsOf::File(file.clone(), *stat), index, options)?, hashing))
    }

    /// The parts of rows that are read already.
    #[cfg(feature = "delta")]
    pub(super) fn of_rows(rows: files::Reader, rows_of: RowsOf, index: u32, options: &SourceOptions) -> Result<Self> {
        Parts::new(rows, Resolver::new(&options.mapping, options.dialect), rows_of, index, options)
    }

    fn new(
        rows: files::Reader,
        mut resolver: Resolver,
        rows_of: RowsOf,
        index: u32,
        options: &SourceOptions,
    ) -> Result<Self> {
        if let Some(schema) = &rows.header {
            resolver.settle(schema, &rows_of.place())?;
        }
        Ok(Parts {
            rows,
            rows_of,
            index,
            resolver,
            columns: None,
            time_rules: TimeRules::new(options.time_unit, &options.naive_tz),
            options: options.clone(),
            done: false,
        })
    }

    /// The commit versions of the file's rows, from the lowest to the highest, and how many rows there are.
    pub(super) fn versions(mut self) -> Result<(Option<RangeInclusive<u64>>, u64)> {
        let (mut found, mut count) = (None, 0);
        while let Some(Rows { batch, line, .. }) = self.rows.rows.next().transpose()? {
            let columns = self.columns_of(&batch, line);
            let arrays = arrays(&batch, &columns, 0);
            let versions = databricks::versions(&arrays, &mut Vec::new()).map_err(|e| e.at(self.rows_of.place()))?;
            for version in versions.into_iter().filter(|version| *version != databricks::NO_VERSION) {
                let range = found.get_or_insert(version..=version);
                *range = version.min(*range.start())..=version.max(*range.end());
            }
            count += batch.num_rows() as u64;
        }
        self.rows_of.check_unchanged()?;
        Ok((found, count))
    }

    fn next_part(&mut self) -> Result<Option<ChangePart>> {
        match self.rows.rows.next() {
            Some(rows) => self.decode(rows?).map(Some).map_err(|e| e.at(self.rows_of.place())),
            None => self.rows_of.check_unchanged().map(|()| None),
        }
    }

    fn decode(&mut self, rows: Rows) -> Result<ChangePart> {
        let Rows { batch, numbers, line, not_objects, verdicts } = rows;
        if self.options.converter.is_none() {
            guess::check_rows(&batch, self.rows.header.is_some(), &self.options)?;
        }
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
        let first_place = RowPlace::new(self.index, numbers.get(0)).to_bits();
        let arrays = arrays(&batch, &columns, first_place);
        let Changes { operations, sequence, pair, mut notes } =
            self.options.dialect.changes(&arrays, &self.options, &mut refused)?;
        let operations = operations.without(&verdicts.ignored, batch.num_rows());
        let Named { rows, strings } = columns::name(batch, &columns.payload, &self.options)?;
        notes.extend(strings);
        notes.sort_by_key(|(row, _)| *row);
        // Repair files are S3 files; elsewhere a column may have any name.
        let (rows, payload) = match self.options.dialect {
            Dialect::S3 => typed::unfold(rows, columns.payload, &mut refused)?,
            _ => (rows, columns.payload),
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
            sequence,
            pair,
            file: self.index,
            row_numbers: numbers,
            refused,
            notes,
            rows,
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

/// The parts of all files of a window, one file open at a time.
pub(super) struct WindowParts {
    at_hand: Option<(Parts, Hashing)>,
    files: Arc<[OpenedFile]>,
    /// How many of the files are opened.
    begun: usize,
    options: SourceOptions,
}

impl WindowParts {
    /// Opens the first file, so that what is wrong with its header is found now.
    pub(super) fn open(files: &Arc<[OpenedFile]>, options: &SourceOptions) -> Result<Self> {
        let mut parts = WindowParts { at_hand: None, files: files.clone(), begun: 0, options: options.clone() };
        parts.open_next()?;
        Ok(parts)
    }

    fn open_next(&mut self) -> Result<()> {
        let Some(file) = self.files.get(self.begun) else { return Ok(()) };
        // `windows` lets no window have more files than places can tell apart.
        self.at_hand = Some(Parts::open(file, self.begun as u32, &self.options)?);
        self.begun += 1;
        Ok(())
    }

    fn next_part(&mut self) -> Result<Option<ChangePart>> {
        while let Some((parts, _)) = &mut self.at_hand {
            if let Some(part) = parts.next().transpose()? {
                return Ok(Some(part));
            }
            if let (Some((_, hashing)), Some(file)) = (self.at_hand.take(), self.files.get(self.begun - 1)) {
                file.was_decoded(hashing)?;
            }
            self.open_next()?;
        }
        Ok(None)
    }
}

impl Iterator for WindowParts {
    type Item = Result<ChangePart>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.next_part().transpose();
        if matches!(part, Some(Err(_))) {
            self.at_hand = None;
        }
        part
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

/// The dialect's own columns of a part.
fn arrays<'a>(batch: &'a RecordBatch, columns: &Columns, first_place: u64) -> Arrays<'a> {
    let found = columns.change.iter().filter_map(|(field, index)| {
        let (array, meaning) = column(batch, *index)?;
        Some((*field, array, meaning))
    });
    Arrays { rows: batch.num_rows(), first_place, columns: found.collect() }
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
