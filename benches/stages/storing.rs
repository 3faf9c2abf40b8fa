//! Into the store and out of it.

use super::workload::{self, key, user};
use criterion::{BatchSize, Criterion, Throughput};
use eventmirror::{
    Change, ChangeBatch, EventStore, Extract, Position, ScanRange, SourceOptions, StoreOptions, Verdict, VerifyOptions,
    verify,
};

const EVENTS: u64 = 20_000;

fn filled() -> (tempfile::TempDir, EventStore) {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = workload::filled(&folder.path().join("mirror"), EVENTS, StoreOptions::default()).expect("a new store");
    (folder, store)
}

pub(crate) fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(10);
    for size in [500u64, 10_000] {
        let (_folder, store) = filled();
        let mut position = 0;
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("{size} updates"), |bencher| {
            let batch = || {
                position += 1;
                let updates = workload::updated(position, size, EVENTS).map(Change::Update);
                ChangeBatch::of_changes("bench", Position::Numbered(position), updates.collect())
            };
            bencher.iter_batched(batch, |batch| store.apply(batch).expect("a batch"), BatchSize::PerIteration);
        });
    }
    group.finish();
}

pub(crate) fn get(criterion: &mut Criterion) {
    let (_folder, store) = filled();
    let snapshot = store.snapshot();
    let mut number = 0;
    let mut next = || {
        number = (number + 7_919) % EVENTS;
        number
    };
    criterion.bench_function("get", |bencher| bencher.iter(|| snapshot.get(&key(next())).expect("a read")));
    criterion.bench_function("events of a user", |bencher| {
        bencher.iter(|| snapshot.user_events(&user(next())).expect("a scan").count());
    });
}

pub(crate) fn scan(criterion: &mut Criterion) {
    let (_folder, store) = filled();
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("all events", |bencher| {
        bencher.iter(|| store.snapshot().scan(ScanRange::default()).expect("a scan").count());
    });
    group.finish();
}

/// An extract that equals the store, for which no row of it is read, and one with differences.
pub(crate) fn compare(criterion: &mut Criterion) {
    let (folder, store) = filled();
    let mut group = criterion.benchmark_group("verify");
    group.sample_size(20);
    group.throughput(Throughput::Elements(EVENTS));
    for (name, has_differences, verdict) in
        [("equal", false, Verdict::Identical), ("with differences", true, Verdict::Different)]
    {
        let file = folder.path().join("extract.parquet");
        workload::write(&store, &file, workload::extract(EVENTS, has_differences)).expect("a file");
        let extract = Extract::open(&[file.display().to_string()], SourceOptions::default()).expect("the file");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let found = verify(&store.snapshot(), &extract, VerifyOptions::default()).expect("a comparison");
                assert_eq!(found.verdict(), verdict);
            });
        });
    }
    group.finish();
}
