//! RocksDB alone, given the same rows. It reads nothing before it writes, so it can leave nothing out and count nothing:
//! a floor for what is stored in it, and no peer.

use super::Failure;
use super::data::Data;
use super::line::Measured;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use eventmirror::EventKey;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rocksdb::{DB, DBCompressionType, IngestExternalFileOptions, IteratorMode, Options, SstFileWriter};
use rocksdb::{WriteBatch, WriteOptions};
use std::fs::File;
use std::path::Path;
use std::time::Instant;

const KEY_COLUMNS: [&str; 3] = ["user_id", "insert_id", "event_time"];

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_max_background_jobs(4);
    options
}

pub(super) fn open(path: &Path) -> Result<DB, Failure> {
    Ok(DB::open(&options(), path)?)
}

/// One row: its key, and its columns or `None` for a delete.
type Row = (Vec<u8>, Option<Vec<u8>>);

fn key(user_id: &str, insert_id: &str, event_time: i64) -> Vec<u8> {
    let time = (event_time as u64 ^ 1 << 63).to_be_bytes();
    [user_id.as_bytes(), &[0], insert_id.as_bytes(), &[0], &time].concat()
}

/// The rows of a file, sorted by key.
fn sorted_rows(file: &Path) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_batch_size(8192).build()? {
        encode(&batch?, &mut rows)?;
    }
    rows.sort_unstable();
    Ok(rows)
}

fn encode(batch: &RecordBatch, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no column {name}"));
    let (users, inserts) = (column("user_id")?.as_string::<i32>(), column("insert_id")?.as_string::<i32>());
    let times = column("event_time")?.as_primitive::<TimestampMicrosecondType>();
    let operations = batch.column_by_name("op").map(|column| column.as_string::<i32>());
    let schema = batch.schema();
    let is_payload = |name: &str| name != "op" && !KEY_COLUMNS.contains(&name);
    let payload: Vec<_> =
        batch.columns().iter().zip(schema.fields()).filter(|(_, field)| is_payload(field.name())).collect();
    for row in 0..batch.num_rows() {
        let is_delete = operations.is_some_and(|operations| operations.value(row) == "D");
        let value = (!is_delete).then(|| {
            let mut value = Vec::with_capacity(256);
            payload.iter().for_each(|(array, _)| put(array, row, &mut value));
            value
        });
        rows.push((key(users.value(row), inserts.value(row), times.value(row)), value));
    }
    Ok(())
}

/// Length and bytes of one cell.
fn put(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    let mut bytes = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    match array.data_type() {
        _ if array.is_null(row) => bytes(&[]),
        DataType::Int64 => bytes(&array.as_primitive::<Int64Type>().value(row).to_be_bytes()),
        DataType::Float64 => bytes(&array.as_primitive::<Float64Type>().value(row).to_be_bytes()),
        _ => bytes(array.as_string::<i32>().value(row).as_bytes()),
    }
}

/// Sorted files, one a core, which are ingested.
pub(super) fn load(database: &DB, path: &Path, data: &Data<'_>) -> Result<Measured, Failure> {
    let started = Instant::now();
    let rows = sorted_rows(&data.path("base.parquet"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<_> = rows.chunks(rows.len().div_ceil(cores).max(1)).enumerate().collect();
    let write = |(number, rows): &(usize, &[Row])| -> Result<_, rocksdb::Error> {
        let (options, file) = (options(), path.with_extension(format!("{number}.sst")));
        let mut writer = SstFileWriter::create(&options);
        writer.open(&file)?;
        rows.iter().try_for_each(|(key, value)| writer.put(key, value.as_deref().unwrap_or_default()))?;
        writer.finish().map(|()| file)
    };
    let files = std::thread::scope(|scope| {
        let threads: Vec<_> = parts.iter().map(|part| scope.spawn(|| write(part))).collect();
        let files = threads.into_iter().map(|thread| match thread.join() {
            Ok(file) => file,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        files.collect::<Result<Vec<_>, _>>()
    })?;
    let mut ingest = IngestExternalFileOptions::default();
    ingest.set_move_files(true);
    database.ingest_external_file_opts(&ingest, files)?;
    let seconds = started.elapsed().as_secs_f64();
    let count = rows.len() as u64;
    Ok(Measured::once(count, seconds, data.manifest["n"] == count && stored(database)? == count))
}

/// One sorted, synced batch a file.
pub(super) fn changes(database: &DB, data: &Data<'_>, phase: &str) -> Result<Measured, Failure> {
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    synced.set_memtable_insert_hint_per_batch(true);
    let mut measured = Measured { rows: 0, seconds: Vec::new(), ok: true };
    for file in data.batches(phase)? {
        let started = Instant::now();
        let rows = sorted_rows(&file)?;
        let mut batch = WriteBatch::default();
        for (key, value) in &rows {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        database.write_opt(batch, &synced)?;
        measured.seconds.push(started.elapsed().as_secs_f64());
        measured.rows += rows.len() as u64;
        measured.ok &= data.batch(&file)["rows"] == rows.len();
    }
    if phase != "b" {
        measured.ok &= stored(database)? == expected_after(data, phase)?;
    }
    Ok(measured)
}

/// Updates of absent keys are not left out here, so their rows are there too.
fn expected_after(data: &Data<'_>, phase: &str) -> Result<u64, Failure> {
    let mut rows = data.manifest[&format!("check_after_{phase}")]["rows"].as_u64().unwrap_or_default();
    for earlier in ["b", "c", "d"].into_iter().filter(|earlier| *earlier <= phase) {
        for file in data.batches(earlier)? {
            rows += data.batch(&file)["missing_update"].as_u64().unwrap_or_default();
        }
    }
    Ok(rows)
}

fn stored(database: &DB) -> Result<u64, Failure> {
    database.iterator(IteratorMode::Start).try_fold(0, |rows, entry| {
        entry?;
        Ok(rows + 1)
    })
}

pub(super) fn lookup(database: &DB, data: &Data<'_>) -> Result<Measured, Failure> {
    let keys: Vec<EventKey> = data.probe_keys()?;
    super::reading::warm(&keys, |probe| {
        let found = database.get(key(&probe.user_id, &probe.insert_id, probe.event_time))?;
        Ok((1, found.is_some()))
    })
}
