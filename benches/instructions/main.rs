//! A phase of a small fixed workload, whose instructions `.ci/instructions` counts.
//!
//! ```text
//! cargo bench --bench instructions -- FOLDER prepare|apply|verify
//! ```
//!
//! `prepare` makes the files and the store that the other phases are given, in FOLDER, and is not counted.
#![allow(clippy::print_stderr, missing_docs)]

#[path = "../stages/workload.rs"]
mod workload;

use eventmirror::{
    ApplyOptions, Dialect, EventStore, Extract, Result, SourceOptions, StoreOptions, Verdict, VerifyOptions,
    apply_files, verify,
};
use std::path::Path;
use std::sync::atomic::AtomicBool;

const EVENTS: u64 = 40_000;
/// One batch half as large as the table, and small ones.
const BATCHES: [u64; 8] = [EVENTS / 2, 500, 500, 500, 500, 500, 500, 500];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [folder, phase] = arguments.as_slice() else {
        eprintln!("usage: cargo bench --bench instructions -- FOLDER prepare|apply|verify");
        return Ok(());
    };
    let folder = Path::new(folder);
    match phase.as_str() {
        "apply" => apply(folder),
        "verify" => check(folder),
        _ => prepare(folder),
    }
}

fn prepare(folder: &Path) -> Result<()> {
    let path = folder.join("verified");
    let store = workload::filled(&path, EVENTS, StoreOptions::default())?;
    workload::write(&store, &folder.join("load.parquet"), workload::extract(EVENTS, false))?;
    workload::write(&store, &folder.join("differing.parquet"), workload::extract(EVENTS, true))?;
    std::fs::create_dir_all(folder.join("changes"))?;
    for (version, size) in (1..).zip(BATCHES) {
        let file = folder.join(format!("changes/{version}.ndjson"));
        workload::write(&store, &file, workload::updated(version, size, EVENTS))?;
    }
    // Opening once more writes to files what stands in the log only, so that no reader has to.
    drop(store);
    EventStore::open(&path, StoreOptions::default()).map(drop)
}

/// A first load of Parquet, and batches of JSON lines.
fn apply(folder: &Path) -> Result<()> {
    let store = EventStore::open(folder.join("applied"), StoreOptions::default())?;
    for (input, dialect) in [("load.parquet", Dialect::Backfill), ("changes", Dialect::S3)] {
        let source = SourceOptions { dialect, is_dialect_given: true, ..SourceOptions::default() };
        let inputs = [folder.join(input).display().to_string()];
        apply_files(&store, &inputs, &source, &ApplyOptions::default(), &AtomicBool::new(false), &mut |_| {})?;
    }
    let updated: u64 = store.log()?.map(|entry| entry.map_or(0, |entry| entry.counts.updated)).sum();
    assert_eq!((store.snapshot().count(), updated), (EVENTS, BATCHES.iter().sum()));
    Ok(())
}

/// An extract with few differences.
fn check(folder: &Path) -> Result<()> {
    let store = EventStore::open(folder.join("verified"), StoreOptions { read_only: true, ..StoreOptions::default() })?;
    let file = folder.join("differing.parquet").display().to_string();
    let found =
        verify(&store.snapshot(), &Extract::open(&[file], SourceOptions::default())?, VerifyOptions::default())?;
    assert_eq!((found.verdict(), found.read), (Verdict::Different, EVENTS));
    Ok(())
}
