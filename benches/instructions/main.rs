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

use eventmirror::{EventStore, Extract, Result, SourceOptions, StoreOptions, Verdict, VerifyOptions, verify};
use std::path::Path;

const EVENTS: u64 = 20_000;
const SMALL_BATCHES: u64 = 10;

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
    workload::write_events(&store, &folder.join("differing.csv"), EVENTS, true)?;
    // Opening once more writes to files what stands in the log only, so that no reader has to.
    drop(store);
    EventStore::open(&path, StoreOptions::default()).map(drop)
}

/// A first load, one batch as large as half of the table, and small ones.
fn apply(folder: &Path) -> Result<()> {
    let store = workload::filled(&folder.join("applied"), EVENTS, StoreOptions::default())?;
    store.apply(workload::updates(1, EVENTS / 2, EVENTS))?;
    for position in 2..2 + SMALL_BATCHES {
        store.apply(workload::updates(position, 500, EVENTS))?;
    }
    assert_eq!(store.snapshot().count(), EVENTS);
    Ok(())
}

/// An extract with few differences.
fn check(folder: &Path) -> Result<()> {
    let store = EventStore::open(folder.join("verified"), StoreOptions { read_only: true, ..StoreOptions::default() })?;
    let file = folder.join("differing.csv").display().to_string();
    let found = verify(&store.snapshot(), &Extract::open(&[file], SourceOptions::default())?, VerifyOptions::default())?;
    assert_eq!((found.verdict(), found.read), (Verdict::Different, EVENTS));
    Ok(())
}
