//! Parquet files, through the Arrow reader, one row group after the other.
//!
//! Columns keep their types. Columns of few different texts stay dictionaries, so that `ingest` looks at each text
//! once; other text comes as views, which copy nothing. Structs, lists and maps become text that holds JSON.
//!
//! The reader trusts its input and may panic. So what the file claims is [checked](claims) before, and a panic is
//! caught here, at the file's edge.

mod ahead;
mod claims;
mod lengths;
mod span;
mod thrift;

use super::shape::{header, shape};
use super::{Reader, Rows, Verdicts};
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::RowNumbers;
use crate::source::SourceOptions;
use crate::source::caught::caught;
use crate::source::inputs::content::Passing;
use crate::source::inputs::scattered::Ranges;
use ahead::Coming;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use claims::Pages;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::ParquetMetaData;
use span::Span;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

/// A dictionary is worth its while where each of its values stands for this many rows at least, of a part and of its
/// row group: `ingest` looks at all its values for each part.
const ROWS_A_VALUE: u64 = 4;
/// Fewer rows a part than this are not asked for, however large they are.
const FEWEST_ROWS: u64 = 16;

/// The rows of a local file. All its pages are checked first.
pub(super) fn open(file: File, place: &str, options: &SourceOptions) -> Result<Reader> {
    let file = Span::whole(file)?;
    let opened = guarded(place, || {
        let metadata = load_metadata(&file, options)?;
        let pages = check_pages(&file, &metadata, 0..metadata.metadata().num_row_groups(), options.memory as u64)?;
        Parts::new(metadata, &pages, Groups::Local(file.clone()), place, options)
    })?;
    Ok(opened.reader())
}

/// The rows of an object. Its footer is read first; then `input`, all of it from its first byte on, with each row group
/// checked as it comes.
pub(super) fn open_ranges(ranges: Ranges, input: Passing, place: &str, options: &SourceOptions) -> Result<Reader> {
    let tail = ahead::read_tail(&ranges, options.memory as u64).map_err(|e| e.at(place))?;
    let (metadata, places) = guarded(place, || {
        let metadata = load_metadata(&tail, options)?;
        let places = ahead::places(metadata.metadata(), ranges.size)?;
        Ok((metadata, places))
    })?;
    let is_empty = places.is_empty();
    let mut coming = Coming::begin(ranges, input, places, options.memory)?;
    // The first row group tells for all of them how their texts are best read.
    let first = if is_empty { None } else { Some(coming.next_group().map_err(|e| e.at(place))?) };
    let opened = guarded(place, || {
        let check = |group| check_pages(group, &metadata, 0..1, options.memory as u64);
        let pages = first.as_ref().map_or(Ok(Vec::new()), check)?;
        Parts::new(metadata, &pages, Groups::Coming { first, coming }, place, options)
    })?;
    Ok(opened.reader())
}

fn load_metadata(file: &Span, options: &SourceOptions) -> Result<ArrowReaderMetadata, String> {
    claims::check_footer(file, options.memory as u64)?;
    ArrowReaderMetadata::load(file, plain()).map_err(|e| e.to_string())
}

/// The Arrow schema that some writers add says nothing that the Parquet types do not, but for text and zones.
fn plain() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// Turns a panic of the reader into an error.
fn guarded<T>(place: &str, read: impl FnOnce() -> Result<T, String>) -> Result<T> {
    let why = match caught(read) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(why)) | Err(why) => why,
    };
    Err(Error::new(ErrorKind::InvalidInput, format!("the Parquet reader gave up on this file: {why}"))
        .at(place)
        .advice("write the file again; nothing of it was applied"))
}

/// Where the row groups come from.
enum Groups {
    /// All of a local file, whose pages were checked.
    Local(Span),
    /// One after the other; the first was checked.
    Coming { first: Option<Span>, coming: Coming },
}

struct Parts {
    groups: Groups,
    place: String,
    metadata: ArrowReaderMetadata,
    header: SchemaRef,
    rows_per_part: usize,
    row_group: usize,
    reader: Option<ParquetRecordBatchReader>,
    /// Number of the first row behind the row groups that were begun.
    next_group_row: u64,
    next_row: u64,
    /// How many of the wanted rows come before the next row, where not all are wanted.
    passed: usize,
    done: bool,
    options: SourceOptions,
}

