//! From the bytes of a file to net mutations.

use super::workload;
use criterion::{BatchSize, Criterion, Throughput};
use eventmirror::ingest::{Coalescing, PreparedRows, Rules, Scratch, coalesce, prepare};
use eventmirror::model::arena::Pool;
use eventmirror::model::change::{ChangePart, WindowKind};
use eventmirror::{Converter, Dialect, InputFile, Schema, SourceOptions, StoreOptions, UpdateMode, source};
use parking_lot::Mutex;
use std::io::Write;

const ROWS: u64 = 100_000;

/// A folder with the same events in every format.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the files");
    let store = workload::filled(&folder.path().join("mirror"), ROWS, StoreOptions::default()).expect("a store");
    for name in ["events.parquet", "events.csv", "events.ndjson"] {
        workload::write(&store, &folder.path().join(name), workload::extract(ROWS, false)).expect("a file");
    }
    folder
}

fn parts(folder: &tempfile::TempDir, name: &str) -> Vec<ChangePart> {
    let options = SourceOptions { dialect: Dialect::Backfill, ..SourceOptions::default() };
    let parts = source::parts(&InputFile::new(folder.path().join(name), name), &options).expect("the file");
    parts.collect::<eventmirror::Result<_>>().expect("its parts")
}

/// Reading files of each format, without what follows.
pub(crate) fn decode(criterion: &mut Criterion) {
    let folder = files();
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS));
    for format in ["parquet", "csv", "ndjson"] {
        let name = format!("events.{format}");
        group.bench_function(format, |bencher| bencher.iter(|| parts(&folder, &name)));
    }
    group.finish();
}

/// Encoding rows, and leaving one mutation a key.
pub(crate) fn ingest(criterion: &mut Criterion) {
    let parts = parts(&files(), "events.parquet");
    let mut group = criterion.benchmark_group("ingest");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS));
    let (schema, rules) = (Mutex::new(Schema::default()), Rules::default());
    let mut scratch = Scratch::new(&Pool::new(64 << 20));
    let mut prepared = || -> Vec<PreparedRows> {
        let all = parts.iter().map(|part| prepare(part, 0, &schema, &rules, &mut scratch));
        all.collect::<eventmirror::Result<_>>().expect("the rows")
    };
    group.bench_function("prepare", |bencher| bencher.iter(&mut prepared));
    let how = Coalescing { window: WindowKind::Net, mode: UpdateMode::default(), notes_halves: false };
    group.bench_function("coalesce", |bencher| {
        bencher.iter_batched(&mut prepared, |rows| coalesce(rows, how, &schema.lock()), BatchSize::PerIteration);
    });
    group.finish();
}

/// Ten targets: fields, two texts joined, a time, a choice, an object without a member, arithmetic, a path.
const CONVERTER: &str = r#"{"converterConfig":{"fileType":"json","compressionType":"gzip","convertToAmplitudeFunc":{
    "user_id":"user","insert_id":["concat","order",["value","/"],"line"],"time":["iso_time_to_ms","occurred_at"],
    "event_type":"name","platform":["lower","platform"],"country":"country",
    "mutation_type":["cond",["eq","op",["value","c"]],["value","INSERT"],["eq","op",["value","d"]],["value","DELETE"],
                            ["bool",true],["value","UPDATE"]],
    "event_properties":["exclude_keys","payload","internal_note"],
    "revenue_cents":["*","amount",["int",100]],"city":["path","payload","ship","city"]}}}"#;

/// Rows of about 340 bytes, as a change feed writes them.
fn change_feed(rows: u64) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for n in 0..rows {
        let (op, name) = (["c", "c", "u", "d"][(n % 4) as usize], ["Order Placed", "Cart Updated"][(n % 2) as usize]);
        let (user, line, sku) = (n * 7_919 % 20_000, n % 7, n % 99);
        let at = format!("2025-11-{:02}T{:02}:{:02}:00.{:03}Z", 1 + n % 28, n % 24, n % 60, n % 1_000);
        let payload = format!(
            r#"{{"total":{}.5,"sku":["A{sku}","B2"],"note":"some text of a usual length","internal_note":"secret","ship":{{"zip":"94107","city":"San Francisco"}}}}"#,
            n % 1_000
        );
        writeln!(
            gzip,
            r#"{{"op":"{op}","user":"user-{user}","order":"ord-{n}","line":{line},"occurred_at":"{at}","name":"{name}","platform":"WEB","country":"DE","amount":"{}.{:02}","payload":{payload}}}"#,
            n % 500,
            n % 100
        )
        .expect("memory is always written");
    }
    gzip.finish().expect("memory is always written")
}

/// Reading a compressed file of JSON lines, and reading it through a converter.
pub(crate) fn convert(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the file");
    let path = folder.path().join("1.json.gz");
    std::fs::write(&path, change_feed(ROWS)).expect("a file");
    let file = InputFile::new(path, "1.json.gz");
    let mut group = criterion.benchmark_group("convert");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS));
    let converter = Converter::parse(CONVERTER).expect("a converter");
    for (name, converter) in [("read", None), ("read and convert", Some(converter))] {
        let options = SourceOptions { converter, ..SourceOptions::default() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let parts = source::parts(&file, &options).expect("the file");
                let rows: usize = parts.map(|part| part.expect("a part").rows.num_rows()).sum();
                assert_eq!(rows as u64, ROWS);
            });
        });
    }
    group.finish();
}
