//! Apply and get, timed by criterion: `cargo bench --bench stages`.
#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use eventmirror::{Change, ChangeBatch, Event, EventKey, EventStore, Position, StoreOptions, Value};

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

criterion_group!(benches, apply, get);
criterion_main!(benches);
