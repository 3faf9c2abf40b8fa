//! Any bytes as a converter and the file that it reads: `format and memory, 1 byte · converter · 0 · file`.

use crate::support::fast_folder;
use arrow::array::{Array, AsArray};
use eventmirror::ingest::{Rules, Scratch, prepare};
use eventmirror::model::arena::Pool;
use eventmirror::model::json::validate;
use eventmirror::{Converter, Error, ErrorKind, FileFormat, InputFile, Schema, SourceOptions, source};
use parking_lot::Mutex;

pub fn converter(bytes: &[u8]) {
    let mut bytes = super::Bytes(bytes);
    let first = bytes.byte();
    let mut halves = bytes.0.splitn(2, |byte| *byte == 0);
    let (text, content) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let converter = match Converter::parse(text) {
        Ok(converter) => converter.at_time(1_762_214_400_000),
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Usage, "the converter is at fault: {error}"),
    };
    let folder = fast_folder();
    let path = folder.path().join(super::FILE);
    std::fs::write(&path, content).unwrap();
    let file = InputFile::new(&path, "a-name");
    let formats = [Some(FileFormat::Json), Some(FileFormat::Csv), Some(FileFormat::Parquet), None];
    let options = SourceOptions {
        format: converter.file_type().or(formats[usize::from(first & 3)]),
        converter: Some(converter),
        rows_per_part: [16_384, 2, 1, 3][usize::from(first >> 2 & 3)],
        memory: if first >> 4 & 1 == 1 { 64 << 10 } else { 16 << 20 },
        ..SourceOptions::default()
    };
    super::read_twice(|| read(&file, &options));
}

/// Converts all rows and prepares them for the store. Returns rows, refused rows and bytes of what was prepared.
fn read(file: &InputFile, options: &SourceOptions) -> Result<(usize, usize, usize), Error> {
    let schema = Mutex::new(Schema::default());
    let (mut rows, mut refused, mut bytes) = (0, 0, 0);
    for part in source::parts(file, options)? {
        let part = part?;
        for column in part.rows.columns() {
            for token in column.as_string::<i32>().iter().flatten() {
                // Deeper than our own scanner goes, a file's reader has checked it.
                let is_json = validate(token.as_bytes()).is_ok() || token.len() > 1_000;
                assert!(is_json, "what comes out is JSON: {token}");
            }
        }
        let prepared = prepare(&part, rows as u64, &schema, &Rules::default(), &mut Scratch::new(&Pool::new(0)))?;
        assert!(prepared.counts.read as usize == part.user_id.len());
        bytes += prepared.arena.len();
        rows += part.rows.num_rows();
        refused += part.refused.len();
    }
    Ok((rows, refused, bytes))
}
