//! Writing: the first load, batches of changes, and what is left on the disk.

use super::Failure;
use super::data::Data;
use super::line::{Measured, disk_mb};
use eventmirror::{
    Applied, ApplyOptions, Dialect, EventStore, Mapping, Operation, Policies, Policy, Progress, ScanRange,
    SourceOptions, StoreOptions, TimePrecision, Value, apply_files,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

pub(super) fn open(path: &Path) -> Result<EventStore, Failure> {
    let options = StoreOptions { precision: Some(TimePrecision::Micros), ..StoreOptions::default() };
    Ok(EventStore::open(path, options)?)
}

pub(super) fn load(store: &EventStore, data: &Data<'_>) -> Result<Measured, Failure> {
    let source = SourceOptions { dialect: Dialect::Backfill, ..SourceOptions::default() };
    let started = Instant::now();
    let applied = apply(store, &[data.path("base.parquet")], &source, &mut || {})?;
    let seconds = started.elapsed().as_secs_f64();
    let rows = applied.iter().map(|applied| applied.entry.counts.inserted).sum();
    Ok(Measured::once(rows, seconds, data.manifest["n"] == rows))
}

pub(super) fn changes(store: &EventStore, data: &Data<'_>, phase: &str) -> Result<Measured, Failure> {
    let aliases = [("I", Operation::Insert), ("U", Operation::Update), ("D", Operation::Delete)];
    let source = SourceOptions {
        dialect: Dialect::S3,
        mapping: Mapping::parse(&["op=op"])?,
        op_aliases: aliases.map(|(text, operation)| (text.to_owned(), operation)).to_vec(),
        ..SourceOptions::default()
    };
    let mut measured = Measured { rows: 0, seconds: Vec::new(), ok: true };
    let files = data.batches(phase)?;
    let mut last = Instant::now();
    let all = apply(store, &files, &source, &mut || {
        measured.seconds.push(last.elapsed().as_secs_f64());
        last = Instant::now();
    })?;
    measured.ok &= all.len() == files.len();
    for (file, applied) in files.iter().zip(all) {
        let (counts, expected) = (&applied.entry.counts, data.batch(file));
        measured.rows += counts.read;
        measured.ok &= expected["inserted"] == counts.inserted;
        measured.ok &= expected["updated"] == counts.updated && expected["deleted"] == counts.deleted;
    }
    if phase != "b" {
        measured.ok &= sums_agree(store, &data.manifest[&format!("check_after_{phase}")])?;
    }
    Ok(measured)
}

/// Applies files in the order of their names, as a user does with a folder of them. `done` hears of each commit.
fn apply(
    store: &EventStore,
    files: &[PathBuf],
    source: &SourceOptions,
    done: &mut dyn FnMut(),
) -> Result<Vec<Applied>, Failure> {
    // The peers leave out what does not match, and count it.
    let policies =
        Policies { on_insert_conflict: Policy::Ignore, on_unmatched_update: Policy::Ignore, ..Policies::default() };
    let options = ApplyOptions { policies, ..ApplyOptions::default() };
    let inputs: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let mut hear = |progress: Progress<'_>| {
        if let Progress::Done(_) = progress {
            done();
        }
    };
    Ok(apply_files(store, &inputs, source, &options, &AtomicBool::new(false), &mut hear)?)
}

fn sums_agree(store: &EventStore, expected: &serde_json::Value) -> Result<bool, Failure> {
    let (mut rows, mut sessions, mut revenues, mut revenue) = (0u64, 0i128, 0u64, 0f64);
    for event in store.snapshot().scan(ScanRange::default())? {
        let event = event?;
        rows += 1;
        if let Some(Value::Int(session)) = event.get("session_id") {
            sessions += i128::from(*session);
        }
        if let Some(Value::Float(value)) = event.get("revenue") {
            (revenues, revenue) = (revenues + 1, revenue + value);
        }
    }
    let is_near = expected["sum_revenue"].as_f64().is_some_and(|sum| (sum - revenue).abs() < 0.01);
    Ok(expected["rows"] == rows
        // Of ten million rows it is beyond 64 bits, and the manifest's reader rounds it.
        && expected["sum_session_id"].as_f64() == Some(sessions as f64)
        && expected["revenue_rows"] == revenues
        && is_near)
}

/// Waits until background work has left the folder as it is for two seconds, for two minutes at most.
pub(super) fn idle(path: &Path) -> Result<Measured, Failure> {
    const STEP: Duration = Duration::from_millis(200);
    let (started, mut unchanged, mut last) = (Instant::now(), 0, disk_mb(path));
    while unchanged < 10 && started.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(STEP);
        let now = disk_mb(path);
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
    }
    Ok(Measured::once(0, started.elapsed().as_secs_f64(), unchanged == 10))
}
