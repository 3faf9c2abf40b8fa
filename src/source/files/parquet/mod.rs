//! Parquet files, through the Arrow reader, one row group after the other.
//!
//! Columns keep their types. Columns of few different texts stay dictionaries, so that `ingest` looks at each text
//! once; other text comes as views, which copy nothing. Structs, lists and maps become text that holds JSON.
//!
//! The reader trusts its input and may panic. So what the file claims is [checked](claims) before, and a panic is
//! caught here, at the file's edge.

mod claims;
mod lengths;
mod thrift;

use super::{Reader, Rows, Verdicts, text_field};
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::{RowNumbers, TextMeaning};
use crate::source::{Mapping, SourceOptions};
use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};
use claims::Pages;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A dictionary is worth its while where each of its values stands for this many rows at least, of a part and of its
/// row group: `ingest` looks at all its values for each part.
const ROWS_A_VALUE: u64 = 4;
/// Fewer rows a part than this are not asked for, however large they are.
const FEWEST_ROWS: u64 = 16;

/// The rows of a Parquet file.
pub(super) fn open(file: File, place: &str, options: &SourceOptions) -> Result<Reader> {
    let opened = guarded(place, || Parts::open(file, place, options))?;
    let header = header(&opened.metadata, &options.mapping);
    Ok(Reader { header: Some(header.clone()), rows: Box::new(Parts { header, ..opened }) })
}

/// Turns a panic of the reader into an error.
fn guarded<T>(place: &str, read: impl FnOnce() -> Result<T, String>) -> Result<T> {
    let why = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(why)) => why,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
        }
    };
    Err(Error::new(ErrorKind::InvalidInput, format!("the Parquet reader gave up on this file: {why}"))
        .at(place)
        .advice("write the file again; nothing of it was applied"))
}

struct Parts {
    file: Arc<File>,
    place: String,
    metadata: ArrowReaderMetadata,
    header: SchemaRef,
    rows_per_part: usize,
    row_group: usize,
    reader: Option<ParquetRecordBatchReader>,
    next_row: u64,
    done: bool,
}

impl Parts {
    fn open(mut file: File, place: &str, options: &SourceOptions) -> Result<Self, String> {
        let size = file.metadata().map_err(|e| e.to_string())?.len();
        let memory = options.memory as u64;
        claims::check_footer(&mut file, size, memory)?;
        // The Arrow schema that some writers add says nothing that the Parquet types do not, but for text and zones.
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, plain.clone()).map_err(|e| e.to_string())?;
        let file = Arc::new(file);
        let pages = check_pages(&file, size, metadata.metadata(), memory)?;
        let rows_per_part = rows_per_part(metadata.metadata(), &pages, options);
        let wanted = wanted_schema(&metadata, &pages, rows_per_part as u64);
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), plain.with_schema(wanted))
            .map_err(|e| e.to_string())?;
        Ok(Parts {
            file,
            place: place.to_owned(),
            metadata,
            header: Arc::new(Schema::empty()),
            rows_per_part,
            row_group: 0,
            reader: None,
            next_row: 1,
            done: false,
        })
    }

    fn next_part(&mut self) -> Result<Option<Rows>, String> {
        loop {
            if let Some(reader) = &mut self.reader {
                match reader.next() {
                    Some(batch) => return self.rows(&batch.map_err(|e| e.to_string())?).map(Some),
                    None => self.reader = None,
                }
            }
            if self.row_group >= self.metadata.metadata().num_row_groups() {
                return Ok(None);
            }
            let file = self.file.try_clone().map_err(|e| e.to_string())?;
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_batch_size(self.rows_per_part)
                .with_row_groups(vec![self.row_group]);
            self.reader = Some(reader.build().map_err(|e| e.to_string())?);
            self.row_group += 1;
        }
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<Rows, String> {
        let arrays = self.header.fields().iter().zip(batch.columns()).map(|(field, array)| shape(array, field));
        let arrays = arrays.collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
        let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch =
            RecordBatch::try_new_with_options(self.header.clone(), arrays, &count).map_err(|e| e.to_string())?;
        let numbers = RowNumbers::From(self.next_row);
        self.next_row += batch.num_rows() as u64;
        Ok(Rows { batch, numbers, line: None, not_objects: Vec::new(), verdicts: Verdicts::default() })
    }
}

impl Iterator for Parts {
    type Item = Result<Rows>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let place = self.place.clone();
        let part = guarded(&place, || self.next_part()).transpose();
        self.done = !matches!(part, Some(Ok(_)));
        part
    }
}

/// Checks all chunks; gives what the pages of each column are, over all row groups.
fn check_pages(file: &Arc<File>, size: u64, metadata: &ParquetMetaData, memory: u64) -> Result<Vec<Pages>, String> {
    let mut handle = file.try_clone().map_err(|e| e.to_string())?;
    let mut columns = vec![Pages::default(); metadata.file_metadata().schema_descr().num_columns()];
    for group in metadata.row_groups() {
        let rows = usize::try_from(group.num_rows()).map_err(|_| "a row group has a negative number of rows")?;
        let mut at_once = 0;
        for (chunk, column) in group.columns().iter().zip(&mut columns) {
            let name = chunk.column_path().string();
            let in_column = |why: String| format!("column {name}: {why}");
            let mut pages = claims::check_chunk(&mut handle, size, chunk, memory).map_err(in_column)?;
            pages.any_wide = pages.dictionary_values * ROWS_A_VALUE > rows as u64;
            at_once += pages.largest + pages.dictionary_bytes;
            if at_once > memory {
                return Err(format!("its pages need more memory than the {memory} bytes allowed"));
            }
            if pages.any_lengths {
                lengths::check_lengths(file, chunk, rows).map_err(in_column)?;
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

/// The columns as this source gives them.
fn header(metadata: &ArrowReaderMetadata, mapping: &Mapping) -> SchemaRef {
    let fields = metadata.schema().fields().iter().map(|field| match field.data_type() {
        t if t.is_nested() => text_field(field.name(), DataType::Utf8, TextMeaning::JsonText),
        DataType::Utf8View | DataType::Dictionary(..) => {
            text_field(field.name(), field.data_type().clone(), mapping.text_meaning(field.name()))
        }
        DataType::Float16 => Field::new(field.name(), DataType::Float32, true),
        DataType::Time32(_) | DataType::Time64(_) => Field::new(field.name(), DataType::Utf8, true),
        other => Field::new(field.name(), other.clone(), true),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Brings a column as it was read into the header's type.
fn shape(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == field.data_type() {
        Ok(array.clone())
    } else if array.data_type().is_nested() {
        to_json(array)
    } else {
        cast(array, field.data_type())
    }
}

/// Nested values as JSON, nulls inside included.
fn to_json(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("", array.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, array.as_ref(), &options)?;
    let mut texts = StringBuilder::new();
    let mut bytes = Vec::new();
    for row in 0..array.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        bytes.clear();
        encoder.encode(row, &mut bytes);
        texts.append_value(std::str::from_utf8(&bytes).map_err(|e| ArrowError::ExternalError(Box::new(e)))?);
    }
    Ok(Arc::new(texts.finish()))
}

#[cfg(test)]
#[path = "../parquet_tests.rs"]
mod tests;
