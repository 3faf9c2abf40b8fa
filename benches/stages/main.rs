//! Each stage on one fixed small workload, timed by criterion: `cargo bench --bench stages`.
#![allow(missing_docs)]

mod reading;
mod storing;
mod workload;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    reading::decode,
    reading::convert,
    reading::ingest,
    storing::apply,
    storing::get,
    storing::scan,
    storing::compare
);
criterion_main!(benches);
