//! Any bytes as a change file: `format and options, 1 byte · options, 1 byte · file`.

use super::Bytes;
use crate::support::fast_folder;
use arrow::array::Array;
use eventmirror::ingest::{Rules, Scratch, prepare};
use eventmirror::model::arena::Pool;
use eventmirror::{
    ChangePart, CsvForm, Dialect, Error, FileFormat, InputFile, Mapping, Schema, SourceOptions, TimeUnit,
};
use parking_lot::Mutex;
use std::cell::RefCell;

thread_local! {
    /// One folder for all inputs of a thread.
    static FOLDER: RefCell<tempfile::TempDir> = RefCell::new(fast_folder());
}

pub fn change_file(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let options = options(bytes.byte(), bytes.byte());
    FOLDER.with_borrow(|folder| {
        let path = folder.path().join(super::FILE);
        std::fs::write(&path, bytes.0).unwrap();
        let file = InputFile::new(&path, "a-name");
        super::read_twice(|| read(&file, &options));
    });
}

fn options(first: u8, second: u8) -> SourceOptions {
    let is = |bit: u8| second >> bit & 1 == 1;
    let mapping: &[&str] = match is(0) {
        true => &["user_id=u", "insert_id=i+j", "event_time=t", "json_columns=p"],
        false => &[],
    };
    SourceOptions {
        format: [Some(FileFormat::Json), Some(FileFormat::Csv), Some(FileFormat::Parquet), None]
            [usize::from(first & 3)],
        rows_per_part: [16_384, 2, 1, 0][usize::from(first >> 2 & 3)],
        dialect: [Dialect::S3, Dialect::Backfill, Dialect::Snowflake, Dialect::Databricks, Dialect::Bigquery]
            [usize::from(first >> 4 & 7) % 5],
        is_dialect_given: true,
        csv_form: is(5).then_some(CsvForm::Escaped),
        header: is(6).then(|| ["user_id", "insert_id", "time", "n"].map(str::to_owned).into()),
        mapping: Mapping::parse(mapping).unwrap(),
        time_unit: [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond]
            [usize::from(second >> 1 & 3)],
        op_case_insensitive: is(3),
        memory: if is(4) { 64 << 10 } else { 16 << 20 },
        ..SourceOptions::default()
    }
}

/// Reads all parts and prepares them for the store. Returns rows, refused rows and bytes of what was prepared.
fn read(file: &InputFile, options: &SourceOptions) -> Result<(usize, usize, usize), Error> {
    let schema = Mutex::new(Schema::default());
    let (mut rows, mut refused, mut bytes) = (0, 0, 0);
    for part in eventmirror::source::open(file, options)?.parts {
        let part = part?;
        check_lengths(&part);
        let prepared = prepare(&part, rows as u64, &schema, &Rules::default(), &mut Scratch::new(&Pool::new(0)))?;
        bytes += prepared.arena.len();
        rows += part.rows.num_rows();
        refused += part.refused.len();
    }
    Ok((rows, refused, bytes))
}

fn check_lengths(part: &ChangePart) {
    let rows = part.rows.num_rows();
    assert!(rows > 0, "a part has rows");
    assert_eq!([part.user_id.len(), part.insert_id.len(), part.event_time.len()], [rows; 3]);
    assert!([0, rows].contains(&part.sub_micros.len()));
    assert!(part.refused.is_sorted_by(|a, b| a.row < b.row), "refused rows rise");
    assert!(part.refused.iter().all(|refused| refused.row < rows));
    assert!(part.payload.iter().all(|column| *column < part.rows.num_columns()));
    for row in 0..rows {
        let _ = (part.operations.get(row), part.row_numbers.get(row));
    }
    assert!(part.sequence.iter().all(|sequence| sequence.len() == rows));
    assert!(part.pair.iter().all(|pair| pair.len() == rows));
    assert!(part.notes.is_sorted_by_key(|(row, _)| *row) && part.notes.iter().all(|(row, _)| *row < rows));
    assert!((1..rows).all(|row| part.row_numbers.get(row - 1) < part.row_numbers.get(row)), "row numbers rise");
}
