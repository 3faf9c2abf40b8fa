#![allow(clippy::unwrap_used, clippy::print_stdout)]
use super::*;
use crate::model::change::TextMeaning;
use crate::source::InputFile;
use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::Field;
use arrow::datatypes::{Int32Type, Int64Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use std::io::{Read, Seek, SeekFrom, Write};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/malformed/parquet-testing/bad_data");

fn write(batch: &RecordBatch, properties: WriterProperties) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file
}

fn read(file: File, options: &SourceOptions) -> Result<Vec<Rows>> {
    open(file, "f.parquet", options)?.rows.collect()
}

/// A file made of the bytes of another.
fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn bytes_of(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn sample(rows: usize) -> RecordBatch {
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("event number {n:08}"))));
    let kinds: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|n| ["view", "click", "buy"][n % 3])));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|n| (n % 7 != 0).then_some(n as i64))));
    RecordBatch::try_from_iter([("id", ids), ("kind", kinds), ("n", numbers)]).unwrap()
}

fn check_sample(parts: &[Rows], rows: usize) {
    let mut row = 0;
    for part in parts {
        assert_eq!(part.numbers.get(0), row as u64 + 1);
        let ids = cast(part.batch.column(0), &DataType::Utf8).unwrap();
        let kinds = cast(part.batch.column(1), &DataType::Utf8).unwrap();
        for at in 0..part.batch.num_rows() {
            assert_eq!(ids.as_string::<i32>().value(at), format!("event number {row:08}"));
            assert_eq!(kinds.as_string::<i32>().value(at), ["view", "click", "buy"][row % 3]);
            row += 1;
        }
        assert!(part.batch.column(2).as_primitive_opt::<Int64Type>().is_some());
    }
    assert_eq!(row, rows);
}

#[test]
fn few_texts_come_as_a_dictionary_and_others_as_views() {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3_000)).build();
    let parts = read(write(&sample(10_000), properties), &SourceOptions::default()).unwrap();
    check_sample(&parts, 10_000);
    assert_eq!(parts[0].batch.column(0).data_type(), &DataType::Utf8View);
    assert_eq!(parts[0].batch.column(1).as_dictionary::<Int32Type>().values().len(), 3);
}

#[test]
fn every_codec_encoding_and_page_version_is_read() {
    let gzip = Compression::GZIP(GzipLevel::default());
    let brotli = Compression::BROTLI(BrotliLevel::default());
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for codec in
        [Compression::UNCOMPRESSED, Compression::SNAPPY, gzip, brotli, zstd, Compression::LZ4_RAW, Compression::LZ4]
    {
        for (version, encoding) in [
            (WriterVersion::PARQUET_1_0, None),
            (WriterVersion::PARQUET_2_0, None),
            (WriterVersion::PARQUET_2_0, Some(Encoding::DELTA_BYTE_ARRAY)),
            (WriterVersion::PARQUET_1_0, Some(Encoding::DELTA_LENGTH_BYTE_ARRAY)),
        ] {
            let mut properties = WriterProperties::builder().set_compression(codec).set_writer_version(version);
            if let Some(encoding) = encoding {
                properties = properties.set_dictionary_enabled(false).set_column_encoding("id".into(), encoding);
            }
            check_sample(&read(write(&sample(5_000), properties.build()), &SourceOptions::default()).unwrap(), 5_000);
        }
    }
}

#[test]
fn structs_and_lists_become_json_text() {
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let validity = Some(vec![true, true, false].into());
    let fields = vec![Arc::new(Field::new("a", DataType::Int64, true))].into();
    let objects: ArrayRef = Arc::new(StructArray::try_new(fields, vec![inner], validity).unwrap());
    let lists = vec![Some(vec![Some(1), None]), Some(vec![]), None];
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists));
    let batch = RecordBatch::try_from_iter([("event_properties", objects), ("tags", lists)]).unwrap();
    let parts = read(write(&batch, WriterProperties::builder().build()), &SourceOptions::default()).unwrap();
    let texts = |c: usize| {
        let column = parts[0].batch.column(c).as_string::<i32>();
        column.iter().map(|v| v.unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(0), ["{\"a\":1}", "{\"a\":null}", "-"]);
    assert_eq!(texts(1), ["[1,null]", "[]", "-"]);
    assert!(parts[0].batch.schema().fields().iter().all(|f| TextMeaning::of(f) == TextMeaning::JsonText));
}

