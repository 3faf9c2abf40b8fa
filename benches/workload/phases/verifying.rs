//! Comparing: an extract with planted differences, one that equals the store, and two equal stores.

use super::Failure;
use super::data::Data;
use super::line::Measured;
use eventmirror::diff::Kind;
use eventmirror::verify::diff;
use eventmirror::{
    EventStore, Extract, SourceOptions, StoreOptions, Value, Verdict, Verification, VerifyOptions, verify,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

fn compare(store: &EventStore, file: &Path) -> Result<(Verification, f64), Failure> {
    let started = Instant::now();
    let extract = Extract::open(&[file.to_string_lossy().into_owned()], SourceOptions::default())?;
    let options = VerifyOptions { limit: usize::MAX, ..VerifyOptions::default() };
    let found = verify(&store.snapshot(), &extract, options)?;
    Ok((found, started.elapsed().as_secs_f64()))
}

pub(super) fn verify_planted(store: &EventStore, data: &Data<'_>) -> Result<Measured, Failure> {
    let (found, seconds) = compare(store, &data.path("snapshot.parquet"))?;
    let kinds = [
        (Kind::Unexpected, "missing_in_snapshot"),
        (Kind::Missing, "extra_in_snapshot"),
        (Kind::Mismatched, "changed"),
    ];
    let mut ok = true;
    for (kind, planted) in kinds {
        ok &= keys(&found, kind) == data.planted(planted)?;
    }
    ok &= found.iter().filter(|sample| sample.kind == Kind::Mismatched).all(|sample| match sample.columns.as_slice() {
        [only] => is_planted(&only.column, only.expected.as_ref()),
        _ => false,
    });
    Ok(Measured::once(found.read, seconds, ok))
}

fn keys(found: &Verification, kind: Kind) -> BTreeSet<(String, String, i64)> {
    let of_kind = found.iter().filter(|sample| sample.kind == kind).map(|sample| sample.key.clone());
    of_kind.map(|key| (key.user_id, key.insert_id, key.event_time)).collect()
}

/// Whether a value is one that the generator plants in that column.
fn is_planted(column: &str, value: Option<&Value>) -> bool {
    match (column, value) {
        ("app_version", Some(Value::Text(text))) => text == "9.9.9",
        ("revenue", Some(Value::Float(number))) => *number == -1.0,
        ("event_properties", Some(Value::Text(text) | Value::Json(text))) => text.contains(r#""neW""#),
        _ => false,
    }
}

pub(super) fn verify_equal(store: &EventStore, data: &Data<'_>) -> Result<Measured, Failure> {
    let (found, seconds) = compare(store, &data.path("snapshot_equal.parquet"))?;
    let ok = found.verdict() == Verdict::Identical && data.manifest["check_after_c"]["rows"] == found.read;
    Ok(Measured::once(found.read, seconds, ok))
}

/// The store and a copy of its folder. Copying and opening are not measured.
pub(super) fn diff_equal(path: &Path) -> Result<Measured, Failure> {
    let copy = path.with_extension("equal");
    std::fs::create_dir_all(&copy)?;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        std::fs::copy(entry.path(), copy.join(entry.file_name()))?;
    }
    let open = |path: &Path| {
        EventStore::open(path, StoreOptions { create: false, read_only: true, ..StoreOptions::default() })
    };
    let (a, b) = (open(path)?.snapshot(), open(&copy)?.snapshot());
    let mut differences = 0u64;
    let started = Instant::now();
    diff(&a, &b, &AtomicBool::new(false), &mut |_| {
        differences += 1;
        Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let rows = a.count();
    drop((a, b));
    std::fs::remove_dir_all(&copy)?;
    Ok(Measured::once(rows, seconds, differences == 0))
}
