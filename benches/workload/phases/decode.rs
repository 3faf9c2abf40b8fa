//! Reading a file's rows: as the product does, and as nothing but decoding, which is the floor.

use super::Failure;
use super::data::Data;
use super::line::Measured;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use eventmirror::ingest::{Rules, Scratch, prepare};
use eventmirror::model::arena::Pool;
use eventmirror::{Dialect, InputFile, Schema, SourceOptions, TimePrecision, source};
use flate2::read::MultiGzDecoder;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const BATCH: usize = 8192;

/// The format of a file by its name.
pub(super) fn format(file: &Path) -> Result<&'static str, Failure> {
    let name = file.to_string_lossy();
    let formats = [(".parquet", "parquet"), (".csv", "csv"), (".ndjson.gz", "ndjson")];
    let found = formats.into_iter().find(|(end, _)| name.ends_with(end));
    found.map(|(_, format)| format).ok_or_else(|| format!("{name}: neither .parquet, .csv nor .ndjson.gz").into())
}

/// How many rows a file must have: the extracts those after `c`, every other file those of `base`.
fn expected<'a>(file: &Path, data: &'a Data<'_>) -> &'a serde_json::Value {
    match file.file_name().unwrap_or_default().to_string_lossy().starts_with("snapshot") {
        true => &data.manifest["check_after_c"]["rows"],
        false => &data.manifest["n"],
    }
}

/// Decoding and preparing, on one thread.
pub(super) fn read(file: &Path, data: &Data<'_>) -> Result<Measured, Failure> {
    let source = SourceOptions { dialect: Dialect::Backfill, ..SourceOptions::default() };
    let rules = Rules { precision: TimePrecision::Micros, ..Rules::default() };
    let (schema, mut scratch) = (Mutex::new(Schema::default()), Scratch::new(&Pool::new(64 << 20)));
    let started = Instant::now();
    let mut rows = 0;
    for part in source::parts(&InputFile::new(file, "file"), &source)? {
        let prepared = prepare(&part?, rows, &schema, &rules, &mut scratch)?;
        rows += prepared.rows.len() as u64;
    }
    Ok(Measured::once(rows, started.elapsed().as_secs_f64(), *expected(file, data) == rows))
}

/// Decoding all columns and throwing them away.
pub(super) fn decode(file: &Path, data: &Data<'_>) -> Result<Measured, Failure> {
    let metadata = ArrowReaderMetadata::load(&File::open(data.path("base.parquet"))?, ArrowReaderOptions::new())?;
    let schema = metadata.schema().clone();
    let started = Instant::now();
    let rows = match format(file)? {
        "parquet" => parquet(file)?,
        "csv" => csv(file, schema)?,
        _ => ndjson(file, schema)?,
    };
    Ok(Measured::once(rows, started.elapsed().as_secs_f64(), *expected(file, data) == rows))
}

/// All cores take row groups.
fn parquet(file: &Path) -> Result<u64, Failure> {
    let metadata = ArrowReaderMetadata::load(&File::open(file)?, ArrowReaderOptions::new())?;
    let (groups, next) = (metadata.metadata().num_row_groups(), AtomicUsize::new(0));
    let work = || -> Result<u64, ArrowError> {
        let mut rows = 0;
        while let Some(group) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|group| *group < groups) {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(File::open(file)?, metadata.clone());
            rows += count(builder.with_row_groups(vec![group]).with_batch_size(BATCH).build()?)?;
        }
        Ok(rows)
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let rows = threads.into_iter().map(|thread| match thread.join() {
            Ok(rows) => rows.map_err(Failure::from),
            Err(panic) => std::panic::resume_unwind(panic),
        });
        rows.sum()
    })
}

fn csv(file: &Path, schema: SchemaRef) -> Result<u64, Failure> {
    let reader = arrow::csv::ReaderBuilder::new(schema).with_header(true).with_batch_size(BATCH);
    Ok(count(reader.build(File::open(file)?)?)?)
}

fn ndjson(file: &Path, schema: SchemaRef) -> Result<u64, Failure> {
    let lines = BufReader::with_capacity(1 << 20, MultiGzDecoder::new(File::open(file)?));
    Ok(count(arrow::json::ReaderBuilder::new(schema).with_batch_size(BATCH).build(lines)?)?)
}

fn count(mut batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>) -> Result<u64, ArrowError> {
    batches.try_fold(0, |rows, batch| Ok(rows + std::hint::black_box(batch?).num_rows() as u64))
}
