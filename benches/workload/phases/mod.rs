//! The phases: what is done, how long it takes, and whether the right thing came out.

mod data;
mod decode;
mod line;
mod mirror;
mod raw;
mod reading;
mod verifying;

use data::Data;
use line::{Line, Measured};
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Runs a phase on a store, or on a file where it needs no store.
pub(crate) fn run(peer: &str, phase: &str, data: &Path, path: &Path) -> Result<Value, Failure> {
    let data = Data::open(data)?;
    if phase == "load" && path.exists() {
        std::fs::remove_dir_all(path)?;
    }
    match (peer, phase) {
        ("eventmirror", "read") => of_file("eventmirror", phase, path, decode::read(path, &data)?),
        ("eventmirror", "decode") => of_file("arrow-rs", phase, path, decode::decode(path, &data)?),
        ("eventmirror", "diff_equal") => {
            let measured = verifying::diff_equal(path)?;
            Ok(Line { peer, phase, path, open: 0.0, close: 0.0 }.json(measured))
        }
        ("eventmirror", _) => on_store((peer, phase, path), mirror::open, |store| match phase {
            "load" => mirror::load(store, &data),
            "b" | "c" | "d" => mirror::changes(store, &data, phase),
            "lookup" => reading::lookup(store, &data),
            "user" => reading::user(store, &data),
            "verify" => verifying::verify_planted(store, &data),
            "verify_equal" => verifying::verify_equal(store, &data),
            "idle" => mirror::idle(path),
            other => Err(format!("eventmirror has no phase {other}").into()),
        }),
        ("rocksdb", _) => on_store((peer, phase, path), raw::open, |database| match phase {
            "load" => raw::load(database, path, &data),
            "b" | "c" | "d" => raw::changes(database, &data, phase),
            "lookup" => raw::lookup(database, &data),
            other => Err(format!("rocksdb has no phase {other}").into()),
        }),
        (other, _) => Err(format!("no peer {other}").into()),
    }
}

/// Opens, measures, closes.
fn on_store<S>(
    (peer, phase, path): (&str, &str, &Path),
    open: impl FnOnce(&Path) -> Result<S, Failure>,
    measure: impl FnOnce(&S) -> Result<Measured, Failure>,
) -> Result<Value, Failure> {
    let started = Instant::now();
    let store = open(path)?;
    let open = started.elapsed().as_secs_f64();
    let measured = measure(&store)?;
    let started = Instant::now();
    drop(store);
    let close = started.elapsed().as_secs_f64();
    Ok(Line { peer, phase, path, open, close }.json(measured))
}

/// The phases of files are told apart by their format.
fn of_file(peer: &str, phase: &str, path: &Path, measured: Measured) -> Result<Value, Failure> {
    let phase = format!("{phase}_{}", decode::format(path)?);
    Ok(Line { peer, phase: &phase, path, open: 0.0, close: 0.0 }.json(measured))
}
