#![allow(clippy::unwrap_used, clippy::print_stdout)]
//! What all sources promise, whatever the dialect and the format.
use super::text::Text;
use super::*;
use crate::error::{Error, ErrorKind};
use crate::model::change::{ChangePart, RowNumbers, TextMeaning, WindowKind};
use crate::model::rejection::Rule;
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Section 2.4 of the fact sheet: S3 JSON.
const SAMPLE_JSON: &str = include_str!("../../tests/data/spec/s3.json");

/// Section 2.5: S3 CSV.
const SAMPLE_CSV: &str = include_str!("../../tests/data/spec/s3.csv");

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> InputFile {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        InputFile::new(path, name)
    }
}

fn read(file: &InputFile, options: &SourceOptions) -> Result<Vec<ChangePart>> {
    open(file, options)?.parts.collect()
}

fn text(array: &ArrayRef, row: usize) -> String {
    Text::of(array).unwrap().get(row).unwrap_or("-").to_owned()
}

/// One line a row: number, operation, key, then the payload as `column=value`. Independent of the cut into parts.
fn records(parts: &[ChangePart]) -> Vec<String> {
    let mut lines = Vec::new();
    for part in parts {
        for row in 0..part.rows.num_rows() {
            let time = if part.event_time.is_null(row) { "-".into() } else { part.event_time.value(row).to_string() };
            let mut line = format!(
                "{:?} {}/{}/{time}",
                part.operations.get(row),
                text(&part.user_id, row),
                text(&part.insert_id, row)
            );
            for column in part.payload.iter() {
                let value = text(part.rows.column(*column), row);
                if value != "-" {
                    line += &format!(" {}={value}", part.rows.schema().field(*column).name());
                }
            }
            for refused in part.refused.iter().filter(|r| r.row == row) {
                line = format!("{}: {}", refused.rule.name(), refused.detail);
            }
            lines.push(format!("{} {line}", part.row_numbers.get(row)));
        }
    }
    lines
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_json_sample_is_decoded() {
    let file = Folder::new();
    let file = &file.file("2025-11-04_00.json.gz", gzip(SAMPLE_JSON.as_bytes()));
    let batch = open(file, &SourceOptions::default()).unwrap();
    assert_eq!((batch.source.as_str(), batch.window), ("s3", WindowKind::Operations));
    let lines = records(&batch.parts.collect::<Result<Vec<_>>>().unwrap());
    assert_eq!(
        lines[0],
        "1 Insert u-10003/ord-1003/1762214399999000 event_type=\"Order Placed\" event_properties={\"total\":19.90,\"sku\":[\"A1\",\"B2\"]}"
    );
    let heads: Vec<String> = lines.iter().map(|l| l.split(" event_").next().unwrap().to_owned()).collect();
    assert_eq!(
        heads[1..],
        [
            "2 Update u-10001/ord-1001/1762161300123000",
            "3 Delete u-10002/ord-1002/1762161390000000",
            "4 Update u-10001/ord-1001/1762161300123000",
            "5 Update u-10001/ord-1001/1762161300124000",
            "6 Insert /ord-1004/1762242312500000",
            "7 Unknown u-10003/ord-1003/1762214399999000",
            "8 Delete u-99999/nope-1/1762243200000000",
        ]
    );
}

#[test]
fn the_csv_sample_is_decoded() {
    let folder = Folder::new();
    let parts = read(&folder.file("2025-11-04_01.csv", SAMPLE_CSV), &SourceOptions::default()).unwrap();
    let lines = records(&parts);
    assert_eq!(
        lines[4..],
        [
            "6 Insert u-10006/ord-1006/1762242312501000 event_type=Order Placed total=7 coupon=A,B \"quoted\" props_json={}",
            "7 Unknown u-10007/ord-1007/1762243200000000 event_type=Order Placed total=1",
            "8 Insert usr1/ord-1008/1762243200000000 event_type=Order Placed total=1",
        ]
    );
    assert!(lines[2].starts_with("4 Update u-10005/ord-1005/1762242312500000 event_type=Order Placed total=12.50"));
    assert_eq!(lines[3], "5 Delete u-10006/ord-1006/1762242312501000");
    let props = parts[0].rows.schema().field_with_name("props_json").unwrap().clone();
    assert_eq!(TextMeaning::of(&props), TextMeaning::JsonText);
}

#[test]
fn a_backfill_reads_every_row_as_an_insert_and_keeps_the_operation_as_payload() {
    let folder = Folder::new();
    let options = SourceOptions { dialect: Dialect::Backfill, source: Some("first".to_owned()), ..Default::default() };
    let batch = open(&folder.file("a.csv", SAMPLE_CSV), &options).unwrap();
    assert_eq!((batch.source.as_str(), batch.window), ("first", WindowKind::Net));
    let lines = records(&batch.parts.collect::<Result<Vec<_>>>().unwrap());
    assert!(lines[3].starts_with("5 Insert u-10006/ord-1006/1762242312501000 mutation_type=DELETE"), "{}", lines[3]);
}

/// The table of the contract below in a form: text columns only, so that all formats can say the same.
fn table(format: &str, rows: usize) -> Vec<u8> {
    let names = ["user_id", "insert_id", "event_time", "mutation_type", "note"];
    let cell = |row: usize, name: &str| match name {
        "user_id" => Some(format!("user, {}", row % 7)),
        "insert_id" => Some(format!("id \"{row}\"")),
        "event_time" => Some(format!("2025-11-03 09:15:{:02}.{row:06}", row % 60)),
        "mutation_type" => ["INSERT", "UPDATE", "DELETE"].get(row % 4).map(|op| (*op).to_owned()),
        _ => (!row.is_multiple_of(3)).then(|| format!("a\nnote\\ é {row}")),
    };
    match format {
        "json" => {
            let object =
                |row: usize| names.iter().filter_map(|n| Some(((*n).to_owned(), cell(row, n)?.into()))).collect();
            let object = |row: usize| serde_json::Value::Object(object(row)).to_string() + "\n";
            (0..rows).map(object).collect::<String>().into_bytes()
        }
        "csv" => {
            let quoted =
                |value: Option<String>| value.map_or(String::new(), |v| format!("\"{}\"", v.replace('"', "\"\"")));
            let record = |row| names.map(|n| quoted(cell(row, n))).join(",") + "\n";
            (names.join(",") + "\n" + &(0..rows).map(record).collect::<String>()).into_bytes()
        }
        _ => parquet_table(&names, &cell, rows),
    }
}

#[cfg(feature = "parquet")]
fn parquet_table(names: &[&str], cell: &dyn Fn(usize, &str) -> Option<String>, rows: usize) -> Vec<u8> {
    let column = |name: &str| Arc::new((0..rows).map(|row| cell(row, name)).collect::<StringArray>()) as ArrayRef;
    let batch = RecordBatch::try_from_iter_with_nullable(names.iter().map(|n| (*n, column(n), true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[cfg(not(feature = "parquet"))]
fn parquet_table(_: &[&str], _: &dyn Fn(usize, &str) -> Option<String>, _: usize) -> Vec<u8> {
    Vec::new()
}

const FORMATS: &[&str] = if cfg!(feature = "parquet") { &["json", "csv", "parquet"] } else { &["json", "csv"] };

/// Records without their row numbers, and with JSON strings as the text they are.
fn contents(parts: &[ChangePart]) -> Vec<String> {
    let plain = |part: &ChangePart| {
        let columns = part.rows.columns().iter().zip(part.rows.schema_ref().fields()).map(|(array, field)| {
            let token = TextMeaning::of(field) == TextMeaning::JsonToken;
            let values = (0..array.len()).map(|row| {
                let value = Text::of(array).unwrap().get(row)?;
                Some(if token { text::unescape(value).unwrap().into_owned() } else { value.to_owned() })
            });
            (field.name().clone(), Arc::new(values.collect::<StringArray>()) as ArrayRef, true)
        });
        let rows = RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap();
        ChangePart { rows, row_numbers: RowNumbers::From(0), ..part.clone() }
    };
    let parts: Vec<ChangePart> = parts.iter().map(plain).collect();
    records(&parts).into_iter().map(|l| l.split_once(' ').unwrap().1.to_owned()).collect()
}

#[test]
fn all_formats_of_one_table_give_equal_records() {
    let folder = Folder::new();
    let of = |format: &&str| {
        let file = folder.file(&format!("t.{format}"), table(format, 500));
        contents(&read(&file, &SourceOptions { rows_per_part: 64, ..Default::default() }).unwrap())
    };
    let all: Vec<Vec<String>> = FORMATS.iter().map(of).collect();
    assert_eq!(all[0].len(), 500);
    assert!(all[0][5].starts_with("Update user, 5/id \"5\"/1762161305000005 note=a\nnote\\ é 5"), "{}", all[0][5]);
    for (format, other) in FORMATS.iter().zip(&all) {
        assert_eq!(other, &all[0], "{format}");
    }
}

#[test]
fn the_same_file_gives_equal_parts_each_time_and_equal_records_in_any_cut() {
    let folder = Folder::new();
    for format in FORMATS {
        let file = folder.file(&format!("t.{format}"), table(format, 300));
        let read = |rows_per_part| read(&file, &SourceOptions { rows_per_part, ..Default::default() }).unwrap();
        let (once, again) = (read(100), read(100));
        assert_eq!(once.len(), 3, "{format}");
        for (a, b) in once.iter().zip(&again) {
            assert_eq!(
                (&a.rows, &a.payload, &a.user_id, &a.event_time),
                (&b.rows, &b.payload, &b.user_id, &b.event_time)
            );
        }
        for rows_per_part in [1, 2, 3, 7, 1_000] {
            assert_eq!(records(&read(rows_per_part)), records(&once), "{format} {rows_per_part}");
        }
    }
}

#[test]
fn compressed_and_plain_files_give_equal_records() {
    let folder = Folder::new();
    for format in ["json", "csv"] {
        let plain = table(format, 200);
        let expected = records(&read(&folder.file(&format!("t.{format}"), &plain), &SourceOptions::default()).unwrap());
        let (first, second) = plain.split_at(plain.len() / 3);
        let members = [gzip(first), gzip(second)].concat();
        let frames = [zstd::encode_all(first, 3).unwrap(), zstd::encode_all(second, 3).unwrap()].concat();
        for (name, bytes) in [("gz", gzip(&plain)), ("gz", members.clone()), ("zst", frames.clone()), ("gz", frames)] {
            let file = folder.file(&format!("t.{format}.{name}"), bytes);
            assert_eq!(records(&read(&file, &SourceOptions::default()).unwrap()), expected, "{format} {name}");
        }
    }
}

#[test]
fn a_long_zstd_window_is_accepted() {
    let folder = Folder::new();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&table("json", 10)).unwrap();
    let file = folder.file("t.json.zst", encoder.finish().unwrap());
    assert_eq!(read(&file, &SourceOptions::default()).unwrap()[0].rows.num_rows(), 10);
}

#[test]
fn a_file_cut_short_is_an_error_that_names_it() {
    let folder = Folder::new();
    let text = table("json", 2_000);
    for (name, bytes) in [("t.json.gz", gzip(&text)), ("t.json.zst", zstd::encode_all(&text[..], 3).unwrap())] {
        for cut in [bytes.len() - 1, bytes.len() / 2, 20] {
            let error = read(&folder.file(name, &bytes[..cut]), &SourceOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    for format in FORMATS {
        let bytes = table(format, 100);
        let name = format!("t.{format}");
        let error = read(&folder.file(&name, &bytes[..bytes.len() - 10]), &SourceOptions::default()).unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
    }
}

#[test]
fn no_flipped_bit_panics_and_every_error_names_the_file() {
    let folder = Folder::new();
    let mut seed = 0x5eed_u64;
    println!("seed {seed:#x}");
    for (name, good) in [
        ("t.json", table("json", 20)),
        ("t.csv", table("csv", 20)),
        ("t.json.gz", gzip(&table("json", 200))),
        ("t.csv.zst", zstd::encode_all(&table("csv", 200)[..], 3).unwrap()),
    ] {
        for _ in 0..500 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut bad = good.clone();
            let at = (seed >> 33) as usize % bad.len();
            bad[at] ^= 1 << (seed & 7);
            if let Err(error) = read(&folder.file(name, bad), &SourceOptions::default()) {
                assert!(error.place().is_some_and(|place| place.contains(name)), "{error}");
            }
        }
    }
}

#[test]
fn empty_files_are_empty_batches() {
    let folder = Folder::new();
    for (name, content) in [("a.json", &b""[..]), ("a.csv", b""), ("b.csv", b"user_id,insert_id,time\n"), ("c", b"")] {
        assert!(read(&folder.file(name, content), &SourceOptions::default()).unwrap().is_empty(), "{name}");
    }
    assert!(read(&folder.file("a.json.gz", gzip(b"")), &SourceOptions::default()).unwrap().is_empty());
    #[cfg(feature = "parquet")]
    assert!(read(&folder.file("a.parquet", table("parquet", 0)), &SourceOptions::default()).unwrap().is_empty());
}

#[test]
fn rows_without_a_usable_key_are_refused_with_the_first_reason() {
    let folder = Folder::new();
    let text = r#"{"user_id":1.5,"insert_id":true,"time":"soon"}
[1]
{"user_id":"a","insert_id":{},"time":"soon"}
{"user_id":12345,"insert_id":"x","time":"soon"}
{"user_id":null,"time":1}
"#;
    let parts = read(&folder.file("t.json", text), &SourceOptions::default()).unwrap();
    let refused: Vec<(usize, Rule)> = parts[0].refused.iter().map(|r| (r.row, r.rule)).collect();
    assert_eq!(
        refused,
        [(0, Rule::BadUserId), (1, Rule::NotAnObject), (2, Rule::BadInsertId), (3, Rule::BadEventTime)]
    );
    assert!(parts[0].refused[3].detail.contains("soon"));
    assert_eq!(records(&parts)[4], "5 Update -/-/1000");
    // The text of the line that is no object can be shown, but is no payload.
    let line = parts[0].rows.num_columns() - 1;
    assert_eq!(text_of_column(&parts[0], line, 1), "[1]");
    assert!(!parts[0].payload.contains(&line));
}

fn text_of_column(part: &ChangePart, column: usize, row: usize) -> String {
    text(part.rows.column(column), row)
}

#[test]
fn the_retail_files_give_composite_ids_and_all_their_rows() {
    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/retail/by-day");
    if !Path::new(DATA).exists() {
        println!("skipped: {DATA} is absent");
        return;
    }
    let maps = ["user_id=CustomerID", "insert_id=InvoiceNo+StockCode", "event_time=InvoiceDate"];
    let options =
        SourceOptions { dialect: Dialect::Backfill, mapping: Mapping::parse(&maps).unwrap(), ..Default::default() };
    let (mut rows, mut without_user, mut first) = (0, 0, None);
    for file in list(&[DATA.to_owned()]).unwrap() {
        for part in read(&file, &options).unwrap() {
            assert!(part.refused.is_empty());
            rows += part.rows.num_rows();
            without_user += part.user_id.null_count();
            first.get_or_insert_with(|| records(std::slice::from_ref(&part)).swap_remove(0));
        }
    }
    assert_eq!((rows, without_user), (105_335, 36_210));
    let first = first.unwrap();
    assert!(
        first.starts_with("2 Insert 17850.0/536365/85123A/1291191960000000 InvoiceNo=536365 StockCode=85123A"),
        "{first}"
    );
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let folder = Folder::new();
    let file = folder.file("t.json", SAMPLE_JSON);
    let mut batch = open(&file, &SourceOptions { rows_per_part: 4, ..Default::default() }).unwrap();
    batch.parts.next().unwrap().unwrap();
    folder.file("t.json", format!("{SAMPLE_JSON}{SAMPLE_JSON}"));
    let error: Error = batch.parts.find_map(Result::err).unwrap();
    assert!(error.to_string().contains("changed while it was read"), "{error}");
}

/// How fast one thread decodes; run with `--ignored --nocapture`. `SPEED_PARQUET` names a Parquet file.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let folder = Folder::new();
    let mut inputs = vec![("ndjson", folder.file("t.json", speed_json(200_000)))];
    inputs.push(("ndjson.gz", folder.file("t.json.gz", gzip(&speed_json(200_000)))));
    inputs.push(("csv", folder.file("t.csv", table("csv", 200_000))));
    if let Ok(path) = std::env::var("SPEED_PARQUET") {
        inputs.push(("parquet", InputFile::new(path, "base.parquet")));
    }
    for (name, file) in inputs {
        for _ in 0..3 {
            let start = std::time::Instant::now();
            let size = file.stat().unwrap().0;
            file.hash().unwrap();
            let hashed = start.elapsed();
            let parts = parts(&file, &SourceOptions::default()).unwrap();
            let opened = start.elapsed() - hashed;
            let rows: usize = parts.map(|part| part.unwrap().rows.num_rows()).sum();
            let decoded = start.elapsed() - hashed;
            println!(
                "{name}: {rows} rows, {} bytes; hash {hashed:?}, open {opened:?}, decode {decoded:?} = {:.0} rows/s",
                size,
                rows as f64 / decoded.as_secs_f64()
            );
        }
    }
}

fn speed_json(rows: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for n in 0..rows {
        let (user, time) = (n % 5_000, 1_762_161_300_123_u64 + n as u64);
        writeln!(
            text,
            r#"{{"mutation_type":"UPDATE","user_id":"user-{user:06}","insert_id":"8f14e45f-ceea-467f-{n:012}","time":{time},"event_type":"Order Placed","platform":"iOS","os_version":"17.{}","country":"Germany","price":{}.5,"quantity":{},"event_properties":{{"total":{n},"sku":["A1","B2"],"note":"some text of the event"}}}}"#,
            user % 5,
            n % 100,
            n % 9
        )
        .unwrap();
    }
    text
}
