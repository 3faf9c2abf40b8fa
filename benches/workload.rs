//! One phase of the generated workload, through the public API, as one JSON line.
//!
//! ```text
//! cargo bench --bench workload -- DATA STORE load|b|c|d|lookup
//! cargo bench --bench workload -- DATA FILE read
//! ```
//!
//! DATA is a folder that the workload generator wrote: `base.parquet`, `b_*`, `c_*` and `d_*.parquet` with a column `op` (I,
//! U, D), `probe_keys.parquet`, and `manifest.json` with the counts that each must give. `load` makes the store; the others open it. The line has the
//! form of the peers' runners: `ok` is true only when the counts and sums are those of the generator's manifest. Times
//! are from the Parquet file to the durable commit; opening and closing stand beside them. `read` decodes and prepares a
//! file with the rows of `base.parquet`, in any format, on one thread, and needs no store.
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]

use eventmirror::ingest::{Rules, Scratch, prepare};
use eventmirror::model::arena::Pool;
use eventmirror::{
    ApplyOptions, Dialect, EventKey, EventStore, InputFile, Mapping, Operation, Policies, Policy, Schema,
    SourceOptions, StoreOptions, TimePrecision, Value, apply_files, source,
};
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, store, phase] = arguments.as_slice() else {
        eprintln!("usage: cargo bench --bench workload -- DATA STORE load|b|c|d|lookup");
        return Ok(());
    };
    let (data, path) = (Path::new(data), Path::new(store));
    let manifest: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(data.join("manifest.json"))?)?;
    if phase == "read" {
        return print(phase, read(path, &manifest)?, (0.0, 0.0), path);
    }
    if phase == "load" && path.exists() {
        std::fs::remove_dir_all(path)?;
    }
    let opened = Instant::now();
    let options = StoreOptions { precision: Some(TimePrecision::Micros), ..StoreOptions::default() };
    let store = EventStore::open(path, options)?;
    let open_seconds = opened.elapsed().as_secs_f64();
    let measured = match phase.as_str() {
        "load" => load(&store, data, &manifest)?,
        "b" | "c" | "d" => changes(&store, data, &manifest, phase)?,
        "lookup" => lookup(&store, data)?,
        other => return Err(format!("no phase {other}").into()),
    };
    let closed = Instant::now();
    drop(store);
    let close_seconds = closed.elapsed().as_secs_f64();
    print(phase, measured, (open_seconds, close_seconds), path)
}

fn print(phase: &str, measured: Measured, (open, close): (f64, f64), path: &Path) -> Result<(), Failure> {
    let Measured { rows, mut seconds, ok } = measured;
    let total: f64 = seconds.iter().sum();
    seconds.sort_by(f64::total_cmp);
    let percentile = |share: usize| seconds[(seconds.len() * share / 100).min(seconds.len() - 1)] * 1e3;
    println!(
        "{}",
        json!({
            "peer": "eventmirror", "version": env!("CARGO_PKG_VERSION"), "phase": phase, "ok": ok, "rows": rows,
            "seconds": total, "rows_per_s": (rows as f64 / total).round(), "peak_rss_mb": peak_rss_mb(),
            "disk_mb": disk_mb(path), "open_s": open,
            "extra": {"close_s": close, "batch_ms": {"p50": percentile(50), "p99": percentile(99)}},
        })
    );
    if ok { Ok(()) } else { Err("the counts are not those of the manifest".into()) }
}

struct Measured {
    rows: u64,
    /// One a batch or lookup.
    seconds: Vec<f64>,
    ok: bool,
}

fn read(file: &Path, manifest: &serde_json::Value) -> Result<Measured, Failure> {
    let source = SourceOptions { dialect: Dialect::Backfill, ..SourceOptions::default() };
    let rules = Rules { precision: TimePrecision::Micros, ..Rules::default() };
    let (schema, mut scratch) = (Mutex::new(Schema::default()), Scratch::new(&Pool::new(64 << 20)));
    let started = Instant::now();
    let mut rows = 0;
    for part in source::parts(&InputFile::new(file, "file"), &source)? {
        let prepared = prepare(&part?, rows, &schema, &rules, &mut scratch)?;
        rows += prepared.rows.len() as u64;
    }
    Ok(Measured { rows, seconds: vec![started.elapsed().as_secs_f64()], ok: manifest["n"] == rows })
}