#[test]
fn large_rows_make_small_parts() {
    let wide: ArrayRef = Arc::new(StringArray::from_iter_values((0..2_000).map(|n| format!("{n}").repeat(500))));
    let batch = RecordBatch::try_from_iter([("wide", wide)]).unwrap();
    let options = SourceOptions { memory: 4 << 20, ..Default::default() };
    let properties = WriterProperties::builder().set_data_page_size_limit(64 << 10).set_write_batch_size(16).build();
    let parts = read(write(&batch, properties), &options).unwrap();
    assert!(parts.len() > 3, "{}", parts.len());
    assert_eq!(parts.iter().map(|p| p.batch.num_rows()).sum::<usize>(), 2_000);
}

#[test]
fn an_empty_file_has_no_rows_and_a_file_of_no_bytes_is_wrong() {
    assert!(
        read(write(&sample(0), WriterProperties::builder().build()), &SourceOptions::default()).unwrap().is_empty()
    );
    let error = read(file_of(b""), &SourceOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::InvalidInput, Some("f.parquet")));
}

/// Bytes that a writer of Thrift's compact protocol would write for a number.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A file whose footer is these bytes.
fn with_footer(footer: &[u8]) -> File {
    file_of(&[b"PAR1", footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat())
}

fn refusal(file: File) -> String {
    let error = read(file, &SourceOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::InvalidInput, Some("f.parquet")));
    error.to_string()
}

#[test]
fn a_footer_that_claims_lists_it_does_not_hold_is_refused_before_allocating() {
    // Version 1; then row groups (field 4): a list of 2^40 structures in no bytes.
    let mut footer = vec![0x15, 0x02, 0x39, 0xfc];
    varint(1 << 40, &mut footer);
    assert!(refusal(with_footer(&footer)).contains("the footer is damaged"));
}

#[test]
fn a_schema_that_nests_without_end_is_refused_before_the_stack_overflows() {
    let groups = 200_000;
    let mut footer = vec![0x15, 0x02, 0x19, 0xfc];
    varint(groups, &mut footer);
    for _ in 0..groups {
        // name (field 4) "g"; num_children (field 5) 1
        footer.extend([0x48, 1, b'g', 0x15, 0x02, 0x00]);
    }
    footer.push(0);
    assert!(refusal(with_footer(&footer)).contains("the schema nests"));
}

#[test]
fn a_page_that_claims_an_absurd_size_is_refused() {
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_dictionary_enabled(false).build();
    let bytes = bytes_of(write(&sample(64), properties));
    // The first page's header: type (field 1) data page, then uncompressed size (field 2), which is two bytes long here.
    assert_eq!(&bytes[4..7], [0x15, 0x00, 0x15]);
    let mut bomb = bytes[..7].to_vec();
    varint(400 << 21, &mut bomb);
    bomb.extend(&bytes[9..]);
    // Three bytes were added: take them out of the page's end, so that the footer still fits.
    let added = bomb.len() - bytes.len();
    bomb.drain(200..200 + added);
    let error = refusal(file_of(&bomb));
    assert!(error.contains("claims to decompress to 419430400"), "{error}");
}

#[test]
fn a_gzip_page_that_holds_more_than_it_claims_is_refused() {
    // Noise in hexadecimal digits: it compresses to half, so that what Deflate could make of it exceeds the memory.
    let mut seed = 1_u64;
    let mut digits = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{:016x}", seed ^ (seed >> 29))
    };
    let noise = (0..64).map(|_| (0..4096).map(|_| digits()).collect::<String>());
    let noise: ArrayRef = Arc::new(StringArray::from_iter_values(noise.collect::<Vec<_>>()));
    let batch = RecordBatch::try_from_iter([("noise", noise)]).unwrap();
    for codec in [Compression::GZIP(GzipLevel::default()), Compression::BROTLI(BrotliLevel::default())] {
        let properties = WriterProperties::builder().set_compression(codec).set_dictionary_enabled(false);
        let file = write(&batch, properties.set_data_page_size_limit(64 << 20).build());
        let options = SourceOptions { memory: 8 << 20, ..Default::default() };
        let mut bytes = bytes_of(file);
        let before = read(file_of(&bytes), &options);
        assert!(before.is_ok(), "{before:?}");
        // 4 MiB as a number in zigzag form has four bytes; claim 2 MiB instead.
        assert_eq!(&bytes[4..7], [0x15, 0x00, 0x15]);
        let mut less = Vec::new();
        varint((2 << 20) * 2, &mut less);
        assert_eq!(less.len(), 4);
        bytes[7..11].copy_from_slice(&less);
        let error = read(file_of(&bytes), &options).unwrap_err().to_string();
        assert!(error.contains("decompresses to more than the 2097152"), "{codec:?} {error}");
    }
}