impl Parts {
    fn new(
        metadata: ArrowReaderMetadata,
        pages: &[Pages],
        groups: Groups,
        place: &str,
        options: &SourceOptions,
    ) -> Result<Self, String> {
        let rows_per_part = rows_per_part(metadata.metadata(), pages, options);
        let wanted = wanted_schema(&metadata, pages, rows_per_part as u64);
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), plain().with_schema(wanted))
            .map_err(|e| e.to_string())?;
        Ok(Parts {
            groups,
            place: place.to_owned(),
            header: header(metadata.schema(), &options.mapping),
            metadata,
            rows_per_part,
            row_group: 0,
            reader: None,
            next_group_row: 1,
            next_row: 1,
            passed: 0,
            done: false,
            options: options.clone(),
        })
    }

    fn reader(self) -> Reader {
        Reader { header: Some(self.header.clone()), rows: Box::new(self) }
    }

    fn next_part(&mut self) -> Result<Option<Rows>> {
        let place = self.place.clone();
        loop {
            if let Some(rows) = guarded(&place, || self.rows_of_group())? {
                return Ok(Some(rows));
            }
            if self.row_group >= self.metadata.metadata().num_row_groups() {
                return Ok(None);
            }
            // The network's errors are not those of the file.
            let (group, is_checked) = self.next_group().map_err(|e| e.at(&place))?;
            self.reader = guarded(&place, || self.open_group(group, is_checked))?;
            self.row_group += 1;
        }
    }

    /// The bytes of the next row group, and whether its pages were checked.
    fn next_group(&mut self) -> Result<(Span, bool)> {
        Ok(match &mut self.groups {
            Groups::Local(file) => (file.clone(), true),
            Groups::Coming { first, coming } => match first.take() {
                Some(first) => (first, true),
                None => (coming.next_group()?, false),
            },
        })
    }

    /// A reader of the rows that are wanted of the row group, if any are.
    fn open_group(&mut self, group: Span, is_checked: bool) -> Result<Option<ParquetRecordBatchReader>, String> {
        let rows = self.metadata.metadata().row_group(self.row_group).num_rows().max(0) as u64;
        self.next_row = self.next_group_row;
        self.next_group_row += rows;
        let selection = match &self.options.only_rows {
            None => None,
            Some(wanted) => {
                let before = |number: u64| wanted.partition_point(|wanted| *wanted < number);
                self.passed = before(self.next_row);
                let wanted = &wanted[self.passed..before(self.next_group_row)];
                if wanted.is_empty() {
                    return Ok(None);
                }
                let places = wanted.iter().map(|number| (number - self.next_row) as usize);
                Some(RowSelection::from_consecutive_ranges(places.map(|place| place..place + 1), rows as usize))
            }
        };
        if !is_checked {
            let at = self.row_group..self.row_group + 1;
            let pages = check_pages(&group, &self.metadata, at, self.options.memory as u64)?;
            self.rows_per_part = self.rows_per_part.min(rows_per_part(self.metadata.metadata(), &pages, &self.options));
        }
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(group, self.metadata.clone())
            .with_batch_size(self.rows_per_part)
            .with_row_groups(vec![self.row_group]);
        if let Some(selection) = selection {
            reader = reader.with_row_selection(selection);
        }
        reader.build().map(Some).map_err(|e| e.to_string())
    }

    /// The next rows of the row group at hand.
    fn rows_of_group(&mut self) -> Result<Option<Rows>, String> {
        match self.reader.as_mut().and_then(Iterator::next) {
            Some(batch) => self.rows(&batch.map_err(|e| e.to_string())?).map(Some),
            None => {
                self.reader = None;
                Ok(None)
            }
        }
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<Rows, String> {
        let batch = shape(batch, &self.header).map_err(|e| e.to_string())?;
        let count = batch.num_rows();
        let numbers = match &self.options.only_rows {
            None => RowNumbers::From(self.next_row),
            Some(wanted) => RowNumbers::Each(wanted[self.passed..][..count].to_vec()),
        };
        self.next_row += count as u64;
        self.passed += count;
        Ok(Rows { batch, numbers, line: None, not_objects: Vec::new(), verdicts: Verdicts::default() })
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

/// How many rows of a local file any reader may take at a time, if the file is what it claims to be.
#[cfg(feature = "delta")]
pub(in crate::source) fn rows_at_a_time(file: File, options: &SourceOptions) -> Result<usize, String> {
    let file = Span::whole(file).map_err(|e| e.to_string())?;
    let metadata = load_metadata(&file, options)?;
    let groups = 0..metadata.metadata().num_row_groups();
    let pages = check_pages(&file, &metadata, groups, options.memory as u64)?;
    Ok(rows_per_part(metadata.metadata(), &pages, options))
}

/// Checks all chunks of some row groups; gives what the pages of each column are, over all of them.
fn check_pages(
    file: &Span,
    metadata: &ArrowReaderMetadata,
    groups: Range<usize>,
    memory: u64,
) -> Result<Vec<Pages>, String> {
    let metadata = metadata.metadata();
    let shared = Arc::new(file.clone());
    let mut columns = vec![Pages::default(); metadata.file_metadata().schema_descr().num_columns()];
    for group in metadata.row_groups().get(groups).unwrap_or_default() {
        let rows = usize::try_from(group.num_rows()).map_err(|_| "a row group has a negative number of rows")?;
        let mut at_once = 0;
        for (chunk, column) in group.columns().iter().zip(&mut columns) {
            let name = chunk.column_path().string();
            let in_column = |why: String| format!("column {name}: {why}");
            let mut pages = claims::check_chunk(file, chunk, memory).map_err(in_column)?;
            pages.any_wide = pages.dictionary_values * ROWS_A_VALUE > rows as u64;
            at_once += pages.largest + pages.dictionary_bytes;
            if at_once > memory {
                return Err(format!("its pages need more memory than the {memory} bytes allowed"));
            }
            if pages.any_lengths {
                lengths::check_lengths(&shared, chunk, rows).map_err(in_column)?;
            }
            column.merge(pages);
        }
    }
    Ok(columns)
}

impl Pages {
    fn merge(&mut self, other: Pages) {
        self.largest = self.largest.max(other.largest);
        self.dictionary_values = self.dictionary_values.max(other.dictionary_values);
        self.dictionary_bytes = self.dictionary_bytes.max(other.dictionary_bytes);
        self.any_plain |= other.any_plain;
        self.any_wide |= other.any_wide;
        self.any_prefixes |= other.any_prefixes;
    }
}

/// As many rows as asked for, fewer where they are large.
fn rows_per_part(metadata: &ParquetMetaData, pages: &[Pages], options: &SourceOptions) -> usize {
    let budget = options.memory as u64 / 8;
    let row_sizes = metadata.row_groups().iter().map(|group| {
        let bytes = u64::try_from(group.total_byte_size()).unwrap_or(u64::MAX);
        bytes / u64::try_from(group.num_rows()).unwrap_or(1).max(1)
    });
    let largest_row = row_sizes.max().unwrap_or(0).max(1);
    // Where each value may be as large as its page, that bounds the rows.
    let prefixed: u64 = pages.iter().filter(|p| p.any_prefixes).map(|p| p.largest).sum();
    let most = (budget / largest_row).min(budget.checked_div(prefixed).unwrap_or(u64::MAX)).max(FEWEST_ROWS);
    usize::try_from(most).unwrap_or(usize::MAX).min(options.rows_per_part.max(1))
}

/// The types to read text columns as.
fn wanted_schema(metadata: &ArrowReaderMetadata, pages: &[Pages], rows_per_part: u64) -> SchemaRef {
    let descriptor = metadata.parquet_schema();
    let fields = metadata.schema().fields().iter().enumerate().map(|(root, field)| {
        if *field.data_type() != DataType::Utf8 {
            return field.clone();
        }
        // A text column is a root of its own, so it has one leaf.
        let leaf = (0..descriptor.num_columns()).find(|leaf| descriptor.get_column_root_idx(*leaf) == root);
        let few = leaf.and_then(|leaf| pages.get(leaf)).is_some_and(|pages| {
            !(pages.any_plain || pages.any_wide)
                && pages.dictionary_values > 0
                && pages.dictionary_values * ROWS_A_VALUE <= rows_per_part
        });
        let wanted = match few {
            true => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            false => DataType::Utf8View,
        };
        Arc::new(field.as_ref().clone().with_data_type(wanted))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
#[path = "../parquet_tests.rs"]
mod tests;