fn load(store: &EventStore, data: &Path, manifest: &serde_json::Value) -> Result<Measured, Failure> {
    let source = SourceOptions { dialect: Dialect::Backfill, ..SourceOptions::default() };
    let started = Instant::now();
    let applied = apply(store, &data.join("base.parquet"), &source)?;
    let seconds = started.elapsed().as_secs_f64();
    let rows = applied.entry.counts.inserted;
    Ok(Measured { rows, seconds: vec![seconds], ok: manifest["n"] == rows })
}

fn changes(store: &EventStore, data: &Path, manifest: &serde_json::Value, phase: &str) -> Result<Measured, Failure> {
    let aliases = [("I", Operation::Insert), ("U", Operation::Update), ("D", Operation::Delete)];
    let source = SourceOptions {
        dialect: Dialect::S3,
        mapping: Mapping::parse(&["op=op"])?,
        op_aliases: aliases.map(|(text, operation)| (text.to_owned(), operation)).to_vec(),
        ..SourceOptions::default()
    };
    let mut measured = Measured { rows: 0, seconds: Vec::new(), ok: true };
    for file in files(data, &format!("{phase}_"))? {
        let started = Instant::now();
        let applied = apply(store, &file, &source)?;
        measured.seconds.push(started.elapsed().as_secs_f64());
        let expected = &manifest["files"][file.file_name().and_then(|name| name.to_str()).unwrap_or_default()];
        let counts = &applied.entry.counts;
        measured.rows += counts.read;
        measured.ok &= expected["inserted"] == counts.inserted;
        measured.ok &= expected["updated"] == counts.updated && expected["deleted"] == counts.deleted;
    }
    if phase != "b" {
        measured.ok &= sums_agree(store, &manifest[&format!("check_after_{phase}")])?;
    }
    Ok(measured)
}

fn apply(store: &EventStore, file: &Path, source: &SourceOptions) -> Result<eventmirror::Applied, Failure> {
    // The peers leave out what does not match, and count it.
    let policies =
        Policies { on_insert_conflict: Policy::Ignore, on_unmatched_update: Policy::Ignore, ..Policies::default() };
    let options = ApplyOptions { policies, ..ApplyOptions::default() };
    let input = file.to_string_lossy().into_owned();
    let mut applied = apply_files(store, &[input], source, &options, &AtomicBool::new(false), &mut |_| {})?;
    applied.pop().ok_or_else(|| "no batch".into())
}

fn sums_agree(store: &EventStore, expected: &serde_json::Value) -> Result<bool, Failure> {
    let (mut rows, mut sessions, mut revenues, mut revenue) = (0u64, 0i128, 0u64, 0f64);
    for event in store.snapshot().scan(Default::default())? {
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

fn lookup(store: &EventStore, data: &Path) -> Result<Measured, Failure> {
    use arrow::array::{AsArray, StringArray};
    use arrow::datatypes::TimestampMicrosecondType;
    let mut keys = Vec::new();
    let file = std::fs::File::open(data.join("probe_keys.parquet"))?;
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
        let batch = batch?;
        let (users, inserts): (&StringArray, &StringArray) = (batch.column(0).as_string(), batch.column(1).as_string());
        let times = batch.column(2).as_primitive::<TimestampMicrosecondType>();
        keys.extend(
            (0..batch.num_rows()).map(|row| EventKey::new(users.value(row), inserts.value(row), times.value(row))),
        );
    }
    let snapshot = store.snapshot();
    let mut measured = Measured { rows: keys.len() as u64, seconds: Vec::new(), ok: true };
    // The first round warms the cache.
    for round in 0..2 {
        for key in &keys {
            let started = Instant::now();
            let found = snapshot.get(key)?;
            if round == 1 {
                measured.seconds.push(started.elapsed().as_secs_f64());
            }
            measured.ok &= found.is_some();
        }
    }
    Ok(measured)
}

fn files(data: &Path, prefix: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(data)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    files.sort();
    Ok(files)
}

/// The process's own peak, as Linux tells it.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn disk_mb(path: &Path) -> u64 {
    let sizes = std::fs::read_dir(path).into_iter().flatten().flatten().filter_map(|entry| entry.metadata().ok());
    sizes.map(|metadata| metadata.len()).sum::<u64>() / 1_000_000
}
