//! Converting, applying and getting, timed by criterion: `cargo bench --bench stages`.
#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use eventmirror::{
    Change, ChangeBatch, Converter, Event, EventKey, EventStore, InputFile, Position, SourceOptions, StoreOptions,
    Value, source,
};
use std::io::Write;

const USERS: u64 = 500;
const EVENTS: u64 = 20_000;

fn event(number: u64, version: u64) -> Event {
    let properties = format!(r#"{{"item":"sku-{number}","price_cents":{},"version":{version}}}"#, number * 7 % 50_000);
    Event::new(key(number))
        .with("event_type", Value::Text(["page_view", "cart_add", "search"][(number % 3) as usize].into()))
        .with("platform", Value::Text("web".into()))
        .with("revenue", Value::Float(number as f64 / 100.0))
        .with("event_properties", Value::Json(properties))
}

fn key(number: u64) -> EventKey {
    EventKey::new(format!("user-{}", number % USERS), format!("event-{number}"), 1_767_225_600_000 + number as i64)
}

fn filled() -> (tempfile::TempDir, EventStore) {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default()).expect("a new store");
    let changes = (0..EVENTS).map(|number| Change::Insert(event(number, 0))).collect();
    store.apply(ChangeBatch::of_changes("bench", Position::Numbered(0), changes)).expect("the first load");
    (folder, store)
}

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(10);
    for size in [500u64, 10_000] {
        let (_folder, store) = filled();
        let mut position = 0;
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("{size} updates"), |bencher| {
            let batch = || {
                position += 1;
                let numbers = (0..size).map(|number| (number * 37 + position) % EVENTS);
                let changes = numbers.map(|number| Change::Update(event(number, position))).collect();
                ChangeBatch::of_changes("bench", Position::Numbered(position), changes)
            };
            bencher.iter_batched(batch, |batch| store.apply(batch).expect("a batch"), BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn get(criterion: &mut Criterion) {
    let (_folder, store) = filled();
    let snapshot = store.snapshot();
    let mut number = 0;
    criterion.bench_function("get", |bencher| {
        bencher.iter(|| {
            number = (number + 7_919) % EVENTS;
            snapshot.get(&key(number)).expect("a read")
        });
    });
    criterion.bench_function("events of a user", |bencher| {
        bencher.iter(|| {
            number = (number + 7_919) % EVENTS;
            snapshot.user_events(&format!("user-{}", number % USERS)).expect("a scan").count()
        });
    });
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
fn convert(criterion: &mut Criterion) {
    const ROWS: u64 = 100_000;
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

criterion_group!(benches, convert, apply, get);
criterion_main!(benches);