#[test]
fn lengths_that_a_page_does_not_hold_are_refused_before_allocating() {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_column_encoding("id".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .build();
    let mut bytes = bytes_of(write(&sample(300), properties));
    // The head of the lengths: 128 numbers a block, 4 miniblocks, 300 numbers. The writer's own sizes.
    let head = bytes.windows(5).position(|w| w == [0x80, 0x01, 0x04, 0xac, 0x02]).unwrap();
    bytes[head + 3..head + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x3f]);
    let error = refusal(file_of(&bytes));
    assert!(error.contains("the lengths of a page's values are damaged"), "{error}");
}

#[test]
fn no_flipped_bit_escapes_as_a_panic() {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let good = bytes_of(write(&sample(200), properties));
    let options = SourceOptions { memory: 64 << 20, ..Default::default() };
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    println!("seed {seed:#x}");
    for _ in 0..3_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut bad = good.clone();
        let at = (seed >> 33) as usize % bad.len();
        bad[at] ^= 1 << (seed & 7);
        if let Err(error) = read(file_of(&bad), &options) {
            assert_eq!(error.place(), Some("f.parquet"), "{error}");
        }
    }
}

#[test]
fn the_hostile_files_of_parquet_testing_are_contained() {
    let Ok(files) = std::fs::read_dir(DATA) else {
        println!("skipped: {DATA} is absent");
        return;
    };
    for path in files.map(|f| f.unwrap().path()) {
        let file = InputFile::new(&path, path.file_name().unwrap().to_str().unwrap());
        let read = crate::source::files::open(&file, &SourceOptions::default(), true)
            .and_then(|r| r.0.rows.collect::<Result<Vec<_>>>());
        match read {
            Ok(parts) => println!("{}: {} rows", file.name, parts.iter().map(|p| p.batch.num_rows()).sum::<usize>()),
            Err(error) => {
                println!("{}: {error}", file.name);
                assert_eq!(error.place(), path.to_str(), "{error}");
            }
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    println!("peak memory of this test process: {peak:?} KiB");
    assert!(peak.is_none_or(|kib| kib < 2 << 20));
}

/// Reads a file as an object is read: by ranges, and once from its first byte on. Counts the bytes of ranges.
fn read_ranges(bytes: &[u8], options: &SourceOptions) -> Result<(Vec<Rows>, [u8; 32], u64)> {
    use crate::source::inputs::content::{Hashing, Passing};
    use std::sync::atomic::{AtomicU64, Ordering};
    let bytes: Arc<[u8]> = bytes.into();
    let read = Arc::new(AtomicU64::new(0));
    let (held, counter) = (bytes.clone(), read.clone());
    let range = move |range: Range<u64>| -> Box<dyn Read + Send> {
        counter.fetch_add(range.end - range.start, Ordering::Relaxed);
        Box::new(std::io::Cursor::new(held[range.start as usize..range.end as usize].to_vec()))
    };
    let ranges = Ranges { size: bytes.len() as u64, read: Box::new(range) };
    let input = Passing::new(Box::new(std::io::Cursor::new(bytes.to_vec())), true);
    let parts = open_ranges(ranges, input.clone(), "f.parquet", options)?.rows.collect::<Result<_>>()?;
    let hash = Hashing::Passing(input).hash().unwrap().unwrap();
    Ok((parts, hash, read.load(Ordering::Relaxed)))
}

/// A file with other row groups in its footer.
fn with_groups(bytes: &[u8], change: impl Fn(Vec<RowGroupMetaData>) -> Vec<RowGroupMetaData>) -> Vec<u8> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize + 8;
    let groups = change(metadata.row_groups().to_vec());
    let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
    let own = metadata.file_metadata();
    let file = FileMetaData::new(own.version(), rows, None, None, own.schema_descr_ptr(), own.column_orders().cloned());
    let mut out = bytes[..bytes.len() - footer].to_vec();
    ParquetMetaDataWriter::new(&mut out, &ParquetMetaData::new(file, groups)).finish().unwrap();
    out
}

#[test]
fn an_object_gives_the_rows_of_a_local_file_and_its_hash_in_one_pass() {
    let properties = || WriterProperties::builder().set_max_row_group_row_count(Some(3_000)).build();
    let bytes = bytes_of(write(&sample(10_000), properties()));
    for (memory, rows_per_part) in [(512 << 20, 16_384), (512 << 20, 700), (400 << 10, 16_384)] {
        let options = SourceOptions { memory, rows_per_part, ..SourceOptions::default() };
        let (parts, hash, ranges) = read_ranges(&bytes, &options).unwrap();
        check_sample(&parts, 10_000);
        assert_eq!(hash, *blake3::hash(&bytes).as_bytes());
        assert_eq!(ranges, (256 << 10).min(bytes.len() as u64), "the end of the file, and nothing twice beside it");
        let local = read(file_of(&bytes), &options).unwrap();
        let both = parts.iter().zip(&local);
        assert!(
            parts.len() == local.len() && both.clone().all(|(a, b)| a.batch == b.batch),
            "{memory} {rows_per_part}"
        );
    }
}

#[test]
fn wanted_rows_are_read_alone_with_their_numbers() {
    let properties = || WriterProperties::builder().set_max_row_group_row_count(Some(3_000)).build();
    let bytes = bytes_of(write(&sample(10_000), properties()));
    // The first and the last row of a group, neighbours, none of the third group, and numbers that no row has.
    for wanted in [vec![1, 2, 3_000, 3_001, 5_555, 9_001, 10_000], vec![4_000], vec![], vec![10_001, 99_999]] {
        for rows_per_part in [16_384, 2] {
            let only_rows = Some(wanted.clone().into());
            let options = SourceOptions { only_rows, rows_per_part, ..SourceOptions::default() };
            let found = |parts: Vec<Rows>| -> Vec<(u64, String)> {
                let of_part = |part: &Rows| {
                    let ids = cast(part.batch.column(0), &DataType::Utf8).unwrap();
                    let row = |row| (part.numbers.get(row), ids.as_string::<i32>().value(row).to_owned());
                    (0..part.batch.num_rows()).map(row).collect::<Vec<_>>()
                };
                parts.iter().flat_map(of_part).collect()
            };
            let there = wanted.iter().filter(|number| **number <= 10_000);
            let expected: Vec<_> = there.map(|number| (*number, format!("event number {:08}", number - 1))).collect();
            assert_eq!(found(read(file_of(&bytes), &options).unwrap()), expected);
            assert_eq!(found(read_ranges(&bytes, &options).unwrap().0), expected, "as an object");
        }
    }
}

#[test]
fn row_groups_out_of_order_are_read_and_overlapping_ones_refused() {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3_000)).build();
    let bytes = bytes_of(write(&sample(9_000), properties));
    let turned = with_groups(&bytes, |groups| groups.into_iter().rev().collect());
    let (parts, hash, _) = read_ranges(&turned, &SourceOptions::default()).unwrap();
    let local = read(file_of(&turned), &SourceOptions::default()).unwrap();
    assert!(parts.len() == 3 && parts.iter().zip(&local).all(|(a, b)| a.batch == b.batch));
    assert_eq!(hash, *blake3::hash(&turned).as_bytes());
    let again = with_groups(&bytes, |groups| groups.iter().cycle().take(9).cloned().collect());
    let error = read_ranges(&again, &SourceOptions::default()).unwrap_err();
    assert!(error.to_string().contains("row groups overlap"), "{error}");
}

#[test]
fn a_long_footer_of_an_object_is_read_whole() {
    let columns = (0..400).map(|n| {
        (
            format!("a column with a rather long name so that the footer grows, number {n}"),
            Arc::new(Int64Array::from(vec![n])) as ArrayRef,
        )
    });
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1)).build();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let bytes = bytes_of(write(&arrow::compute::concat_batches(&batch.schema(), [&batch; 9]).unwrap(), properties));
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
    assert!(footer > 256 << 10, "{footer}");
    let (parts, ..) = read_ranges(&bytes, &SourceOptions::default()).unwrap();
    assert_eq!(parts.len(), 9);
}
